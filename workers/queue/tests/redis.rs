//! The queue on a real Redis: delivery, and each way in which it could lose or repeat something.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use earmark_core::{JobState, Lane};
use earmark_servers::within;
use support::{Fleet, Process};

async fn turns_out(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

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
    within("the loss to be noticed", turns_out(|| process.broker.health().problem().is_some())).await;
    assert_eq!(process.broker.health().problem().unwrap().code, "redis.unreachable");
    fleet.redis.start_again();
    fleet.ended(&during).await;
    within("the server's return", turns_out(|| process.broker.health().problem().is_none())).await;
    process.stop().await;
}

/// The fields of an entry by name.
type Entry = (String, std::collections::HashMap<String, String>);

async fn entries(fleet: &Fleet, stream: &str, count: usize) -> Vec<Entry> {
    fleet.until(&["XRANGE", stream, "-", "+"], |entries: &Vec<Entry>| entries.len() >= count).await
}

#[tokio::test]
async fn a_producers_entry_becomes_a_job_and_its_outcome_comes_back() {
    let fleet = Fleet::new().await;
    // Before anybody made the group.
    let first: String = fleet.ask(&["XADD", "earmark:intake", "*", "uri", "s3://calls/1.wav", "key", "k1"]).await;
    let process = Process::start(&fleet, 2);
    let whole = ["tenant", "acme", "lane", "webhook", "key", "k2", "metadata", r#"{"agent": 7}"#, "priority", "3"];
    let second: String =
        fleet.ask(&[&["XADD", "earmark:intake", "*", "uri", "s3://calls/2.wav"], &whole[..]].concat()).await;
    let told = entries(&fleet, "earmark:results", 2).await;
    for (intake_id, tenant, key) in [(&first, "default", "k1"), (&second, "acme", "k2")] {
        let (_, fields) = told.iter().find(|(_, fields)| fields["intake_id"] == **intake_id).unwrap();
        assert_eq!([&fields["tenant"], &fields["key"], &fields["state"]], [tenant, key, "cancelled"]);
        assert_eq!(fields["report_uri"], "");
        let job = fleet.journal.get(&earmark_core::JobId::parse(&fields["job_id"]).unwrap()).await.unwrap();
        assert_eq!(job.key.as_deref(), Some(key));
    }
    // The same key again names a job that has ended: the answer comes at once, for this entry.
    let again: String = fleet.ask(&["XADD", "earmark:intake", "*", "uri", "s3://calls/1.wav", "key", "k1"]).await;
    let told = entries(&fleet, "earmark:results", 3).await;
    assert_eq!((told.len(), &told[2].1["intake_id"]), (3, &again));
    // A job that came another way has an outcome too, without a name.
    let other = fleet.submit("acme", Lane::Call).await;
    let told = entries(&fleet, "earmark:results", 4).await;
    assert_eq!((told[3].1["intake_id"].as_str(), told[3].1["job_id"].as_str()), ("", other.as_str()));
    fleet.until(&["XLEN", "earmark:intake"], |length: &u64| *length == 0).await;
    process.stop().await;
}

#[tokio::test]
async fn a_malformed_entry_goes_aside_with_its_reason_and_is_counted() {
    let fleet = Fleet::new().await;
    let process = Process::start(&fleet, 1);
    let bad: String = fleet.ask(&["XADD", "earmark:intake", "*", "url", "s3://calls/1.wav"]).await;
    fleet.ask::<String>(&["XADD", "earmark:intake", "*", "uri", "s3://calls/1.wav", "lane", "urgent"]).await;
    let unkept = "a".repeat(64);
    fleet.ask::<String>(&["XADD", "earmark:intake", "*", "uri", "s3://calls/1.wav", "rule_set", &unkept]).await;
    let aside = entries(&fleet, "earmark:rejected", 3).await;
    assert_eq!((&aside[0].1["intake_id"], aside[0].1["url"].as_str()), (&bad, "s3://calls/1.wav"));
    assert!(aside[0].1["reason"].contains("`url` is no field"), "{aside:?}");
    assert!(aside[1].1["reason"].contains("webhook, call, archive"), "{aside:?}");
    assert!(aside[2].1["reason"].contains("no rule set") && aside[2].1["rule_set"] == unkept, "{aside:?}");
    assert_eq!(fleet.ask::<u64>(&["HGET", "earmark:counts", "rejected"]).await, 3);
    fleet.until(&["XLEN", "earmark:intake"], |length: &u64| *length == 0).await;
    process.stop().await;
}

#[tokio::test]
async fn an_entry_that_is_read_twice_is_one_job() {
    let fleet = Fleet::new().await;
    let entry = earmark_core::NewJob {
        intake_id: Some("1-1".into()),
        ..earmark_core::NewJob::new("s3://calls/a.wav", "s3://calls/a.wav", earmark_core::Tenant::default())
    };
    let first = fleet.journal.accept(&entry, "test").await.unwrap();
    let other = earmark_core::NewJob { intake_id: Some("1-2".into()), key: Some("k".into()), ..entry.clone() };
    let both = fleet.journal.accept_many(&[entry, other], "test").await.unwrap();
    let both: Vec<_> = both.into_iter().map(Result::unwrap).collect();
    assert_eq!((both[0].is_new, &both[0].job.id, both[1].is_new), (false, &first.job.id, true));
}

#[tokio::test]
async fn what_two_processes_dispatch_at_once_is_delivered_once_and_the_window_holds() {
    let fleet = Fleet::new().await;
    for _ in 0..200 {
        fleet.submit("a", Lane::Call).await;
    }
    let processes = [Process::start(&fleet, 2), Process::start(&fleet, 2)];
    let mut most = 0;
    let handling = async {
        while fleet.handled.lock().unwrap().len() < 200 {
            most = most.max(fleet.ask::<u64>(&["XLEN", "earmark:lane:call"]).await);
        }
    };
    within("200 jobs", handling).await;
    for process in processes {
        process.stop().await;
    }
    assert!(most <= 8, "{most} entries for four slots");
    let mut jobs: Vec<_> = fleet.handled.lock().unwrap().iter().map(|(_, job)| job.clone()).collect();
    jobs.sort();
    jobs.dedup();
    assert_eq!((jobs.len(), fleet.handled.lock().unwrap().len()), (200, 200));
}

#[tokio::test]
async fn within_a_tenant_the_higher_priority_is_dispatched_first_and_none_twice() {
    let fleet = Fleet::new().await;
    let mut jobs = Vec::new();
    for (at, priority) in [0, 5, -1, 5].into_iter().enumerate() {
        let new = earmark_core::NewJob {
            key: Some(at.to_string()),
            priority,
            ..earmark_core::NewJob::new("u", "u", earmark_core::Tenant::default())
        };
        jobs.push(fleet.journal.accept(&new, "test").await.unwrap().job.id);
    }
    let queued = fleet.journal.queue_due(Lane::Call, 3, 60_000).await.unwrap();
    assert_eq!(queued, [jobs[1].clone(), jobs[3].clone(), jobs[0].clone()]);
    assert_eq!(fleet.journal.queue_due(Lane::Call, 3, 60_000).await.unwrap(), [jobs[2].clone()]);
    assert!(fleet.journal.queue_due(Lane::Call, 3, 60_000).await.unwrap().is_empty());
    assert_eq!(fleet.journal.forget_queued().await.unwrap(), 4);
    assert_eq!(fleet.journal.queue_due(Lane::Call, 1, 60_000).await.unwrap().len(), 1);
}
