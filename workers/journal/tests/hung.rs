//! A holder that reports work of its own that hangs: a death of its own kind.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[macro_use]
mod support;

use earmark_core::{JobState, Lane};
use earmark_journal::{JournalError, QUARANTINE_DEATHS};
use support::*;

on_both!(
    a_job_that_hangs_its_workers_waits_longer_each_time_and_is_quarantined_with_the_stage,
    a_job_called_off_while_it_hangs_is_cancelled,
);

async fn a_job_that_hangs_its_workers_waits_longer_each_time_and_is_quarantined_with_the_stage(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let id = stores.journal.accept(&new_job("call"), "cli:me").await.unwrap().job.id;
    for round in 1..=QUARANTINE_DEATHS {
        let (job, lease) =
            stores.journal.lease_next(&worker(&format!("w{round}")), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
        assert_eq!(job.attempt, 1, "hangs have a count of their own");
        let state = stores.journal.hung(&lease, &problem("job.hung")).await.unwrap();
        let job = stores.journal.get(&id).await.unwrap();
        assert_eq!((job.state, job.deaths), (state, round));
        if round < QUARANTINE_DEATHS {
            let now_ms = earmark_core::Clock::now_ms(&*stores.clock);
            assert_eq!((state, job.run_at_ms), (JobState::Ready, now_ms + (2_000 << (round - 1))));
        }
        assert!(matches!(stores.journal.hung(&lease, &problem("job.hung")).await, Err(JournalError::LeaseLost(_))));
        stores.clock.advance_ms(60_000);
    }
    let job = stores.journal.get(&id).await.unwrap();
    let error = job.error.unwrap();
    assert_eq!((job.state, error.code.as_str()), (JobState::Dead, "job.quarantined"));
    assert!(error.message.contains("the last one hung: "), "{error}");
}

async fn a_job_called_off_while_it_hangs_is_cancelled(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let id = stores.journal.accept(&new_job("call"), "cli:me").await.unwrap().job.id;
    for _ in 0..QUARANTINE_DEATHS - 1 {
        let (_, lease) = stores.journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
        stores.journal.hung(&lease, &problem("job.hung")).await.unwrap();
        stores.clock.advance_ms(60_000);
    }
    let (_, lease) = stores.journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
    stores.journal.cancel(&id, "me").await.unwrap();
    assert_eq!(stores.journal.hung(&lease, &problem("job.hung")).await.unwrap(), JobState::Cancelled);
}
