//! Results: the one transaction that ends a job well, and reading what it wrote.

mod hold;
mod settle;

use async_trait::async_trait;
use earmark_core::audit::AuditEvent;
use earmark_core::{Finding, JobId, JobState, Lease, Report, Severity, Tenant};
use serde_json::json;
use sqlx::any::AnyRow;

use crate::JournalError;
use crate::database::{Database, Write, column, json, parsed};
use crate::journal::{self, Ending, actor_of, become_final};
use crate::outbox::{self, NewAlert, OutboxKind};
use earmark_core::Artifact;

use crate::{audit, replays};

pub use hold::Holding;
pub use settle::finding_key;

/// Kind of the audit entry that a job's end always has.
const JOB_DONE: &str = "job.done";

/// Everything that is written when a job is done.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// The result.
    pub report: Report,
    /// Files that lie in the output already.
    pub artifacts: Vec<Artifact>,
    /// Decisions on the way, in order. `job.done` is added behind them when it is not among them.
    pub audit: Vec<AuditEvent>,
    /// What someone has to look at.
    pub alerts: Vec<NewAlert>,
}

/// Which findings to list. Everything that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FindingFilter {
    /// Whose.
    pub tenant: Option<Tenant>,
    /// Of this rule.
    pub rule_id: Option<String>,
    /// At least this grave.
    pub min_severity: Option<Severity>,
    /// Those of rules on trial, too.
    pub with_shadow: bool,
    /// Of jobs finished at this instant or later.
    pub since_ms: Option<i64>,
    /// At most this many; 0 for 100.
    pub limit: u32,
}

/// A finding and its job.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundIn {
    /// Which job.
    pub job_id: JobId,
    /// Whose.
    pub tenant: Tenant,
    /// When the job was done.
    pub finished_at_ms: i64,
    /// What was found.
    pub finding: Finding,
}

/// Where results are written and read.
#[async_trait]
pub trait ResultStore: Send + Sync {
    /// Writes report, findings, artifacts, audit entries, messages and the job's end in one transaction, or nothing.
    /// Repeating it with the same lease after it went well does nothing.
    ///
    /// # Errors
    /// [`JournalError::LeaseLost`] when the job is not the lease's any more.
    async fn finish(&self, lease: &Lease, finished: &Finished) -> Result<(), JournalError>;

    /// The report of `job` as it was written; none while there is none.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    async fn report(&self, job: &JobId) -> Result<Option<Report>, JournalError>;

    /// The report of `job` with the findings that count now: where rules judged it again, theirs, and a warning
    /// `findings_replayed` that says so. None while there is none.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    async fn current_report(&self, job: &JobId) -> Result<Option<Report>, JournalError>;

    /// Where the artifacts of `job` lie, by name.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    async fn artifacts(&self, job: &JobId) -> Result<Vec<Artifact>, JournalError>;

    /// Whether the result of `job` is or was held back; none for one that never was.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    async fn holding(&self, job: &JobId) -> Result<Option<Holding>, JournalError>;

    /// Those of `jobs` whose result is or was held back.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    async fn holdings(&self, jobs: &[JobId]) -> Result<Vec<(JobId, Holding)>, JournalError>;

    /// Releases the held result of `job` on record, and has its outcome told like that of any job.
    ///
    /// # Errors
    /// [`JournalError::NotHeld`] when it is not held, [`JournalError::NoSuchJob`].
    async fn release(&self, job: &JobId, by: &str, note: Option<&str>) -> Result<(), JournalError>;

    /// Findings over many jobs, the latest jobs first; those of rules on trial only where they are asked for.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    async fn findings(&self, filter: &FindingFilter) -> Result<Vec<FoundIn>, JournalError>;
}

/// Results in the database.
#[derive(Debug, Clone)]
pub struct SqlResults {
    db: Database,
}

impl SqlResults {
    /// The results of `db`.
    pub fn new(db: Database) -> Self {
        Self { db }
    }

    /// Whether `lease` is the one that ended its job well.
    async fn is_finished_by(&self, write: &mut Write, lease: &Lease) -> Result<bool, JournalError> {
        let statement = sqlx::query(
            "SELECT id FROM jobs WHERE id = $1 AND lease_epoch = $2 AND lease_owner = $3 AND state = 'done'",
        )
        .bind(lease.job_id.as_str().to_owned())
        .bind(lease.epoch)
        .bind(lease.worker.as_str().to_owned());
        Ok(write.row(statement).await?.is_some())
    }
}

