//! The disk is full, the server is read-only, gone or silent, callers give up: what is said meanwhile, and that all is
//! well once the cause is gone.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[macro_use]
mod support;

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use earmark_core::{Disposition, Failure, Lane};
use earmark_journal::{Database, DatabaseOptions, Journal, JournalError, at_once};
use earmark_servers::{PostgresServer, SmallDisk, within};
use sqlx::{Connection, Row};
use support::*;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

on_both!(operations_cancelled_anywhere_leave_no_transaction_behind);

async fn migrated(url: &str) -> Database {
    let db = Database::open(url, Arc::new(earmark_core::SystemClock)).await.unwrap();
    db.migrate().await.unwrap();
    db
}

/// Offers until three in a row were refused; gives what was accepted and the last refusal.
async fn refused_three_times(journal: &Journal) -> (usize, JournalError) {
    let (mut accepted, mut refused) = (0, Vec::new());
    for number in 0..2_000 {
        match journal.accept(&new_job(&format!("full{number}")), "cli").await {
            Ok(_) => {
                accepted += 1;
                refused.clear();
            }
            Err(error) => refused.push(error),
        }
        if refused.len() == 3 {
            assert!(refused.iter().all(|error| error.code() == refused[0].code()), "{refused:?}");
            return (accepted, refused.remove(0));
        }
    }
    panic!("the disk was never full");
}

#[tokio::test]
async fn a_disk_that_was_full_is_worked_on_as_soon_as_there_is_room() {
    // Who may not mount has the fault at every statement alone: faults.rs.
    let Ok(disk) = SmallDisk::mount(4 << 20) else { return };
    let path = disk.folder().join("earmark.sqlite");
    let db = migrated(&format!("sqlite:{}", path.display())).await;
    let journal = Journal::new(db.clone());
    journal.accept(&new_job("before"), "cli").await.unwrap();
    for round in 0..3 {
        disk.fill();
        let (accepted, error) = refused_three_times(&journal).await;
        assert_eq!(error.code(), "database.full", "{error:?}");
        // Reading goes on, and what could be written before is there.
        let there: u64 = journal.counts().await.unwrap().iter().map(|count| count.jobs).sum();
        assert!(there > 0, "{accepted}");
        disk.make_room();
        let began = Instant::now();
        journal.accept(&new_job(&format!("after{round}")), "cli").await.unwrap();
        let (_, lease) = journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
        println!("from room to the next lease: {:?}", began.elapsed());
        journal.bury(&lease, &problem("x")).await.unwrap();
        db.check().await.unwrap();
    }
}

