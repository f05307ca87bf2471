//! What the tests of this crate share.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use earmark_core::Artifact;
use earmark_core::audit::{AuditEvent, AuditKind};
use earmark_core::{
    Clip, ClipKey, ClipText, Cost, Engine, Finding, FindingKind, Job, JobId, ManualClock, NewJob, Problem, Recording,
    Region, Report, RuleSetId, Severity, Speaker, Tenant, TimePrecision, TimedText, WorkerId, rfc3339,
};
use earmark_journal::{
    Accounts, Booking, Database, EarlyFinding, Finished, Journal, NewAlert, Outbox, RuleSets, SqlAuditLog, SqlResults,
    Usage,
};
use earmark_servers::PostgresServer;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection};
use tempfile::TempDir;

pub const START_MS: i64 = 1_760_000_000_000;
pub const LEASE_MS: i64 = 30_000;

/// Makes a test of each promise on each database.
#[allow(unused_macros, reason = "each test binary uses its own part")]
macro_rules! on_both {
    ($($promise:ident),+ $(,)?) => {
        mod sqlite { $(
            #[tokio::test]
            async fn $promise() { super::$promise(super::Ground::sqlite()).await; }
        )+ }
        mod postgres { $(
            #[tokio::test]
            async fn $promise() { super::$promise(super::Ground::postgres()).await; }
        )+ }
    };
}

/// Where a test's databases lie.
pub enum Ground {
    Sqlite,
    /// A server of the test's own, and how many databases it has by now.
    Postgres(PostgresServer, AtomicUsize),
}

impl Ground {
    pub fn sqlite() -> Self {
        Self::Sqlite
    }

    pub fn postgres() -> Self {
        Self::Postgres(PostgresServer::start(), AtomicUsize::new(0))
    }

    pub fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite)
    }

    /// The URL of an empty database; a file lies in `folder`.
    pub async fn url(&self, folder: &TempDir) -> String {
        let Self::Postgres(server, made) = self else { return url(folder) };
        match made.fetch_add(1, Ordering::Relaxed) {
            0 => server.url(),
            number => {
                let name = format!("test{number}");
                execute(&server.url(), format!("CREATE DATABASE {name}")).await;
                server.url().replace("/postgres", &format!("/{name}"))
            }
        }
    }
}

async fn execute(url: &str, statement: impl Into<String>) -> u64 {
    sqlx::any::install_default_drivers();
    let mut connection = sqlx::AnyConnection::connect(url).await.unwrap();
    let result = sqlx::query(AssertSqlSafe(statement.into())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    result.rows_affected()
}

/// A fresh database and everything in it.
pub struct Stores {
    pub folder: TempDir,
    pub url: String,
    pub clock: Arc<ManualClock>,
    pub db: Database,
    pub journal: Journal,
    pub results: SqlResults,
    pub audit: SqlAuditLog,
    pub outbox: Outbox,
    pub accounts: Accounts,
    pub usage: Usage,
    pub rule_sets: RuleSets,
}

impl Stores {
    /// In a SQLite file.
    pub async fn fresh() -> Self {
        Self::on(&Ground::sqlite()).await
    }

    pub async fn on(ground: &Ground) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(START_MS));
        let url = ground.url(&folder).await;
        let db = Database::open(&url, clock.clone()).await.unwrap();
        db.migrate().await.unwrap();
        Self {
            journal: Journal::new(db.clone()),
            results: SqlResults::new(db.clone()),
            audit: SqlAuditLog::new(db.clone()),
            outbox: Outbox::new(db.clone()),
            accounts: Accounts::new(db.clone()),
            usage: Usage::new(db.clone()),
            rule_sets: RuleSets::new(db.clone()),
            folder,
            url,
            clock,
            db,
        }
    }

    /// The same database opened by what could be another process.
    pub async fn reopened(&self) -> Database {
        Database::open(&self.url, self.clock.clone()).await.unwrap()
    }

    /// One statement behind earmark's back.
    pub async fn tamper(&self, statement: &str) -> u64 {
        execute(&self.url, statement).await
    }
}

pub fn url(folder: &TempDir) -> String {
    format!("sqlite:{}", folder.path().join("earmark.sqlite").display())
}

pub fn new_job(name: &str) -> NewJob {
    NewJob::new(format!("{name}.wav"), format!("/calls/{name}.wav"), Tenant::default())
}

