//! Opening, migrating and verifying: what is wrong is said in a sentence, and tampering is seen.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[macro_use]
mod support;

use std::sync::Arc;

use earmark_core::audit::AuditError;
use earmark_core::{Failure, Lane, SystemClock, Tenant};
use earmark_journal::{AuditLog, Database, JournalError, MigrationReport, ResultStore};
use support::*;

on_both!(
    processes_that_start_together_migrate_once,
    a_database_of_a_later_version_is_refused,
    tampering_with_the_audit_log_is_seen,
    tampering_beside_the_audit_log_is_seen,
    jobs_without_any_chain_are_seen,
    long_chains_are_verified_batch_by_batch_and_tenants_apart,
    a_result_that_cannot_be_put_on_record_is_not_written,
);

async fn open(url: &str) -> Result<Database, JournalError> {
    Database::open(url, Arc::new(SystemClock)).await
}

#[tokio::test]
async fn a_database_is_made_with_its_folders_and_migrated_once() {
    let folder = tempfile::tempdir().unwrap();
    // What a file's name may hold.
    for name in ["deep/er/a.sqlite", "100% ? #1 录音.sqlite"] {
        let path = folder.path().join(name);
        let url = format!("sqlite:{}", path.display());
        let db = open(&url).await.unwrap();
        assert!(matches!(db.check().await, Err(JournalError::Older { found: 0, .. })));
        let first = db.migrate().await.unwrap();
        assert_eq!(db.migrate().await.unwrap(), MigrationReport { from: first.to, to: first.to });
        db.check().await.unwrap();
        assert!(path.exists(), "{name}");
        db.close().await;
    }
    let memory = open("sqlite::memory:").await.unwrap();
    memory.migrate().await.unwrap();
    memory.check().await.unwrap();
}

async fn processes_that_start_together_migrate_once(ground: Ground) {
    let folder = tempfile::tempdir().unwrap();
    let url = ground.url(&folder).await;
    let starts = (0..6).map(|_| {
        let url = url.clone();
        tokio::spawn(async move {
            let db = open(&url).await?;
            db.migrate().await?;
            db.check().await
        })
    });
    for start in futures::future::join_all(starts).await {
        start.unwrap().unwrap();
    }
}

#[tokio::test]
async fn what_cannot_be_opened_says_why_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    std::fs::write(
        &text,
        "not a database, but long enough to hold a header of one hundred bytes, which these words are meant to fill up",
    )
    .unwrap();
    let cases = [
        ("postgres://me:secret@127.0.0.1:99999/earmark".to_owned(), "database.unknown", "postgres:…"),
        (
            "postgres://me:secret@127.0.0.1:1/earmark".to_owned(),
            "database.unreachable",
            "postgres://me@127.0.0.1:1/earmark",
        ),
        ("postgres://me:secret@127.0.0.1:1/e?sslmode=no".to_owned(), "database.unknown", "postgres://me@127.0.0.1:1/e"),
        ("mysql://db".to_owned(), "database.unknown", "mysql://db"),
        ("sqlite:".to_owned(), "database.unknown", "sqlite:"),
        (format!("sqlite:{}/x/a.sqlite", text.display()), "database.folder", "notes.txt/x"),
        (format!("sqlite:{}", text.display()), "database.not_a_database", "notes.txt"),
        (format!("sqlite:{}", folder.path().display()), "database.open", "cannot open"),
    ];
    for (url, code, part) in cases {
        let problem = open(&url).await.expect_err(&url).problem();
        assert_eq!(problem.code, code, "{url}: {problem}");
        assert!(problem.message.contains(part), "{url}: {problem}");
        assert!(!problem.message.contains("secret"), "{problem}");
        assert!(problem.hint.is_some(), "{problem}");
    }
}

#[tokio::test]
async fn opening_for_reading_makes_nothing_and_refuses_what_is_not_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let existing = async |name: &str| {
        let url = format!("sqlite:{}", folder.path().join(name).display());
        Database::open_existing(&url, Arc::new(SystemClock)).await
    };
    std::fs::write(folder.path().join("empty"), "").unwrap();
    std::fs::write(folder.path().join("text"), "no database").unwrap();
    let cases = [
        ("none", "database.missing"),
        ("no/ne", "database.missing"),
        ("empty", "database.older"),
        ("text", "database.not_a_database"),
    ];
    for (name, code) in cases {
        let problem = existing(name).await.expect_err(name).problem();
        assert_eq!(problem.code, code, "{name}: {problem}");
        assert!(problem.hint.is_some(), "{name}");
    }
    let text = format!("sqlite:{}", folder.path().join("text").display());
    assert!(matches!(open(&text).await, Err(JournalError::NotADatabase { .. })));
    let mut names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["empty", "text"]);

    let stores = Stores::fresh().await;
    stores.journal.accept(&new_job("a"), "cli").await.unwrap();
    let reader = Database::open_existing(&url(&stores.folder), stores.clock.clone()).await.unwrap();
    assert!(earmark_journal::SqlAuditLog::new(reader).verify(None).await.unwrap()[0].is_sound());
}

