//! Findings in the place of others, one job a transaction.

use earmark_core::audit::{AuditEvent, AuditKind};
use earmark_core::{
    Finding, FindingKind, FindingPair, JobId, MessageKind, Report, RuleSetId, Tenant, pair_findings, rfc3339,
};
use serde_json::json;
use sqlx::AssertSqlSafe;

use super::Replays;
use crate::database::{Query, Write, column, json as text_of, parsed};
use crate::findings::insert_finding;
use crate::outbox::{self, NewMessage};
use crate::{JournalError, audit, verdicts};

/// What became of a job's findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacement {
    /// Others have taken their place.
    Replaced,
    /// They were those of the rule set already: nothing was written.
    AlreadyThere,
    /// The job has no result any more.
    Gone,
}

impl Replays {
    /// Puts `findings`, which `rules` found in the transcript of `job`, in the place of what there was, in one
    /// transaction: the findings' rows, those before kept aside, reviewers' verdicts carried over to what is found at the
    /// same place again, an audit entry and a message. What no rule found (a provider's refusal) stays. The report is
    /// left as it was written. For a job that has the findings of `rules` already nothing is written.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails; then nothing is written.
    pub async fn replace_findings(
        &self,
        replay: &str,
        rules: &RuleSetId,
        actor: &str,
        job: &JobId,
        findings: &[Finding],
    ) -> Result<Replacement, JournalError> {
        let mut write = self.db.write().await?;
        // The job's row first, as everybody does.
        let locked = format!("SELECT id FROM jobs WHERE id = $1{}", self.db.for_update());
        // Words of ours only; every value is bound.
        if write.row(sqlx::query(AssertSqlSafe(locked)).bind(job.as_str().to_owned())).await?.is_none() {
            return Ok(Replacement::Gone);
        }
        let statement =
            of_job("SELECT tenant, finished_at_ms, report, judged_by_sha256 FROM results WHERE job_id = $1", job);
        let Some(row) = write.row(statement).await? else { return Ok(Replacement::Gone) };
        let tenant = parsed(&self.db, &row, "tenant", Tenant::parse)?;
        let finished_at_ms = column(&self.db, &row, "finished_at_ms")?;
        let report: Report = parsed(&self.db, &row, "report", |text| serde_json::from_str(text))?;
        let judged_by: Option<String> = column(&self.db, &row, "judged_by_sha256")?;
        if judged_by.as_ref().unwrap_or(&report.rule_set.sha256) == &rules.sha256 {
            return Ok(Replacement::AlreadyThere);
        }

        let before = current_findings(&mut write, job).await?;
        supersede(&mut write, replay, job, &before).await?;
        for finding in findings {
            insert_finding(&mut write, job, &tenant, finished_at_ms, finding).await?;
        }
        let pairs = pair_findings(&before, findings);
        let carried = verdicts::carry_over(&mut write, replay, job, &pairs).await?;
        let judged = sqlx::query(
            "UPDATE results SET replay_id = $1, judged_by_sha256 = $2, judged_by_name = $3 WHERE job_id = $4",
        )
        .bind(replay.to_owned())
        .bind(rules.sha256.clone())
        .bind(rules.name.clone())
        .bind(job.as_str().to_owned());
        write.run(judged).await?;

        let counts = Counts::of(&pairs);
        let message = json!({
            "job_id": job, "tenant": tenant, "replay_id": replay, "rule_set": rules, "findings": findings.iter().filter(|finding| !finding.is_shadow).count(),
            "max_severity": findings.iter().filter(|finding| !finding.is_shadow).map(|finding| finding.severity).max(),
            "added": counts.added, "removed": counts.removed, "changed": counts.changed, "changed_at": rfc3339(self.db.now_ms()),
        });
        let message =
            NewMessage { tenant: &tenant, kind: MessageKind::FindingsChanged, job_id: Some(job), payload: message };
        outbox::post(&mut write, message).await?;
        let payload = json!({
            "replay": replay, "from_rule_set": judged_by.unwrap_or(report.rule_set.sha256), "findings_before": before.len(), "findings": findings.len(),
            "added": counts.added, "removed": counts.removed, "changed": counts.changed, "verdicts_carried": carried,
            "findings_sha256": audit::findings_sha256(&mut write, job).await?,
        });
        let event = AuditEvent {
            actor: actor.into(),
            tenant,
            kind: AuditKind::RulesReplayed,
            job_id: Some(job.to_string()),
            payload,
            rule_set_sha256: Some(rules.sha256.clone()),
            engine: None,
            audio_sha256: None,
        };
        audit::append(&mut write, &[event]).await?;
        write.commit().await?;
        Ok(Replacement::Replaced)
    }
}

/// How many findings came, went, and say something else now.
struct Counts {
    added: usize,
    removed: usize,
    changed: usize,
}

impl Counts {
    fn of(pairs: &[FindingPair<'_>]) -> Self {
        let count =
            |is_counted: &dyn Fn(&FindingPair<'_>) -> bool| pairs.iter().filter(|pair| is_counted(pair)).count();
        Self {
            added: count(&|pair| matches!(pair, FindingPair::After(_))),
            removed: count(&|pair| matches!(pair, FindingPair::Before(_))),
            changed: count(&|pair| matches!(pair, FindingPair::Both(a, b) if !a.differs_in(b).is_empty())),
        }
    }
}

/// What rules found in `job`, as it stands in the findings' rows.
async fn current_findings(write: &mut Write, job: &JobId) -> Result<Vec<Finding>, JournalError> {
    let rows =
        write.rows(of_job("SELECT finding FROM findings WHERE job_id = $1 ORDER BY start_ms, finding_id", job)).await?;
    let db = write.db();
    let finding = |row| parsed(db, row, "finding", |text| serde_json::from_str::<Finding>(text));
    let mut findings = rows.iter().map(finding).collect::<Result<Vec<_>, _>>()?;
    findings.retain(|finding| finding.kind != FindingKind::ProviderRefused);
    Ok(findings)
}

/// Moves `findings` of `job` aside.
async fn supersede(write: &mut Write, replay: &str, job: &JobId, findings: &[Finding]) -> Result<(), JournalError> {
    let now_ms = write.db().now_ms();
    for finding in findings {
        let kept = sqlx::query(
            "INSERT INTO superseded_findings (job_id, replay_id, finding_id, superseded_at_ms, finding) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(job.as_str().to_owned())
        .bind(replay.to_owned())
        .bind(finding.id.clone())
        .bind(now_ms)
        .bind(text_of("finding", finding)?);
        write.run(kept).await?;
        let gone = sqlx::query("DELETE FROM findings WHERE job_id = $1 AND finding_id = $2")
            .bind(job.as_str().to_owned())
            .bind(finding.id.clone());
        write.run(gone).await?;
    }
    Ok(())
}

fn of_job(statement: &'static str, job: &JobId) -> Query<'static> {
    sqlx::query(statement).bind(job.as_str().to_owned())
}
