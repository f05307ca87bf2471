//! How far the streams are filled: for the workers that live.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use support::{Fleet, Process};

#[tokio::test]
async fn slots_of_a_worker_that_died_are_not_filled_for() {
    let fleet = Fleet::new().await;
    // As a killed one leaves it: believed until long ago.
    fleet.ask::<i64>(&["ZADD", "earmark:workers", "1", "dead"]).await;
    fleet.ask::<i64>(&["HSET", "earmark:slots", "dead", "100"]).await;
    let jobs = fleet.submit_gated(20).await;
    let process = Process::start(&fleet, 2);
    fleet.begun(2).await;
    let filled = fleet.until::<u64>(&["XLEN", "earmark:lane:call"], |entries| *entries == 4).await;
    assert_eq!((filled, fleet.ask::<i64>(&["HEXISTS", "earmark:slots", "dead"]).await), (4, 0));
    fleet.gate.add_permits(jobs.len());
    for job in &jobs {
        assert!(fleet.ask::<u64>(&["XLEN", "earmark:lane:call"]).await <= 4);
        fleet.ended(job).await;
    }
    process.stop().await;
}
