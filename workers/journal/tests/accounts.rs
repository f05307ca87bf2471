//! Accounts that are stopped, and jobs that wait for them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[macro_use]
mod support;

use earmark_core::{Job, JobState, Lane, Tenant};
use earmark_journal::{AccountState, Accounts, AuditLog, Journal};
use support::*;

on_both!(
    a_pause_is_seen_by_every_process_and_raises_one_alert,
    a_pause_ends_by_itself_and_pausing_again_only_makes_it_longer,
    cooling_is_quiet_only_gets_longer_and_never_replaces_a_pause,
    resuming_opens_the_account_and_wakes_the_jobs_that_wait_for_it,
    processes_that_stop_an_account_together_raise_one_alert,
    every_journal_of_one_database_hears_of_a_job_made_ready,
);

const HOUR_MS: i64 = 3_600_000;

async fn kinds_on_record(stores: &Stores) -> Vec<String> {
    for chain in stores.audit.verify(None).await.unwrap() {
        assert!(chain.is_sound(), "{chain:?}");
    }
    let entries = stores.audit.page(&Tenant::default(), 0, 100).await.unwrap();
    entries.into_iter().map(|entry| entry.head.kind).filter(|kind| kind.starts_with("account.")).collect()
}

async fn alerts(stores: &Stores) -> Vec<String> {
    stores.outbox.alerts(None, true, 10).await.unwrap().into_iter().map(|alert| alert.message).collect()
}

fn paused(until_ms: Option<i64>, message: &str) -> AccountState {
    AccountState::Paused { until_ms, code: "glm.1113".into(), message: message.into() }
}

fn cooling(until_ms: i64) -> AccountState {
    AccountState::Cooling { until_ms, code: "glm.1305".into(), message: "busy".into() }
}

async fn a_pause_is_seen_by_every_process_and_raises_one_alert(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let elsewhere = Accounts::new(stores.reopened().await);
    assert_eq!(elsewhere.state("main").await.unwrap(), AccountState::Open);
    assert!(stores.accounts.pause("main", None, "glm.1113", "in arrears", "worker:w").await.unwrap());
    assert!(!elsewhere.pause("main", None, "glm.1113", "in arrears", "worker:v").await.unwrap());
    assert_eq!(elsewhere.state("main").await.unwrap(), paused(None, "in arrears"));
    assert_eq!(elsewhere.state("other").await.unwrap(), AccountState::Open, "each account by itself");
    assert_eq!(alerts(&stores).await, ["account main is paused until a person resumes it: in arrears"]);
    assert_eq!(kinds_on_record(&stores).await, ["account.paused"]);
    let rows = elsewhere.all().await.unwrap();
    assert_eq!(
        rows.iter().map(|row| (row.name.as_str(), row.changed_at_ms, row.changed_by.as_str())).collect::<Vec<_>>(),
        [("main", START_MS, "worker:w")]
    );
}

async fn a_pause_ends_by_itself_and_pausing_again_only_makes_it_longer(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let accounts = &stores.accounts;
    let pause = async |until_ms, message| accounts.pause("main", until_ms, "glm.1113", message, "w").await.unwrap();
    let state = async || accounts.state("main").await.unwrap();
    assert!(pause(Some(START_MS + HOUR_MS), "quota").await);
    assert!(!pause(Some(START_MS + 1), "shorter").await);
    assert_eq!(state().await, paused(Some(START_MS + HOUR_MS), "quota"));
    assert!(!pause(Some(START_MS + 2 * HOUR_MS), "longer").await);
    stores.clock.advance_ms(2 * HOUR_MS - 1);
    assert_eq!(state().await, paused(Some(START_MS + 2 * HOUR_MS), "longer"));
    stores.clock.advance_ms(1);
    assert_eq!(state().await, AccountState::Open);
    assert_eq!(accounts.all().await.unwrap()[0].state, AccountState::Open);

    assert!(pause(Some(START_MS + 3 * HOUR_MS), "again").await, "the pause before was over");
    assert!(!pause(None, "for good").await);
    assert!(!pause(Some(START_MS + 9 * HOUR_MS), "not for good").await);
    stores.clock.advance_ms(1000 * HOUR_MS);
    assert_eq!(state().await, paused(None, "for good"));
    assert_eq!(alerts(&stores).await.len(), 1, "that of the pause before was closed");
}