#[async_trait]
impl ResultStore for SqlResults {
    async fn finish(&self, lease: &Lease, finished: &Finished) -> Result<(), JournalError> {
        let report_json = json("report", &finished.report)?;
        let mut write = self.db.write().await?;
        let job = match journal::held(&mut write, lease).await {
            Err(JournalError::LeaseLost(_)) if self.is_finished_by(&mut write, lease).await? => return Ok(()),
            held => held?,
        };
        let is_held = hold::is_blocked(&finished.report);
        insert_report(&mut write, &job.id, &job.tenant, report_json.clone(), is_held).await?;
        for artifact in &finished.artifacts {
            insert_artifact(&mut write, &job.id, artifact).await?;
        }
        let now_ms = self.db.now_ms();
        for finding in finished.report.findings.iter().chain(&finished.report.shadow_findings) {
            insert_finding(&mut write, &job.id, &job.tenant, now_ms, finding).await?;
        }
        let (mut done, others): (Vec<_>, Vec<_>) =
            finished.audit.iter().cloned().partition(|event| event.kind == JOB_DONE);
        audit::append(&mut write, &others).await?;
        let mut alerts = finished.alerts.clone();
        alerts.extend(settle::settle(&mut write, &job, &actor_of(lease), &finished.report).await?);
        for alert in &alerts {
            outbox::raise(&mut write, &job.tenant, Some(&job.id), alert).await?;
        }
        let mut event = done.pop().unwrap_or_else(|| done_event(&job, lease, finished));
        if let Some(payload) = event.payload.as_object_mut() {
            // Of the row itself, so that every change to it is seen.
            payload.insert("report_sha256".into(), json!(earmark_core::sha256_hex(report_json.as_bytes())));
        }
        let ending = Ending {
            state: JobState::Done,
            kind: OutboxKind::JobDone,
            problem: None,
            event,
            details: hold::told(&finished.report, &finished.artifacts, is_held),
        };
        become_final(&mut write, &job, ending).await?;
        write.commit().await?;
        for alert in &alerts {
            tracing::error!(
                target: outbox::ALERT_LOG,
                { job.id = %job.id, tenant = %job.tenant, kind = alert.kind },
                "alert: {}",
                alert.message
            );
        }
        Ok(())
    }

    async fn report(&self, job: &JobId) -> Result<Option<Report>, JournalError> {
        let found = sqlx::query("SELECT report FROM results WHERE job_id = $1")
            .bind(job.as_str().to_owned())
            .fetch_optional(self.db.pool())
            .await;
        self.db.map(found)?.map(|row| parsed(&self.db, &row, "report", |text| serde_json::from_str(text))).transpose()
    }

    async fn current_report(&self, job: &JobId) -> Result<Option<Report>, JournalError> {
        replays::current_report(&self.db, job).await
    }

    async fn artifacts(&self, job: &JobId) -> Result<Vec<Artifact>, JournalError> {
        let rows = sqlx::query("SELECT name, sha256, uri, size_bytes FROM artifacts WHERE job_id = $1 ORDER BY name")
            .bind(job.as_str().to_owned())
            .fetch_all(self.db.pool())
            .await;
        let artifact = |row: &AnyRow| {
            Ok(Artifact {
                name: column(&self.db, row, "name")?,
                sha256: column(&self.db, row, "sha256")?,
                uri: column(&self.db, row, "uri")?,
                size_bytes: column::<i64>(&self.db, row, "size_bytes")?.unsigned_abs(),
            })
        };
        self.db.map(rows)?.iter().map(artifact).collect()
    }

    async fn holdings(&self, jobs: &[JobId]) -> Result<Vec<(JobId, Holding)>, JournalError> {
        self.holdings_of(jobs).await
    }

    async fn holding(&self, job: &JobId) -> Result<Option<Holding>, JournalError> {
        self.holding_of(job).await
    }

    async fn release(&self, job: &JobId, by: &str, note: Option<&str>) -> Result<(), JournalError> {
        self.release_held(job, by, note).await
    }

    async fn findings(&self, filter: &FindingFilter) -> Result<Vec<FoundIn>, JournalError> {
        let limit = if filter.limit == 0 { 100 } else { filter.limit };
        let rows = sqlx::query(
            "SELECT job_id, tenant, finished_at_ms, finding FROM findings
             WHERE finished_at_ms >= $1 AND severity_rank >= $2 AND ($3 = '' OR tenant = $3) AND ($4 = '' OR rule_id = $4)
             AND is_shadow <= $5
             ORDER BY finished_at_ms DESC, job_id DESC, start_ms, finding_id LIMIT $6",
        )
        .bind(filter.since_ms.unwrap_or(i64::MIN))
        .bind(filter.min_severity.map_or(0, severity_rank))
        .bind(filter.tenant.as_ref().map_or(String::new(), ToString::to_string))
        .bind(filter.rule_id.clone().unwrap_or_default())
        .bind(i64::from(filter.with_shadow))
        .bind(i64::from(limit))
        .fetch_all(self.db.pool())
        .await;
        let found = |row: &AnyRow| {
            Ok(FoundIn {
                job_id: parsed(&self.db, row, "job_id", JobId::parse)?,
                tenant: parsed(&self.db, row, "tenant", Tenant::parse)?,
                finished_at_ms: column(&self.db, row, "finished_at_ms")?,
                finding: parsed(&self.db, row, "finding", |text| serde_json::from_str(text))?,
            })
        };
        self.db.map(rows)?.iter().map(found).collect()
    }
}

