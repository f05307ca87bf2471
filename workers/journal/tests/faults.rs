//! A fault at every statement of every operation that changes the journal: the operation ends, nothing of it is left,
//! and the same operation succeeds right after on the same connections. `--nocapture` prints the table of docs/outages.md.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use earmark_core::{Failure, Job, Lane, Lease, NewJob};
use earmark_journal::{Database, Fault, Journal, JournalError, Outbox, ResultStore, Seam, SqlResults, Usage};
use futures::future::BoxFuture;
use sqlx::{AssertSqlSafe, Connection, Row};
use support::*;
use tokio::sync::Notify;

#[tokio::test]
async fn a_fault_at_every_statement_ends_the_operation_and_leaves_a_sqlite_that_works() {
    println!("{}", table_of(Ground::sqlite()).await);
}

#[tokio::test]
async fn a_fault_at_every_statement_ends_the_operation_and_leaves_a_postgres_that_works() {
    println!("{}", table_of(Ground::postgres()).await);
}

/// What operations work with.
#[derive(Clone)]
struct Hands {
    journal: Journal,
    results: SqlResults,
    outbox: Outbox,
    usage: Usage,
}

impl Hands {
    fn of(db: &Database) -> Self {
        Self {
            journal: Journal::new(db.clone()),
            results: SqlResults::new(db.clone()),
            outbox: Outbox::new(db.clone()),
            usage: Usage::new(db.clone()),
        }
    }
}

/// A leased job of its own for every case.
#[derive(Clone)]
struct Given {
    name: String,
    job: Job,
    lease: Lease,
    alert: String,
}

type Operation = fn(Hands, Given) -> BoxFuture<'static, Result<(), JournalError>>;

/// The operations by their names.
const OPERATIONS: &[(&str, Operation)] = &[
    ("accept", |hands, given| Box::pin(async move { hands.journal.accept(&offered(&given), "cli").await.map(drop) })),
    ("lease", |hands, _| {
        Box::pin(async move { hands.journal.lease_next(&worker("v"), Lane::ALL, LEASE_MS).await.map(drop) })
    }),
    ("renew", |hands, given| Box::pin(async move { hands.journal.renew(&[given.lease], LEASE_MS).await.map(drop) })),
    ("retry at", |hands, given| {
        Box::pin(async move {
            hands.journal.retry_at(&given.lease, START_MS + 500_000, &problem("x"), true).await.map(drop)
        })
    }),
    ("release", |hands, given| {
        Box::pin(async move { hands.journal.release(&given.lease, "stopping").await.map(drop) })
    }),
    // Each for a cause of its own: another dead letter of one cause is only counted, which is less to do.
    ("bury", |hands, given| Box::pin(async move { hands.journal.bury(&given.lease, &problem(&given.name)).await })),
    ("save a clip", |hands, given| {
        Box::pin(async move { hands.journal.save_clips(&given.lease, "f", &[(clip(0), clip_text("hello"))]).await })
    }),
    ("finish", |hands, given| Box::pin(async move { hands.results.finish(&given.lease, &finished(&given.job)).await })),
    ("cancel", |hands, given| Box::pin(async move { hands.journal.cancel(&given.job.id, "cli").await.map(drop) })),
    ("book a request", |hands, given| Box::pin(async move { hands.usage.book(&booking(&given.job.id), None).await })),
    ("acknowledge an alert", |hands, given| Box::pin(async move { hands.outbox.ack_alert(&given.alert, "cli").await })),
    ("sweep", |hands, _| Box::pin(async move { hands.journal.sweep().await.map(drop) })),
];

fn offered(given: &Given) -> NewJob {
    new_job(&format!("{} again", given.name))
}