async fn cooling_is_quiet_only_gets_longer_and_never_replaces_a_pause(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let accounts = &stores.accounts;
    let cool = async |until_ms| accounts.cool("main", until_ms, "glm.1305", "busy", "w").await.unwrap();
    let state = async || accounts.state("main").await.unwrap();
    assert!(cool(START_MS + 2000).await);
    assert!(!cool(START_MS + 1000).await, "it was cooling already");
    assert_eq!(state().await, cooling(START_MS + 2000));
    assert!(!cool(START_MS + 4000).await);
    assert_eq!(state().await, cooling(START_MS + 4000));
    stores.clock.advance_ms(4000);
    assert_eq!(state().await, AccountState::Open);
    assert!(cool(START_MS + 9000).await, "it was open again");
    assert!(alerts(&stores).await.is_empty());
    assert!(kinds_on_record(&stores).await.is_empty());

    assert!(accounts.pause("main", Some(START_MS + 6000), "glm.1113", "arrears", "w").await.unwrap());
    assert!(!cool(START_MS + 90_000).await);
    assert_eq!(state().await, paused(Some(START_MS + 6000), "arrears"));
    stores.clock.advance_ms(2000);
    assert_eq!(state().await, AccountState::Open);
    assert!(cool(START_MS + 90_000).await, "the pause was over");
}

async fn resuming_opens_the_account_and_wakes_the_jobs_that_wait_for_it(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let (journal, accounts) = (&stores.journal, &stores.accounts);
    accounts.pause("main", None, "glm.1113", "arrears", "w").await.unwrap();
    let put_off = async |code: &str| -> Job {
        journal.accept(&new_job(code), "cli").await.unwrap();
        let (job, lease) = journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
        journal.retry_at(&lease, START_MS + HOUR_MS, &problem(code), false).await.unwrap();
        job
    };
    let mut waiting = Vec::new();
    for code in [
        "transcribe.account_stopped",
        "transcribe.credentials",
        "transcribe.account_paused",
        "transcribe.account_cooling",
    ] {
        waiting.push(put_off(code).await.id);
    }
    let other = put_off("fetch.connect").await.id;
    stores.clock.advance_ms(1);
    let ready = journal.ready_changes();

    assert_eq!(accounts.resume("main", "cli:me").await.unwrap(), 4);
    assert!(ready.has_changed().unwrap(), "a dispatcher of this process need not wait for its next look");
    assert_eq!(accounts.state("main").await.unwrap(), AccountState::Open);
    for id in &waiting {
        let job = journal.get(id).await.unwrap();
        assert_eq!((job.state, job.run_at_ms), (JobState::Ready, START_MS + 1), "{:?}", job.error);
    }
    assert_eq!(journal.get(&other).await.unwrap().run_at_ms, START_MS + HOUR_MS);
    assert_eq!(kinds_on_record(&stores).await, ["account.paused", "account.resumed"]);
    let entry = stores.audit.page(&Tenant::default(), 0, 100).await.unwrap().pop().unwrap();
    assert_eq!(entry.payload.as_deref(), Some(r#"{"account":"main","jobs_woken":4,"was":"paused"}"#));

    assert_eq!(accounts.resume("main", "cli:me").await.unwrap(), 0);
    assert_eq!(kinds_on_record(&stores).await.len(), 2, "nothing was done, nothing is on record");
    assert!(accounts.pause("main", None, "glm.1113", "arrears again", "w").await.unwrap());
}

async fn processes_that_stop_an_account_together_raise_one_alert(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let mut stopping = Vec::new();
    for process in 0..6 {
        let accounts = Accounts::new(stores.reopened().await);
        stopping.push(tokio::spawn(async move {
            let actor = format!("worker:{process}");
            accounts.pause("main", Some(START_MS + HOUR_MS + process), "glm.1308", "quota", &actor).await.unwrap()
        }));
    }
    let mut first = 0;
    for stop in stopping {
        first += usize::from(stop.await.unwrap());
    }
    assert_eq!((first, alerts(&stores).await.len()), (1, 1));
    assert_eq!(kinds_on_record(&stores).await, ["account.paused"]);
    let state = stores.accounts.state("main").await.unwrap();
    assert_eq!(state.until_ms(), Some(START_MS + HOUR_MS + 5), "the longest holds");
}

async fn every_journal_of_one_database_hears_of_a_job_made_ready(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let ready = Journal::new(stores.db.clone()).ready_changes();
    stores.journal.accept(&new_job("a"), "cli").await.unwrap();
    assert!(ready.has_changed().unwrap());
}