/// What goes on record of a job that is done: hashes of everything, texts of nothing.
fn done_event(job: &earmark_core::Job, lease: &Lease, finished: &Finished) -> AuditEvent {
    let report = &finished.report;
    let artifacts: serde_json::Map<_, _> =
        finished.artifacts.iter().map(|artifact| (artifact.name.clone(), json!(artifact.sha256))).collect();
    let payload = json!({
        "attempt": job.attempt, "utterances": report.utterances.len(), "findings": report.findings.len(),
        "requests": report.cost.requests, "transcript_sha256": report.transcript_sha256(), "artifacts": artifacts,
    });
    AuditEvent {
        rule_set_sha256: Some(report.rule_set.sha256.clone()),
        engine: Some(format!("{} {} {}", report.engine.name, report.engine.model, report.engine.version)),
        audio_sha256: Some(report.recording.sha256.clone()),
        ..journal::event(job, &actor_of(lease), JOB_DONE, payload)
    }
}

pub(crate) fn severity_rank(severity: Severity) -> i64 {
    match severity {
        Severity::Low => 0,
        Severity::Medium => 1,
        Severity::High => 2,
        Severity::Critical => 3,
    }
}

async fn insert_report(
    write: &mut Write,
    job: &JobId,
    tenant: &Tenant,
    report: String,
    is_held: bool,
) -> Result<(), JournalError> {
    let now_ms = write.db().now_ms();
    let statement = sqlx::query(
        "INSERT INTO results (job_id, tenant, finished_at_ms, report, held_since_ms) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(job.as_str().to_owned())
    .bind(tenant.as_str().to_owned())
    .bind(now_ms)
    .bind(report)
    .bind(is_held.then_some(now_ms));
    write.run(statement).await?;
    Ok(())
}

async fn insert_artifact(write: &mut Write, job: &JobId, artifact: &Artifact) -> Result<(), JournalError> {
    let statement =
        sqlx::query("INSERT INTO artifacts (job_id, name, sha256, uri, size_bytes) VALUES ($1, $2, $3, $4, $5)")
            .bind(job.as_str().to_owned())
            .bind(artifact.name.clone())
            .bind(artifact.sha256.clone())
            .bind(artifact.uri.clone())
            .bind(i64::try_from(artifact.size_bytes).unwrap_or(i64::MAX));
    write.run(statement).await?;
    Ok(())
}

/// Writes a row of findings for a job that was done at `finished_at_ms`.
pub(crate) async fn insert_finding(
    write: &mut Write,
    job: &JobId,
    tenant: &Tenant,
    finished_at_ms: i64,
    finding: &Finding,
) -> Result<(), JournalError> {
    let statement = sqlx::query(
        "INSERT INTO findings (job_id, finding_id, tenant, rule_id, category, severity, severity_rank, kind, speaker, start_ms, end_ms, finished_at_ms, finding, is_shadow)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    )
    .bind(job.as_str().to_owned())
    .bind(finding.id.clone())
    .bind(tenant.as_str().to_owned())
    .bind(finding.rule_id.clone())
    .bind(finding.category.clone())
    .bind(word("severity", &finding.severity)?)
    .bind(severity_rank(finding.severity))
    .bind(word("finding kind", &finding.kind)?)
    .bind(finding.speaker.as_ref().map(|speaker| speaker.0.clone()))
    .bind(i64::try_from(finding.start_ms).unwrap_or(i64::MAX))
    .bind(i64::try_from(finding.end_ms).unwrap_or(i64::MAX))
    .bind(finished_at_ms)
    .bind(json("finding", finding)?)
    .bind(i64::from(finding.is_shadow));
    write.run(statement).await?;
    Ok(())
}

/// The word a value is in JSON.
fn word<T: serde::Serialize>(what: &'static str, value: &T) -> Result<String, JournalError> {
    Ok(json(what, value)?.trim_matches('"').to_owned())
}
