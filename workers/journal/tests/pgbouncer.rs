//! pgBouncer between earmark and the server: in session mode all works with its defaults, in transaction mode earmark
//! says so and does not begin.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::sync::Arc;

use earmark_core::{Failure, Lane, SystemClock};
use earmark_journal::{Database, DatabaseOptions, Journal, JournalError, MigrationReport};
use earmark_servers::{PgBouncer, PostgresServer};
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