async fn a_database_of_a_later_version_is_refused(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let (yes, hash) = if ground.is_sqlite() { ("1", "x'00'") } else { ("TRUE", "''") };
    stores.tamper(&format!("INSERT INTO _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) VALUES (9999, 'later', '2030-01-01', {yes}, {hash}, 0)")).await;
    assert!(matches!(stores.db.migrate().await, Err(JournalError::Newer { found: 9999, .. })));
    assert!(matches!(stores.db.check().await, Err(JournalError::Newer { found: 9999, .. })));
}

fn is_unreadable(result: &Result<(), AuditError>) -> bool {
    matches!(result, Err(AuditError::Unreadable { seq: 2, .. }))
}

/// Only SQLite lets a column hold bytes, or words where numbers belong.
fn is_of_sqlite(statement: &str) -> bool {
    ["x'00", "= 'abc'", "= 1.5", "seq = 'x'"].iter().any(|part| statement.contains(part))
}

async fn tampering_with_the_audit_log_is_seen(ground: Ground) {
    type Check = fn(&Result<(), AuditError>) -> bool;
    let cases: [(&str, Check); 13] = [
        ("UPDATE audit_entries SET payload = '{}' WHERE seq = 2", |result| {
            matches!(result, Err(AuditError::PayloadChanged { seq: 2, .. }))
        }),
        ("UPDATE audit_entries SET actor = 'nobody' WHERE seq = 2", |result| {
            matches!(result, Err(AuditError::Changed { seq: 2, .. }))
        }),
        ("DELETE FROM audit_entries WHERE seq = 2", |result| {
            matches!(result, Err(AuditError::Gap { expected: 2, .. }))
        }),
        ("DELETE FROM audit_entries WHERE seq = 4", |result| {
            matches!(result, Err(AuditError::WrongEnd { expected: 4, found: 3, .. }))
        }),
        ("DELETE FROM audit_entries", |result| matches!(result, Err(AuditError::WrongEnd { found: 0, .. }))),
        ("DELETE FROM audit_heads", |result| matches!(result, Err(AuditError::WrongEnd { expected: 0, .. }))),
        // What earmark never writes.
        ("UPDATE audit_entries SET payload = x'00ff' WHERE seq = 2", is_unreadable),
        ("UPDATE audit_entries SET time_ms = 'abc' WHERE seq = 2", is_unreadable),
        ("UPDATE audit_entries SET seq = 1.5 WHERE seq = 2", is_unreadable),
        ("UPDATE audit_entries SET hash = x'00' WHERE seq = 2", is_unreadable),
        ("UPDATE audit_heads SET seq = 'x'", |result| matches!(result, Err(AuditError::Unreadable { seq: 4, .. }))),
        ("UPDATE audit_entries SET tenant = x'00ff' WHERE seq = 2", |result| {
            matches!(result, Err(AuditError::Gap { expected: 2, .. }))
        }),
        // An erasure: payload and salt gone, the chain sound.
        ("UPDATE audit_entries SET payload = NULL, salt = NULL WHERE seq = 2", Result::is_ok),
    ];
    for (statement, is_as_expected) in cases {
        if !ground.is_sqlite() && is_of_sqlite(statement) {
            continue;
        }
        let stores = Stores::on(&ground).await;
        for name in ["a", "b", "c", "d"] {
            stores.journal.accept(&new_job(name), "cli").await.unwrap();
        }
        assert_eq!(stores.audit.verify(None).await.unwrap()[0].result, Ok(()));
        stores.tamper(statement).await;
        let reports = stores.audit.verify(None).await.unwrap();
        assert!(is_as_expected(&reports[0].result), "{statement}: {reports:?}");
        let is_erasure = statement.contains("salt = NULL");
        assert_eq!((reports[0].erased, reports[0].is_sound()), (u64::from(is_erasure), is_erasure), "{statement}");
    }
}

