//! What the tests of this crate share.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::sync::Arc;

use earmark_core::{
    Clip, ClipKey, ClipText, Cost, Engine, Finding, FindingKind, Job, JobId, ManualClock, NewJob, Problem, Recording,
    Region, Report, RuleSetId, Severity, Speaker, Tenant, TimePrecision, TimedText, WorkerId, rfc3339,
};
use earmark_storage::{
    Accounts, Artifact, Booking, Database, Finished, Journal, NewAlert, Outbox, SqlAuditLog, SqlResults, Usage,
};
use serde_json::json;
use tempfile::TempDir;

pub const START_MS: i64 = 1_760_000_000_000;
pub const LEASE_MS: i64 = 30_000;

/// A fresh database on disk and everything in it.
pub struct Stores {
    pub folder: TempDir,
    pub clock: Arc<ManualClock>,
    pub db: Database,
    pub journal: Journal,
    pub results: SqlResults,
    pub audit: SqlAuditLog,
    pub outbox: Outbox,
    pub accounts: Accounts,
    pub usage: Usage,
}

impl Stores {
    pub async fn fresh() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(START_MS));
        let db = Database::open(&url(&folder), clock.clone()).await.unwrap();
        db.migrate().await.unwrap();
        Self {
            journal: Journal::new(db.clone()),
            results: SqlResults::new(db.clone()),
            audit: SqlAuditLog::new(db.clone()),
            outbox: Outbox::new(db.clone()),
            accounts: Accounts::new(db.clone()),
            usage: Usage::new(db.clone()),
            folder,
            clock,
            db,
        }
    }

    /// The same database opened by what could be another process.
    pub async fn reopened(&self) -> Database {
        Database::open(&url(&self.folder), self.clock.clone()).await.unwrap()
    }

    /// One statement behind earmark's back.
    pub async fn tamper(&self, statement: &'static str) -> u64 {
        sqlx::any::install_default_drivers();
        let pool = sqlx::AnyPool::connect(&url(&self.folder)).await.unwrap();
        let result = sqlx::query(statement).execute(&pool).await.unwrap();
        pool.close().await;
        result.rows_affected()
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
        },
        engine: Engine { name: "local".into(), model: "base".into(), version: "1".into() },
        rule_set: RuleSetId { name: "starter".into(), sha256: "cd".repeat(32) },
        utterances: Vec::new(),
        findings: vec![finding],
        cost: Cost { requests: 1, billed_ms: 1000, price_cny: 0.001 },
        warnings: Vec::new(),
    };
    let event = earmark_core::audit::AuditEvent {
        actor: "worker:test".into(),
        tenant: job.tenant.clone(),
        kind: "finding.raised".into(),
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