pub fn worker(name: &str) -> WorkerId {
    WorkerId::stored(name)
}

/// A request of a second for `job` on the day of [`START_MS`], at a thousandth of a yuan.
pub fn booking(job: &JobId) -> Booking {
    Booking {
        day: "2025-10-09".into(),
        tenant: Tenant::default(),
        account: "main".into(),
        job_id: Some(job.clone()),
        audio_ms: 1000,
        price_micro_cny: 1000,
    }
}

pub fn problem(code: &str) -> Problem {
    Problem { code: code.into(), message: format!("{code} happened"), hint: None }
}

pub fn clip(index: u32) -> Clip {
    let start = u64::from(index) * 16_000;
    Clip { key: ClipKey { channel: 0, index }, regions: vec![Region { start, end: start + 16_000 }] }
}

pub fn clip_text(text: &str) -> ClipText {
    ClipText {
        language: Some("zh".into()),
        segments: vec![TimedText {
            start_ms: 0,
            end_ms: 900,
            text: text.into(),
            confidence: Some(0.5),
            words: Vec::new(),
        }],
        time_precision: TimePrecision::Segment,
        dropped: Vec::new(),
        billed_ms: 1000,
        refused: None,
        other_language: None,
    }
}

/// A finding of `rule_id` in the clip of ten seconds that begins at `clip_start_ms`, told with an alert.
pub fn told(rule_id: &str, clip_start_ms: u64) -> EarlyFinding {
    EarlyFinding {
        rule_id: rule_id.into(),
        channel: 0,
        clip_start_ms,
        clip_end_ms: clip_start_ms + 10_000,
        start_ms: clip_start_ms + 500,
        end_ms: clip_start_ms + 900,
        payload: json!({ "rule_id": rule_id, "start_ms": clip_start_ms + 500 }),
        alert: Some(NewAlert { kind: "finding.alert".into(), message: format!("rule {rule_id}") }),
    }
}

pub fn finished(job: &Job) -> Finished {
    let finding = Finding {
        id: "f1".into(),
        rule_id: "guarantee".into(),
        rule_version: Some(1),
        category: "promise".into(),
        severity: Severity::High,
        kind: FindingKind::Exact,
        reason: "a return must not be promised".into(),
        utterance_id: Some(0),
        channel: Some(0),
        speaker: Some(Speaker::unknown()),
        start_ms: 100,
        end_ms: 900,
        matched: "保证收益".into(),
        span: Some([0, 4]),
        phrase: None,
        normal: None,
        rule_set_sha256: None,
        score: None,
        actions: Vec::new(),
        evidence: Vec::new(),
        is_shadow: false,
    };
    let report = Report {
        job_id: job.id.clone(),
        tenant: job.tenant.clone(),
        lane: job.lane,
        key: job.key.clone(),
        metadata: job.metadata.clone(),
        accepted_at: rfc3339(job.accepted_at_ms),
        finished_at: rfc3339(job.accepted_at_ms + 1),
        language: "zh".into(),
        recording: Recording {
            uri: job.uri.clone(),
            sha256: "ab".repeat(32),
            size_bytes: 7,
            duration_ms: 1000,
            channels: 1,
            codec: "pcm_s16le".into(),
            sample_rate_hz: 8000,
            accounting: None,
            parts: Vec::new(),
        },
        engine: Engine { name: "local".into(), model: "base".into(), version: "1".into() },
        rule_set: RuleSetId { name: "starter".into(), sha256: "cd".repeat(32) },
        utterances: Vec::new(),
        findings: vec![finding],
        shadow_findings: Vec::new(),
        speech: Vec::new(),
        cost: Cost { requests: 1, billed_ms: 1000, price_cny: 0.001 },
        warnings: Vec::new(),
    };
    let event = AuditEvent {
        actor: "worker:test".into(),
        tenant: job.tenant.clone(),
        kind: AuditKind::FindingRaised,
        job_id: Some(job.id.to_string()),
        payload: json!({ "finding_id": "f1" }),
        rule_set_sha256: None,
        engine: None,
        audio_sha256: None,
    };
    Finished {
        report,
        artifacts: vec![Artifact {
            name: "report.json".into(),
            sha256: "ef".repeat(32),
            uri: "file:///out/report.json".into(),
            size_bytes: 12,
        }],
        audit: vec![event],
        alerts: vec![NewAlert { kind: "finding.high".into(), message: "a return was promised".into() }],
    }
}