async fn tampering_beside_the_audit_log_is_seen(ground: Ground) {
    let cases = [
        ("DELETE FROM audit_entries", "on record are 0 acceptances and no end"),
        (
            "DELETE FROM audit_entries WHERE kind = 'job.done'",
            "is done with 1 results; on record are 1 acceptances and no end",
        ),
        ("DELETE FROM results", "is done with 0 results"),
        (
            "UPDATE jobs SET state = 'dead' WHERE state = 'done'",
            "is dead with 1 results; on record are 1 acceptances and `job.done` last",
        ),
        (
            "UPDATE jobs SET state = 'ready', finished_at_ms = NULL WHERE state = 'cancelled'",
            "is ready with 0 results; on record are 1 acceptances and `job.cancelled` last",
        ),
        ("UPDATE jobs SET tenant = 'other' WHERE state = 'cancelled'", "was accepted, and is gone"),
        ("UPDATE jobs SET tenant = x'00' WHERE state = 'cancelled'", "was accepted, and is gone"),
        (
            "UPDATE results SET report = replace(report, '\"billed_ms\":1000', '\"billed_ms\":1')",
            "has another report than its `job.done` says",
        ),
        (
            "UPDATE results SET report = replace(report, '\"utterances\":[]', '\"utterances\":[{\"id\":0,\"channel\":0,\"speaker\":\"a\",\"start_ms\":0,\"end_ms\":1,\"text\":\"x\",\"time_precision\":\"segment\"}]')",
            "than its `job.done` says",
        ),
        ("UPDATE results SET report = replace(report, 'cdcd', 'cece')", "has other rules"),
        ("UPDATE results SET report = replace(report, 'abab', 'acac')", "has another recording"),
        ("UPDATE results SET report = '{}'", "is no report"),
        ("UPDATE results SET report = x'00'", "cannot be read"),
        ("UPDATE artifacts SET sha256 = 'ab'", "has other artifacts"),
        ("DELETE FROM artifacts", "has other artifacts"),
        ("DELETE FROM findings", "has other findings than those listed"),
        ("UPDATE findings SET severity_rank = 0", "has other findings than those listed"),
        ("UPDATE findings SET tenant = 'other'", "has other findings than those listed"),
        ("UPDATE findings SET severity = x'00'", "cannot be read"),
        ("DELETE FROM audit_entries WHERE kind = 'finding.raised'", "has other findings than those on record"),
        (
            "UPDATE audit_entries SET payload = '{}' WHERE kind = 'finding.raised'",
            "has other findings than those on record",
        ),
    ];
    for (statement, expected) in cases {
        if !ground.is_sqlite() && is_of_sqlite(statement) {
            continue;
        }
        let stores = Stores::on(&ground).await;
        stores.journal.accept(&new_job("a"), "cli").await.unwrap();
        let (job, lease) = stores.journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
        stores.results.finish(&lease, &finished(&job)).await.unwrap();
        let other = stores.journal.accept(&new_job("b"), "cli").await.unwrap().job;
        stores.journal.cancel(&other.id, "cli").await.unwrap();
        stores.journal.retry(&other.id, "cli").await.unwrap();
        stores.journal.cancel(&other.id, "cli").await.unwrap();
        let sound = stores.audit.verify(None).await.unwrap();
        assert!(sound.iter().all(earmark_journal::ChainReport::is_sound), "{sound:?}");
        assert!(stores.tamper(statement).await > 0, "{statement}");
        let reports = stores.audit.verify(None).await.unwrap();
        let mismatches: Vec<_> = reports.into_iter().flat_map(|report| report.mismatches).collect();
        assert!(mismatches.iter().any(|mismatch| mismatch.contains(expected)), "{statement}: {mismatches:?}");
    }
}

async fn jobs_without_any_chain_are_seen(ground: Ground) {
    let stores = Stores::on(&ground).await;
    stores.journal.accept(&new_job("a"), "cli").await.unwrap();
    stores.tamper("DELETE FROM audit_entries").await;
    stores.tamper("DELETE FROM audit_heads").await;
    let reports = stores.audit.verify(None).await.unwrap();
    assert!(!reports[0].is_sound(), "{reports:?}");
}

async fn long_chains_are_verified_batch_by_batch_and_tenants_apart(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let new: Vec<_> = (0..1200)
        .map(|i| earmark_core::NewJob {
            tenant: Tenant::parse(if i % 4 == 0 { "few" } else { "many" }).unwrap(),
            ..new_job(&i.to_string())
        })
        .collect();
    stores.journal.accept_many(&new, "cli").await.unwrap();
    let reports = stores.audit.verify(None).await.unwrap();
    assert_eq!(
        reports
            .iter()
            .map(|report| (report.tenant.as_str(), report.entries, report.result.is_ok()))
            .collect::<Vec<_>>(),
        [("few", 300, true), ("many", 900, true)]
    );
    let page = stores.audit.page(&Tenant::parse("few").unwrap(), 298, 10).await.unwrap();
    assert_eq!(page.iter().map(|entry| entry.head.seq).collect::<Vec<_>>(), [299, 300]);
}

async fn a_result_that_cannot_be_put_on_record_is_not_written(ground: Ground) {
    let stores = Stores::on(&ground).await;
    stores.journal.accept(&new_job("a"), "cli").await.unwrap();
    let (job, lease) = stores.journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
    let mut broken = finished(&job);
    broken.audit[0].payload = serde_json::json!({ "score": 0.5 });
    assert!(matches!(
        stores.results.finish(&lease, &broken).await,
        Err(JournalError::Audit(AuditError::NotCanonical(_)))
    ));
    assert_eq!(stores.results.report(&job.id).await.unwrap(), None);
    assert!(stores.outbox.due(10, 1000).await.unwrap().is_empty());
    stores.results.finish(&lease, &finished(&job)).await.unwrap();
}
