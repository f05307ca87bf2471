//! Several processes at the same rows: each thing happens once, and nobody waits in a circle.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[macro_use]
mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use earmark_core::{Disposition, Failure, Lane, NewJob, Tenant};
use earmark_journal::{
    AuditLog, Booking, ChainReport, Database, DatabaseOptions, JobFilter, Journal, JournalError, KeyNames, Settlement,
    Usage, UsageFilter,
};
use earmark_servers::PostgresServer;
use futures::future::join_all;
use support::*;

on_both!(
    sweepers_take_each_job_back_once,
    the_same_keys_offered_in_another_order_are_the_same_jobs,
    bookings_and_settlements_cross_without_waiting_for_each_other,
    waking_crosses_leasing_and_cancelling,
    the_longest_key_is_kept_for_the_longest_tenant,
    a_key_that_names_another_recording_is_refused_with_the_job_it_names,
    what_others_say_of_a_failure_is_kept_whatever_it_holds,
);

fn tenant(number: usize) -> Tenant {
    Tenant::parse(&format!("t{}", number % 4)).unwrap()
}

async fn assert_sound(stores: &Stores) {
    let reports = stores.audit.verify(None).await.unwrap();
    assert!(reports.iter().all(ChainReport::is_sound), "{reports:?}");
}

async fn sweepers_take_each_job_back_once(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let new: Vec<_> = (0..40).map(|i| NewJob { tenant: tenant(i), ..new_job(&i.to_string()) }).collect();
    stores.journal.accept_many(&new, "cli").await.unwrap();
    while let Some((_, lease)) = stores.journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap() {
        stores.journal.set_blameless(&lease, false).await.unwrap();
    }
    stores.clock.advance_ms(LEASE_MS + 1);
    let mut sweepers = Vec::new();
    for _ in 0..4 {
        let journal = Journal::new(stores.reopened().await);
        sweepers.push(tokio::spawn(async move { journal.sweep().await.unwrap().freed }));
    }
    let mut freed: Vec<_> = join_all(sweepers).await.into_iter().flat_map(Result::unwrap).collect();
    freed.extend(stores.journal.sweep().await.unwrap().freed);
    freed.sort();
    assert_eq!((freed.len(), freed.iter().collect::<BTreeSet<_>>().len()), (40, 40));
    for job in stores.journal.list(&JobFilter::default()).await.unwrap() {
        assert_eq!(job.deaths, 1);
    }
    assert_sound(&stores).await;
}

async fn the_same_keys_offered_in_another_order_are_the_same_jobs(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let mut offers = Vec::new();
    for process in 0..4_usize {
        let journal = Journal::new(stores.reopened().await);
        let new: Vec<_> = (0..600)
            .map(|i| (i * (7 + 2 * process)) % 601)
            .map(|i| NewJob {
                tenant: tenant(i),
                key: Some(format!("k{}", i % 300)),
                ..new_job(&(i % 300).to_string())
            })
            .collect();
        offers.push(tokio::spawn(async move { journal.accept_many(&new, "cli").await.unwrap() }));
    }
    let accepted: Vec<_> = join_all(offers).await.into_iter().flat_map(Result::unwrap).map(Result::unwrap).collect();
    let new: BTreeSet<_> =
        accepted.iter().filter(|accepted| accepted.is_new).map(|one| one.job.id.to_string()).collect();
    let all: BTreeSet<_> = accepted.iter().map(|accepted| accepted.job.id.to_string()).collect();
    assert_eq!(new, all, "each was new to one and known to the others");
    assert_eq!(accepted.iter().filter(|accepted| accepted.is_new).count(), new.len());
    assert_sound(&stores).await;
}

async fn bookings_and_settlements_cross_without_waiting_for_each_other(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let (job, lease) = stores.journal.accept_leased(&new_job("a"), "cli", &worker("w"), LEASE_MS).await.unwrap();
    let mut requests = Vec::new();
    for process in 0..6 {
        let database = stores.reopened().await;
        let (journal, usage) = (Journal::new(database.clone()), Usage::new(database));
        let (lease, of_job) = (lease.clone(), booking(&job.id));
        requests.push(tokio::spawn(async move {
            let served = Booking { job_id: None, ..of_job.clone() };
            let settled = Settlement { billed_ms: 1, price_micro_cny: 400, latency_ms: 1, is_answered: true };
            for _ in 0..15 {
                if process % 2 == 0 {
                    journal.book_request(&lease, &of_job, None).await.unwrap();
                    journal.settle_request(&of_job, &settled).await.unwrap();
                } else {
                    usage.book(&served, None).await.unwrap();
                    usage.settle(&served, &settled).await.unwrap();
                }
            }
        }));
    }
    for request in requests {
        request.await.unwrap();
    }
    let rows = stores.usage.rows(&UsageFilter::default()).await.unwrap();
    assert_eq!((rows[0].requests, rows[0].answered, rows[0].price_micro_cny), (90, 90, 90 * 400));
}

