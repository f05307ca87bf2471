//! A report with the findings that count now.

use earmark_core::{Finding, JobId, Report, RuleSetId, Warning};
use sqlx::any::AnyRow;

use crate::JournalError;
use crate::database::{Database, column, parsed};

/// The report of `job` as it was written, or, where the job was judged again, with the rule set and the findings of
/// that, and a warning `findings_replayed` that says so; none while there is none.
pub(crate) async fn current_report(db: &Database, job: &JobId) -> Result<Option<Report>, JournalError> {
    let found =
        sqlx::query("SELECT report, replay_id, judged_by_sha256, judged_by_name FROM results WHERE job_id = $1")
            .bind(job.as_str().to_owned())
            .fetch_optional(db.pool())
            .await;
    let Some(row) = db.map(found)? else { return Ok(None) };
    let mut report: Report = parsed(db, &row, "report", |text| serde_json::from_str(text))?;
    let text = |name| column::<Option<String>>(db, &row, name);
    let (Some(replay), Some(sha256), name) = (text("replay_id")?, text("judged_by_sha256")?, text("judged_by_name")?)
    else {
        return Ok(Some(report));
    };
    let rows = sqlx::query("SELECT finding FROM findings WHERE job_id = $1")
        .bind(job.as_str().to_owned())
        .fetch_all(db.pool())
        .await;
    let finding = |row: &AnyRow| parsed(db, row, "finding", |text| serde_json::from_str::<Finding>(text));
    let mut findings = db.map(rows)?.iter().map(finding).collect::<Result<Vec<_>, _>>()?;
    findings.sort_by(|a, b| {
        let key = |finding: &Finding| (finding.start_ms, finding.end_ms, finding.channel, finding.span);
        key(a).cmp(&key(b)).then_with(|| a.rule_id.cmp(&b.rule_id))
    });
    (report.shadow_findings, report.findings) = findings.into_iter().partition(|finding| finding.is_shadow);
    let first = std::mem::replace(&mut report.rule_set, RuleSetId { name: name.unwrap_or_default(), sha256 });
    let detail = format!(
        "the findings are those of replay {replay} by the rule set {} ({}); the report was written with those of {} ({}), which the file still has",
        report.rule_set.name, report.rule_set.sha256, first.name, first.sha256
    );
    report.warnings.push(Warning::new("findings_replayed", detail));
    Ok(Some(report))
}
