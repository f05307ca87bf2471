//! pgBouncer between earmark and the server: in session mode all works with its defaults, in transaction mode earmark
//! says so and does not begin.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use earmark_core::{Failure, Lane, SystemClock};
use earmark_journal::{Database, DatabaseOptions, Journal, JournalError, MigrationReport, at_once};
use earmark_servers::{PgBouncer, PostgresServer, within};
use sqlx::Connection;
use support::*;

#[tokio::test]
async fn session_mode_works_with_the_defaults_of_pgbouncer() {
    let server = PostgresServer::start();
    let bouncer = PgBouncer::start(&server, &[]);
    let db = Database::open(&bouncer.url(), Arc::new(SystemClock)).await.unwrap();
    let MigrationReport { to, .. } = db.migrate().await.unwrap();
    assert_eq!(db.migrate().await.unwrap(), MigrationReport { from: to, to });
    db.check().await.unwrap();
    let journal = Journal::new(db.clone());
    let new: Vec<_> = (0..40).map(|number| new_job(&number.to_string())).collect();
    let offers = new.iter().map(|job| journal.accept(job, "cli"));
    for offer in futures::future::join_all(offers).await {
        offer.unwrap();
    }
    while let Some((_, lease)) = journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap() {
        journal.bury(&lease, &problem("x")).await.unwrap();
    }
    db.close().await;
    // Sessions are clean for who comes next.
    let db = Database::open_existing(&bouncer.url(), Arc::new(SystemClock)).await.unwrap();
    db.check().await.unwrap();
}

#[tokio::test]
async fn one_session_is_enough_behind_pgbouncer() {
    let server = PostgresServer::start();
    let bouncer = PgBouncer::start(&server, &["default_pool_size = 1"]);
    let options = DatabaseOptions { connections: 1, ..DatabaseOptions::default() };
    let db = Database::open_with(&bouncer.url(), &options, Arc::new(SystemClock)).await.unwrap();
    assert!(matches!(db.check().await, Err(JournalError::Older { .. })));
}

#[tokio::test]
async fn a_pooler_whose_sessions_are_all_in_use_is_waited_for_also_by_those_who_cannot_wait_for_a_server() {
    // Longer than a silent server is borne.
    const LONG: Duration = Duration::from_secs(4);
    let server = PostgresServer::start();
    for setting in ["default_pool_size = 2", "max_client_conn = 2"] {
        let bouncer = PgBouncer::start(&server, &[setting]);
        let db = Database::open(&bouncer.url(), Arc::new(SystemClock)).await.unwrap();
        db.migrate().await.unwrap();
        let journal = Journal::new(db.clone());
        let mut jobs = Vec::new();
        for name in ["a", "b"] {
            jobs.push(journal.accept(&new_job(&format!("{name} {setting}")), "cli").await.unwrap().job.id);
        }
        let mut other = sqlx::AnyConnection::connect(&server.url()).await.unwrap();
        sqlx::raw_sql("BEGIN; SELECT id FROM jobs FOR UPDATE").execute(&mut other).await.unwrap();
        let cancelled = futures::future::join_all(jobs.iter().map(|id| at_once(journal.cancel(id, "cli"))));
        let mut cancelled = pin!(cancelled);
        let mut counted = pin!(at_once(journal.counts()));
        // They have both sessions when the third is asked for.
        tokio::select! {
            done = &mut cancelled => panic!("{setting}: {done:?}"),
            () = tokio::time::sleep(Duration::from_millis(300)) => {}
        }
        tokio::select! {
            done = &mut cancelled => panic!("{setting}: {done:?}"),
            done = &mut counted => panic!("{setting}: {done:?}"),
            () = tokio::time::sleep(LONG) => {}
        }
        sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
        let (cancelled, counted) = within("a session of the pooler", async { tokio::join!(cancelled, counted) }).await;
        assert!(cancelled.iter().all(Result::is_ok), "{setting}: {cancelled:?}");
        counted.unwrap();
        db.close().await;
    }
}

#[tokio::test]
async fn transaction_and_statement_mode_are_refused_with_that_word() {
    let server = PostgresServer::start();
    for mode in ["transaction", "statement"] {
        let bouncer = PgBouncer::start(&server, &[&format!("pool_mode = {mode}")]);
        let error = Database::open(&bouncer.url(), Arc::new(SystemClock)).await.unwrap_err();
        assert!(matches!(error, JournalError::Pooled { .. }), "{mode}: {error:?}");
        assert!(error.to_string().contains("transaction mode"), "{error}");
        assert!(error.hint().unwrap().contains("session"), "{:?}", error.hint());
    }
}