async fn waking_crosses_leasing_and_cancelling(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let mut ids = Vec::new();
    for i in 0..30 {
        stores.journal.accept(&NewJob { tenant: tenant(i), ..new_job(&i.to_string()) }, "cli").await.unwrap();
        let (job, lease) = stores.journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
        stores.journal.retry_at(&lease, START_MS + 1_000_000, &problem("budget.spent"), false).await.unwrap();
        ids.push(job.id);
    }
    stores.clock.advance_ms(1);
    let mut all = Vec::new();
    for process in 0..4_usize {
        let journal = Journal::new(stores.reopened().await);
        let ids: Vec<_> = ids.iter().skip(process).step_by(7).cloned().collect();
        all.push(tokio::spawn(async move {
            if process < 2 {
                return journal.wake("budget.spent").await.map(drop);
            }
            for id in &ids {
                journal.cancel(id, "cli").await?;
                journal.lease_next(&worker(&process.to_string()), Lane::ALL, LEASE_MS).await?;
            }
            Ok(())
        }));
    }
    for one in all {
        one.await.unwrap().unwrap();
    }
    assert_sound(&stores).await;
}

async fn the_longest_key_is_kept_for_the_longest_tenant(ground: Ground) {
    let stores = Stores::on(&ground).await;
    // Twice what is taken at any door, and nothing that an index could press together.
    let key: String = (0..1024_u32).map(|i| char::from(b'!' + u8::try_from(i * i * 31 % 94).unwrap())).collect();
    let new = NewJob { key: Some(key), tenant: Tenant::parse(&"t".repeat(64)).unwrap(), ..new_job("a") };
    assert!(stores.journal.accept(&new, "cli").await.unwrap().is_new);
    // What is asked for may hold what is never stored.
    let nul = Some("a\0b".to_owned());
    assert!(stores.journal.list(&JobFilter { key: nul, ..JobFilter::default() }).await.unwrap().is_empty());
}

async fn a_key_that_names_another_recording_is_refused_with_the_job_it_names(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let keyed =
        |uri: &str, location: &str| NewJob { key: Some("k".into()), ..NewJob::new(uri, location, Tenant::default()) };
    // Within one batch as well.
    let batch = [
        keyed("a.wav", "file:///calls/a.wav"),
        keyed("b.wav", "file:///calls/b.wav"),
        keyed("./a.wav", "file:///calls/a.wav"),
        new_job("c"),
    ];
    let answers = stores.journal.accept_many(&batch, "cli").await.unwrap();
    let first = answers[0].as_ref().unwrap().job.id.clone();
    let KeyNames { key, job, names, offered } = answers[1].as_ref().unwrap_err();
    assert_eq!((key.as_str(), job), ("k", &first));
    assert!(*names == "a.wav" && *offered == "b.wav");
    assert_eq!(answers[2].as_ref().map(|known| (known.is_new, &known.job.id)), Ok((false, &first)));
    assert!(answers[3].as_ref().unwrap().is_new);
    // What a row of an older version calls the same place is the same place.
    let same = stores.journal.accept(&keyed("a.wav", "file://localhost/calls/a.wav"), "cli").await.unwrap();
    assert_eq!((same.is_new, &same.job.id), (false, &first));
    let secret = keyed("https://me:secret@example.org/a.wav", "https://me:secret@example.org/a.wav");
    let refused = stores.journal.accept(&secret, "cli").await.unwrap_err();
    assert_eq!((refused.code(), refused.disposition()), ("job.key_reused", Disposition::Fail));
    assert!(refused.to_string().contains(first.as_str()) && !refused.to_string().contains("secret"), "{refused}");
    // An entry that was refused is tied to no job.
    let entry = NewJob { intake_id: Some("1-1".into()), ..keyed("b.wav", "file:///calls/b.wav") };
    for _ in 0..2 {
        let refused = stores.journal.accept(&entry, "redis").await.unwrap_err();
        assert_eq!(refused.code(), "job.key_reused");
    }
    assert!(stores.journal.outcome(&first).await.unwrap().unwrap().intake_ids.is_empty());
    assert_eq!(stores.journal.list(&JobFilter::default()).await.unwrap().len(), 2);
}