/// Sets or takes back what makes every new session of the database read-only, and ends those there are.
async fn closed_for_writing(server: &PostgresServer, is_closed: bool) {
    let mut connection = sqlx::AnyConnection::connect(&server.url()).await.unwrap();
    let set: &[&str] = if is_closed {
        &["ALTER DATABASE postgres SET default_transaction_read_only = on"]
    } else {
        // The session that takes it back is read-only itself.
        &["SET default_transaction_read_only = off", "ALTER DATABASE postgres RESET default_transaction_read_only"]
    };
    for statement in set {
        sqlx::raw_sql(*statement).execute(&mut connection).await.unwrap();
    }
    if is_closed {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'";
        sqlx::raw_sql(end).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_server_that_was_read_only_is_written_to_at_once_when_it_may_be() {
    let server = PostgresServer::start();
    let db = migrated(&server.url()).await;
    let journal = Journal::new(db.clone());
    journal.accept(&new_job("before"), "cli").await.unwrap();
    closed_for_writing(&server, true).await;
    for number in 0..20 {
        let name = format!("during{number}");
        // Many at a time, so that several sessions are made meanwhile; reading keeps them in use.
        let job = new_job(&name);
        let (offer, first, second, third) =
            tokio::join!(journal.accept(&job, "cli"), journal.counts(), journal.counts(), journal.next_run_at());
        let error = offer.unwrap_err();
        assert_eq!(error.code(), "database.read_only", "{error:?}");
        assert!(error.hint().unwrap().contains("standby"), "{:?}", error.hint());
        assert!(matches!(error.disposition(), Disposition::RetryAfter(_)));
        assert!(first.is_ok() && second.is_ok() && third.is_ok());
    }
    closed_for_writing(&server, false).await;
    let began = Instant::now();
    let offers = (0..19).map(|number| {
        let journal = journal.clone();
        async move { journal.accept(&new_job(&format!("after{number}")), "cli").await }
    });
    for offer in futures::future::join_all(offers).await {
        offer.unwrap();
    }
    journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
    println!("from writable to 19 offers and a lease: {:?}", began.elapsed());
}

#[tokio::test]
async fn a_server_that_is_gone_is_told_at_once_to_those_who_ask_and_waited_for_by_those_who_work() {
    let mut server = PostgresServer::start();
    let db = migrated(&server.url()).await;
    let journal = Journal::new(db.clone());
    for round in 0..3 {
        journal.accept(&new_job(&format!("before{round}")), "cli").await.unwrap();
        server.stop();
        let began = Instant::now();
        let asked = (0..50).map(|number| {
            let journal = journal.clone();
            async move { at_once(journal.accept(&new_job(&format!("{round} {number}")), "cli")).await }
        });
        for answer in futures::future::join_all(asked).await {
            let error = answer.unwrap_err();
            assert!(matches!(error, JournalError::Unreachable { .. }), "{error:?}");
        }
        println!("50 callers told that the server is gone: {:?}", began.elapsed());
        let error = at_once(db.check()).await.unwrap_err();
        assert!(matches!(error, JournalError::Unreachable { .. }), "{error:?}");
        // Asked now, answered when it is back.
        let worker_id = worker("w");
        let mut lease = pin!(journal.lease_next(&worker_id, Lane::ALL, LEASE_MS));
        assert!(futures::poll!(&mut lease).is_pending());
        server.start_again();
        let began = Instant::now();
        let (_, lease) = within("a lease", lease).await.unwrap().unwrap();
        println!("from the server's return to the next lease: {:?}", began.elapsed());
        at_once(journal.bury(&lease, &problem("x"))).await.unwrap();
    }
}

/// What lies between earmark and the server: can fall silent, as a machine that stands still.
struct Wire {
    url: String,
    is_silent: watch::Sender<bool>,
}

impl Wire {
    async fn to(server: &PostgresServer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (is_silent, silence) = watch::channel(false);
        let there = server.port();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut silence = silence.clone();
                tokio::spawn(async move {
                    // What arrives in the silence is answered by nobody, ever.
                    let is_silent = *silence.borrow();
                    if is_silent {
                        std::future::pending::<()>().await;
                    }
                    let mut far = TcpStream::connect(("127.0.0.1", there)).await.unwrap();
                    let falls_silent = async { drop(silence.wait_for(|is_silent| *is_silent).await) };
                    let is_over = tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => true,
                        () = falls_silent => false,
                    };
                    if !is_over {
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        Self { url: server.url().replace(&format!(":{there}/"), &format!(":{port}/")), is_silent }
    }
}

/// Another session that holds every job until it is told to let go.
async fn jobs_held(server: &PostgresServer) -> sqlx::AnyConnection {
    let mut other = sqlx::AnyConnection::connect(&server.url()).await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT id FROM jobs FOR UPDATE").execute(&mut other).await.unwrap();
    other
}

/// Once a session of the server waits for a lock.
async fn somebody_waits(other: &mut sqlx::AnyConnection) {
    let waiting = "SELECT COUNT(*) AS waiting FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    within("somebody to wait for the lock", async {
        while sqlx::query(waiting).fetch_one(&mut *other).await.unwrap().get::<i64, _>("waiting") == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_server_that_falls_silent_is_told_from_one_that_is_busy() {
    let server = PostgresServer::start();
    let wire = Wire::to(&server).await;
    let db = migrated(&wire.url).await;
    let journal = Journal::new(db.clone());
    let job = journal.accept(&new_job("a"), "cli").await.unwrap().job;
    // Processes that have idle sessions, and have heard nothing yet.
    let mut others = Vec::new();
    for _ in 0..2 {
        others.push(Journal::new(Database::open(&wire.url, Arc::new(earmark_core::SystemClock)).await.unwrap()));
    }

    // In the middle of a statement.
    let mut other = jobs_held(&server).await;
    let mut cancelling = pin!(at_once(journal.cancel(&job.id, "cli")));
    assert!(futures::poll!(&mut cancelling).is_pending());
    tokio::select! {
        done = &mut cancelling => panic!("{done:?}"),
        () = somebody_waits(&mut other) => {}
    }
    wire.is_silent.send_replace(true);
    let began = Instant::now();
    let error = within("the silence to be noticed", cancelling).await.unwrap_err();
    assert!(matches!(error, JournalError::Unreachable { .. }), "{error:?}");
    println!("a statement under way told of the silence: {:?}", began.elapsed());
    for other in others.iter().chain([&journal]) {
        let began = Instant::now();
        let error = within("the silence to be noticed", at_once(other.counts())).await.unwrap_err();
        assert!(matches!(error, JournalError::Unreachable { .. }), "{error:?}");
        println!("a new question told of the silence: {:?}", began.elapsed());
    }
    wire.is_silent.send_replace(false);
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    within("a worker's question", journal.counts()).await.unwrap();
    for other in &others {
        within("a worker's question", other.counts()).await.unwrap();
    }
    at_once(journal.cancel(&job.id, "cli")).await.unwrap();
}

#[tokio::test]
async fn sessions_that_are_all_in_use_are_waited_for_also_by_those_who_cannot_wait_for_a_server() {
    let server = PostgresServer::start();
    migrated(&server.url()).await.close().await;
    let options = DatabaseOptions { connections: 1, ..DatabaseOptions::default() };
    let db = Database::open_with(&server.url(), &options, Arc::new(earmark_core::SystemClock)).await.unwrap();
    let journal = Journal::new(db.clone());
    let job = journal.accept(&new_job("a"), "cli").await.unwrap().job;
    let mut other = jobs_held(&server).await;
    let cancelled = at_once(journal.cancel(&job.id, "cli"));
    let counted = at_once(journal.counts());
    let letting_go = async {
        somebody_waits(&mut other).await;
        sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    };
    let (cancelled, counted, ()) =
        within("the one session", async { tokio::join!(cancelled, counted, letting_go) }).await;
    cancelled.unwrap();
    counted.unwrap();

    // And when nobody gives one back in time, that is what is said.
    let options = DatabaseOptions { acquire_timeout: Duration::from_millis(300), ..options };
    let db = Database::open_with(&server.url(), &options, Arc::new(earmark_core::SystemClock)).await.unwrap();
    let journal = Journal::new(db);
    let job = journal.accept(&new_job("b"), "cli").await.unwrap().job;
    let mut other = jobs_held(&server).await;
    let mut cancelled = pin!(journal.cancel(&job.id, "cli"));
    tokio::select! {
        done = &mut cancelled => panic!("{done:?}"),
        () = somebody_waits(&mut other) => {}
    }
    let error = journal.counts().await.unwrap_err();
    assert!(matches!(error, JournalError::Busy { .. }), "{error:?}");
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    cancelled.await.unwrap();
}

async fn operations_cancelled_anywhere_leave_no_transaction_behind(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let mut ended = 0;
    for number in 0..400_usize {
        let job = new_job(&format!("job{number}"));
        let mut operation = pin!(stores.journal.accept(&job, "cli"));
        // Dropped the so manieth time that it is woken: in BEGIN, in any statement, in COMMIT.
        let mut left = number % 50;
        let accepted = std::future::poll_fn(|context| {
            if left == 0 {
                return Poll::Ready(None);
            }
            left -= 1;
            operation.as_mut().poll(context).map(Some)
        });
        if let Some(accepted) = accepted.await {
            accepted.unwrap();
            ended += 1;
        }
    }
    assert!((1..400).contains(&ended), "{ended}");
    within("the turn to write", stores.db.check()).await.unwrap();
    stores.journal.accept(&new_job("after"), "cli").await.unwrap();
    let chains = earmark_journal::AuditLog::verify(&stores.audit, None).await.unwrap();
    assert!(chains.iter().all(earmark_journal::ChainReport::is_sound), "{chains:?}");
    stores.db.close().await;
    if let Ground::Postgres(server, _) = &ground {
        let log = server.log();
        for warning in ["there is no transaction in progress", "there is already a transaction in progress"] {
            assert!(!log.contains(warning), "{log}");
        }
    }
}

#[test]
fn a_hint_fits_where_the_database_lies() {
    let cases = [
        (JournalError::Full { place: "/data/earmark.sqlite".into() }, "that disk"),
        (JournalError::Full { place: "postgres://me@db/earmark".into() }, "server's disk"),
        (JournalError::ReadOnly { place: "/data/earmark.sqlite".into() }, "folder"),
        (JournalError::ReadOnly { place: "postgres://me@db/earmark".into() }, "primary"),
    ];
    for (error, part) in cases {
        let hint = error.hint().unwrap();
        assert!(hint.contains(part), "{error}: {hint}");
    }
}
