//! Rows of findings.

use earmark_core::{Finding, JobId, Severity, Tenant};

use crate::JournalError;
use crate::database::{Write, json};

/// `severity` as a number that rises with it.
pub(crate) fn severity_rank(severity: Severity) -> i64 {
    match severity {
        Severity::Low => 0,
        Severity::Medium => 1,
        Severity::High => 2,
        Severity::Critical => 3,
    }
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
    .bind(finding.severity.as_str())
    .bind(severity_rank(finding.severity))
    .bind(finding.kind.as_str())
    .bind(finding.speaker.as_ref().map(|speaker| speaker.0.clone()))
    .bind(i64::try_from(finding.start_ms).unwrap_or(i64::MAX))
    .bind(i64::try_from(finding.end_ms).unwrap_or(i64::MAX))
    .bind(finished_at_ms)
    .bind(json("finding", finding)?)
    .bind(i64::from(finding.is_shadow));
    write.run(statement).await?;
    Ok(())
}