async fn what_others_say_of_a_failure_is_kept_whatever_it_holds(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let (job, lease) = stores.journal.accept_leased(&new_job("a"), "cli", &worker("w"), LEASE_MS).await.unwrap();
    let mut said = problem("x");
    (said.message, said.hint) = ("a\0b".into(), Some("\0".into()));
    stores.journal.bury(&lease, &said).await.unwrap();
    let kept = stores.journal.get(&job.id).await.unwrap().error.unwrap();
    assert_eq!((kept.message.as_str(), kept.hint.as_deref()), ("a\u{fffd}b", Some("\u{fffd}")));
}

#[tokio::test]
async fn a_server_that_goes_away_is_an_error_to_be_tried_again_until_it_is_back() {
    let mut server = PostgresServer::start();
    let options = DatabaseOptions { acquire_timeout: Duration::from_secs(1), ..DatabaseOptions::default() };
    let clock = Arc::new(earmark_core::SystemClock);
    let db = Database::open_with(&server.url(), &options, clock).await.unwrap();
    db.migrate().await.unwrap();
    let journal = Journal::new(db.clone());
    let job = journal.accept(&new_job("a"), "cli").await.unwrap().job;
    assert!(db.clock_ahead_ms().await.unwrap().unwrap().abs() < 60_000);
    for _ in 0..2 {
        server.stop();
        for error in [journal.get(&job.id).await.unwrap_err(), journal.accept(&new_job("b"), "cli").await.unwrap_err()]
        {
            assert!(matches!(error, JournalError::Unreachable { .. } | JournalError::Busy { .. }), "{error:?}");
            assert!(matches!(error.disposition(), Disposition::RetryAfter(_)), "{error:?}");
        }
        server.start_again();
        assert_eq!(journal.get(&job.id).await.unwrap(), job);
    }
    assert!(journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().is_some());
}

#[tokio::test]
async fn a_server_that_refuses_says_what() {
    let server = PostgresServer::start();
    let open = async |url: String| Database::open(&url, Arc::new(earmark_core::SystemClock)).await.unwrap_err();
    let missing = open(server.url().replace("/postgres", "/nowhere")).await;
    assert_eq!(missing.code(), "database.missing", "{missing:?}");
    let stranger = open(server.url().replace("earmark@", "stranger:secret@")).await;
    assert_eq!(stranger.code(), "database.denied", "{stranger:?}");
    assert!(!format!("{stranger} {:?}", stranger.hint()).contains("secret"));
    let tls = open(format!("{}?sslmode=require", server.url())).await;
    assert!(matches!(tls.code(), "database.unreachable" | "database.open"), "{tls:?}");
    let existing = Database::open_existing(&server.url(), Arc::new(earmark_core::SystemClock)).await.unwrap_err();
    assert_eq!(existing.code(), "database.older");
}

#[tokio::test]
async fn a_row_that_is_held_too_long_is_an_error_of_its_own() {
    let server = PostgresServer::start();
    let options = DatabaseOptions { lock_timeout: Duration::from_millis(50), ..DatabaseOptions::default() };
    let db = Database::open_with(&server.url(), &options, Arc::new(earmark_core::SystemClock)).await.unwrap();
    db.migrate().await.unwrap();
    let journal = Journal::new(db);
    let job = journal.accept(&new_job("a"), "cli").await.unwrap().job;
    sqlx::any::install_default_drivers();
    let pool = sqlx::AnyPool::connect(&server.url()).await.unwrap();
    let mut held = pool.begin().await.unwrap();
    sqlx::query("UPDATE jobs SET priority = 1").execute(&mut *held).await.unwrap();
    let error = journal.cancel(&job.id, "cli").await.unwrap_err();
    assert_eq!(error.code(), "database.locked", "{error:?}");
    assert!(error.hint().unwrap().contains("pg_stat_activity"));
    held.rollback().await.unwrap();
    journal.cancel(&job.id, "cli").await.unwrap();
}