/// What can befall a statement: its name, and how it is brought about.
type Befalls = (&'static str, fn() -> Fault);

/// What can befall a statement of SQLite.
const SQLITE: &[Befalls] = &[
    ("disk full", || Fault::Instead {
        statements: &["PRAGMA max_page_count = 1", "CREATE TABLE hog AS SELECT randomblob(4000000) AS filler"],
        error: None,
        after: &["PRAGMA max_page_count = 4294967294"],
    }),
    ("ended behind our back", || Fault::Instead {
        // Outside of a transaction there is nothing to roll back: an error as well.
        statements: &["ROLLBACK", "SELECT * FROM pragma_page_count, nowhere"],
        error: None,
        after: &[],
    }),
    ("interrupted", || Fault::Interrupted),
    ("caller gone before it", || Fault::HeldBefore),
    ("caller gone in it", || Fault::HeldSent),
    ("caller gone after it", || Fault::HeldAnswered),
];

/// The same of PostgreSQL.
const POSTGRES: &[Befalls] = &[
    ("disk full", || raised("DO $$ BEGIN RAISE 'no space left on device' USING ERRCODE = '53100'; END $$")),
    ("I/O error", || raised("DO $$ BEGIN RAISE 'could not read block' USING ERRCODE = '58030'; END $$")),
    ("interrupted", || raised("SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(60)")),
    ("read-only", || raised("DO $$ BEGIN SET transaction_read_only = on; CREATE TABLE hog (filler INT); END $$")),
    ("session ended by the server", || raised("SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(60)")),
    ("caller gone before it", || Fault::HeldBefore),
    ("caller gone in it", || Fault::HeldSent),
    ("caller gone after it", || Fault::HeldAnswered),
];

fn raised(statement: &'static str) -> Fault {
    let statements = Box::leak(Box::new([statement]));
    Fault::Instead { statements, error: None, after: &[] }
}

/// Counts statements, and puts a fault at one of them.
#[derive(Debug, Default)]
struct Plan {
    at: usize,
    seen: AtomicUsize,
    statements: Mutex<Vec<String>>,
    fault: Mutex<Option<Fault>>,
    held: Notify,
}

impl Plan {
    fn fault_at(at: usize, fault: Fault) -> Arc<Self> {
        Arc::new(Self { at, fault: Mutex::new(Some(fault)), ..Self::default() })
    }
}

impl Seam for Plan {
    fn fault(&self, statement: &str) -> Fault {
        self.statements.lock().unwrap().push(statement.to_owned());
        let number = self.seen.fetch_add(1, Ordering::Relaxed) + 1;
        let fault = if number == self.at { self.fault.lock().unwrap().take() } else { None };
        fault.unwrap_or(Fault::None)
    }

    fn is_held(&self) {
        self.held.notify_one();
    }
}

/// How an operation ended.
#[derive(Debug)]
enum End {
    Answered(Result<(), JournalError>),
    Dropped,
}

async fn given(stores: &Stores, number: usize) -> Given {
    let name = format!("job{number}");
    let job = stores.journal.accept(&new_job(&name), "cli").await.unwrap().job;
    let (job, lease) = stores.journal.lease_job(&job.id, &worker("w"), LEASE_MS * 1_000_000).await.unwrap().unwrap();
    stores.journal.raise_early(&lease, &told("rule", 0)).await.unwrap();
    let alert = stores.outbox.open_alerts_of(&job.id).await.unwrap().remove(0).id;
    Given { name, job, lease, alert }
}

/// What the operation needs beside the job: something to lease, something to sweep.
async fn around(stores: &Stores, operation: &str, number: usize) {
    if !["lease", "sweep"].contains(&operation) {
        return;
    }
    let job = stores.journal.accept(&new_job(&format!("{operation}{number}")), "cli").await.unwrap().job;
    if operation == "sweep" {
        stores.journal.lease_job(&job.id, &worker("dead"), 1).await.unwrap().unwrap();
        stores.clock.advance_ms(2);
    }
}

async fn run(db: &Database, plan: &Arc<Plan>, operation: Operation, given: &Given) -> End {
    let seam: Arc<dyn Seam> = plan.clone();
    let hands = Hands::of(&db.with_seam(seam));
    tokio::select! {
        biased;
        result = operation(hands, given.clone()) => End::Answered(result),
        () = plan.held.notified() => End::Dropped,
    }
}

/// The database as an outsider reads it.
struct Outside {
    connection: sqlx::AnyConnection,
    is_sqlite: bool,
    /// Gives every row of every table, as text.
    all: String,
}

impl Outside {
    async fn of(stores: &Stores, ground: &Ground) -> Self {
        sqlx::any::install_default_drivers();
        let mut connection = sqlx::AnyConnection::connect(&stores.url).await.unwrap();
        let is_sqlite = ground.is_sqlite();
        let tables = if is_sqlite {
            "SELECT name, (SELECT group_concat('quote(\"' || name || '\")', '||''|''||') FROM pragma_table_info(tables.name)) AS line
             FROM sqlite_master tables WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        } else {
            "SELECT CAST(tablename AS TEXT) AS name, 'CAST(t AS TEXT)' AS line FROM pg_tables WHERE schemaname = 'public'"
        };
        let tables = sqlx::query(tables).fetch_all(&mut connection).await.unwrap();
        let rows = tables.iter().map(|table| {
            let (name, line): (String, String) = (table.get("name"), table.get("line"));
            format!("SELECT '{name}' AS name, {line} AS line FROM {name} t")
        });
        let all = rows.collect::<Vec<_>>().join(" UNION ALL ") + " ORDER BY 1, 2";
        Self { connection, is_sqlite, all }
    }

    async fn everything(&mut self) -> Vec<String> {
        let rows = sqlx::query(AssertSqlSafe(self.all.clone())).fetch_all(&mut self.connection).await.unwrap();
        rows.iter().map(|row| format!("{} {}", row.get::<String, _>("name"), row.get::<String, _>("line"))).collect()
    }

    /// Once nothing of a dropped operation is under way any more.
    async fn settled(&mut self, stores: &Stores) {
        if self.is_sqlite {
            // The turn to write comes when the last transaction has ended.
            return stores.db.check().await.unwrap();
        }
        let busy = "SELECT COUNT(*) AS busy FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND (state <> 'idle' OR xact_start IS NOT NULL)";
        earmark_servers::within("the server to end what was dropped", async {
            while sqlx::query(busy).fetch_one(&mut self.connection).await.unwrap().get::<i64, _>("busy") > 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

/// Every fault at every statement of every operation, and how each ended: a table.
async fn table_of(ground: Ground) -> String {
    let faults = if ground.is_sqlite() { SQLITE } else { POSTGRES };
    let mut table = String::from("| operation | statements |");
    faults.iter().for_each(|(name, _)| write!(table, " {name} |").unwrap());
    table.push_str("\n| --- | ---: |");
    faults.iter().for_each(|_| table.push_str(" --- |"));
    let mut number = 0;
    for (name, operation) in OPERATIONS {
        let stores = Stores::on(&ground).await;
        let mut outside = Outside::of(&stores, &ground).await;
        number += 1;
        around(&stores, name, number).await;
        let plan = Arc::new(Plan::default());
        let end = run(&stores.db, &plan, *operation, &given(&stores, number).await).await;
        assert!(matches!(end, End::Answered(Ok(()))), "{name}: {end:?}");
        let statements = plan.statements.lock().unwrap().clone();
        let first_commit = statements.iter().position(|statement| statement == "COMMIT").unwrap() + 1;
        write!(table, "\n| {name} | {} |", statements.len()).unwrap();
        for (fault_name, fault) in faults {
            let mut codes = BTreeMap::new();
            for at in 1..=statements.len() {
                number += 1;
                around(&stores, name, number).await;
                let case = format!("{name}, {fault_name}, at {at}: {}", statements[at - 1]);
                let given_now = given(&stores, number).await;
                let before = outside.everything().await;
                let plan = Plan::fault_at(at, fault());
                let end = earmark_servers::within(&case, run(&stores.db, &plan, *operation, &given_now)).await;
                outside.settled(&stores).await;
                if plan.fault.lock().unwrap().is_some() {
                    // It had less to do this time.
                    continue;
                }
                let code = match &end {
                    End::Dropped => "dropped",
                    End::Answered(Err(error)) => error.code(),
                    // A statement of a few steps may be over before SQLite looks whether it is interrupted.
                    End::Answered(Ok(())) if *fault_name == "interrupted" => "too short",
                    End::Answered(Ok(())) => panic!("{case}: the operation did not hear of it"),
                };
                *codes.entry(code.to_owned()).or_insert(0) += 1;
                // Up to the first COMMIT nothing may be there; at it all or nothing.
                let after = outside.everything().await;
                let is_undone = before == after;
                if at < first_commit && code != "too short" {
                    assert!(is_undone, "{case}: something is left of it: {after:?} of {before:?}");
                }
                let again = if is_undone { given_now } else { given(&stores, number + 1_000_000).await };
                let heals = operation(Hands::of(&stores.db), again);
                let healed = earmark_servers::within(&case, heals).await;
                assert!(healed.is_ok(), "{case}: {healed:?}");
            }
            let codes: Vec<_> = codes.into_iter().map(|(code, times)| format!("{times} {code}")).collect();
            write!(table, " {} |", codes.join(", ")).unwrap();
        }
        let chains = earmark_journal::AuditLog::verify(&stores.audit, None).await.unwrap();
        assert!(chains.iter().all(earmark_journal::ChainReport::is_sound), "{name}: {chains:?}");
    }
    if let Ground::Postgres(server, _) = &ground {
        let log = server.log();
        for warning in ["there is no transaction in progress", "there is already a transaction in progress"] {
            assert!(!log.contains(warning), "{log}");
        }
    }
    table
}
