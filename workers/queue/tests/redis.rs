//! The queue on a real Redis: delivery, and each way in which it could lose or repeat something.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use earmark_core::{JobState, Lane};
use support::{Fleet, Process};

#[tokio::test]
async fn jobs_reach_workers_through_the_streams_and_leave_nothing_there() {
    let fleet = Fleet::new().await;
    let process = Process::start(&fleet, 4);
    let mut jobs = Vec::new();
    for at in 0..40 {
        jobs.push(fleet.submit(["a", "b", "c"][at % 3], *Lane::ALL.get(at % 3).unwrap()).await);
    }
    for job in &jobs {
        assert_eq!(fleet.ended(job).await.state, JobState::Cancelled);
    }
    process.stop().await;
    for lane in Lane::ALL {
        let stream = format!("earmark:lane:{lane}");
        assert_eq!(fleet.ask::<u64>(&["XLEN", &stream]).await, 0);
        assert_eq!(
            fleet
                .ask::<(u64, Option<String>, Option<String>, Option<Vec<String>>)>(&["XPENDING", &stream, "earmark"])
                .await
                .0,
            0
        );
    }
    assert_eq!(fleet.handled.lock().unwrap().len(), 40, "none was done twice");
}

#[tokio::test]
async fn a_job_submitted_elsewhere_is_taken_at_once_and_one_tenants_many_do_not_stand_before_anothers_one() {
    let fleet = Fleet::new().await;
    for _ in 0..1000 {
        fleet.submit("many", Lane::Call).await;
    }
    let one = fleet.submit("one", Lane::Call).await;
    let process = Process::start(&fleet, 2);
    fleet.ended(&one).await;
    // Two in hand, a window of four, two more while it was told.
    let before = fleet.handled.lock().unwrap().len();
    assert!(before <= 12, "{before} jobs of the other tenant came first");
    process.stop().await;
}

#[tokio::test]
async fn a_flushed_server_is_filled_again_from_the_journal() {
    let fleet = Fleet::new().await;
    let process = Process::start(&fleet, 2);
    let first: Vec<_> = fleet.submit_gated(30).await;
    fleet.begun(2).await;
    fleet.redis.tell(&["FLUSHALL"]).await;
    fleet.gate.add_permits(30);
    for job in &first {
        fleet.ended(job).await;
    }
    process.stop().await;
    assert_eq!(fleet.handled.lock().unwrap().len(), 30, "none was done twice");
}

#[tokio::test]
async fn a_server_that_is_away_for_a_while_is_survived_and_reported() {
    let mut fleet = Fleet::new().await;
    let process = Process::start(&fleet, 2);
    let before = fleet.submit("a", Lane::Call).await;
    fleet.ended(&before).await;
    assert_eq!(process.broker.health().problem(), None);
    fleet.redis.stop();
    let during = fleet.submit("a", Lane::Call).await;
    while process.broker.health().problem().is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(process.broker.health().problem().unwrap().code, "redis.unreachable");
    fleet.redis.start_again();
    fleet.ended(&during).await;
    while process.broker.health().problem().is_some() {
        tokio::task::yield_now().await;
    }
    process.stop().await;
}
