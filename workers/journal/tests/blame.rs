//! Which deaths count against a job, and jobs woken by what they wait for.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[macro_use]
mod support;

use earmark_core::{JobState, Lane};
use earmark_journal::QUARANTINE_DEATHS;
use support::*;

on_both!(
    a_job_that_only_waited_is_not_blamed_for_the_death_of_its_worker,
    jobs_that_wait_for_one_thing_are_woken_by_its_name,
);

async fn a_job_that_only_waited_is_not_blamed_for_the_death_of_its_worker(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let id = stores.journal.accept(&new_job("call"), "cli:me").await.unwrap().job.id;
    for round in 0..QUARANTINE_DEATHS + 2 {
        let (_, lease) =
            stores.journal.lease_next(&worker(&format!("w{round}")), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
        if round % 2 == 1 {
            stores.journal.set_blameless(&lease, false).await.unwrap();
            stores.journal.set_blameless(&lease, true).await.unwrap();
        }
        stores.clock.advance_ms(LEASE_MS + 60_000);
        stores.journal.sweep().await.unwrap();
        stores.clock.advance_ms(60_000);
        let job = stores.journal.get(&id).await.unwrap();
        assert_eq!((job.state, job.deaths), (JobState::Ready, 0));
    }
    for round in 0..QUARANTINE_DEATHS {
        let (_, lease) =
            stores.journal.lease_next(&worker(&format!("x{round}")), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
        stores.journal.set_blameless(&lease, false).await.unwrap();
        stores.clock.advance_ms(LEASE_MS + 60_000);
        stores.journal.sweep().await.unwrap();
        stores.clock.advance_ms(60_000);
    }
    assert_eq!(stores.journal.get(&id).await.unwrap().state, JobState::Dead);
}

async fn jobs_that_wait_for_one_thing_are_woken_by_its_name(ground: Ground) {
    let stores = Stores::on(&ground).await;
    for name in ["a", "b"] {
        stores.journal.accept(&new_job(name), "cli:me").await.unwrap();
        let (_, lease) = stores.journal.lease_next(&worker(name), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
        let why = if name == "a" { "budget.spent" } else { "fetch.unavailable" };
        stores.journal.retry_at(&lease, START_MS + 1_000_000, &problem(why), false).await.unwrap();
    }
    assert_eq!(stores.journal.wake("budget.spent").await.unwrap(), 1);
    assert!(stores.journal.lease_next(&worker("c"), Lane::ALL, LEASE_MS).await.unwrap().is_some());
    assert!(stores.journal.lease_next(&worker("c"), Lane::ALL, LEASE_MS).await.unwrap().is_none());
    assert_eq!(stores.journal.wake("budget.spent").await.unwrap(), 0);
}
