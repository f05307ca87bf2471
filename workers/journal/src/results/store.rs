//! The results in the database: the one transaction that ends a job well, and reading what it wrote.

use async_trait::async_trait;
use earmark_core::audit::{AuditEvent, AuditKind};
use earmark_core::{Artifact, JobId, Lease, Report, Tenant, Transition};
use serde_json::json;
use sqlx::any::AnyRow;

use super::{FindingFilter, Finished, FoundIn, ResultStore, ReviewHold, early_findings, review_hold};
use crate::JournalError;
use crate::alerts::{self, ALERT_LOG};
use crate::database::{Database, Write, column, json, parsed};
use crate::findings::{insert_finding, severity_rank};
use crate::jobs::{self, Ending, actor_of};
use crate::{audit, replays};

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
}

#[async_trait]
impl ResultStore for SqlResults {
    async fn finish(&self, lease: &Lease, finished: &Finished) -> Result<(), JournalError> {
        let report_json = json("report", &finished.report)?;
        let mut write = self.db.write().await?;
        let job = match jobs::held(&mut write, lease).await {
            Err(JournalError::LeaseLost(_)) if jobs::has_finished(&mut write, lease).await? => return Ok(()),
            held => held?,
        };
        let is_held = review_hold::is_blocked(&finished.report);
        insert_report(&mut write, &job.id, &job.tenant, report_json.clone(), is_held).await?;
        for artifact in &finished.artifacts {
            insert_artifact(&mut write, &job.id, artifact).await?;
        }
        let now_ms = self.db.now_ms();
        for finding in finished.report.findings.iter().chain(&finished.report.shadow_findings) {
            insert_finding(&mut write, &job.id, &job.tenant, now_ms, finding).await?;
        }
        let (mut done, others): (Vec<_>, Vec<_>) =
            finished.audit.iter().cloned().partition(|event| event.kind == AuditKind::JobDone);
        audit::append(&mut write, &others).await?;
        let mut alerts = finished.alerts.clone();
        alerts.extend(early_findings::confirm(&mut write, &job, &actor_of(lease), &finished.report).await?);
        for alert in &alerts {
            alerts::raise(&mut write, &job.tenant, Some(&job.id), alert).await?;
        }
        let mut event = done.pop().unwrap_or_else(|| done_event(&job, lease, finished));
        if let Some(payload) = event.payload.as_object_mut() {
            // Of the row itself, so that every change to it is seen.
            payload.insert("report_sha256".into(), json!(earmark_core::sha256_hex(report_json.as_bytes())));
        }
        let ending = Ending {
            transition: Transition::Finish,
            problem: None,
            event,
            details: review_hold::details(
                &finished.report,
                &finished.artifacts,
                is_held.then_some(ReviewHold { held_since_ms: now_ms, released: None }),
            ),
        };
        jobs::end(&mut write, &job, ending).await?;
        write.commit().await?;
        for alert in &alerts {
            tracing::error!(
                target: ALERT_LOG,
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

    async fn review_hold(&self, job: &JobId) -> Result<Option<ReviewHold>, JournalError> {
        review_hold::of(&self.db, job).await
    }

    async fn review_holds(&self, jobs: &[JobId]) -> Result<Vec<(JobId, ReviewHold)>, JournalError> {
        review_hold::of_many(&self.db, jobs).await
    }

    async fn release_held(&self, job: &JobId, by: &str, note: Option<&str>) -> Result<(), JournalError> {
        review_hold::release(&self.db, job, &self.artifacts(job).await?, by, note).await
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
        ..jobs::event(job, &actor_of(lease), AuditKind::JobDone, payload)
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
