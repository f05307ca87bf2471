//! Findings that took the place of others: the chain commits to their rows.

use earmark_core::audit::AuditKind;
use earmark_core::{JobId, Tenant, sha256_hex};
use serde_json::Value;
use sqlx::any::AnyRow;

use crate::JournalError;
use crate::database::{Database, Write, column, json};

/// What a replay's entry says of a job's findings.
pub(super) struct Replayed {
    replay: Option<String>,
    rule_set_sha256: Option<String>,
    findings_sha256: Option<String>,
}

const ROWS: &str = "SELECT finding_id, tenant, rule_id, category, severity, severity_rank, kind, speaker, start_ms, end_ms, is_shadow, finding FROM findings WHERE job_id = $1";

/// SHA-256 in hex over all rows of findings of `job`, every column of them that says something.
pub(crate) async fn findings_sha256(write: &mut Write, job: &JobId) -> Result<String, JournalError> {
    let rows = write.rows(sqlx::query(ROWS).bind(job.as_str().to_owned())).await?;
    hash(write.db(), &rows)
}

/// What the last replay of `job` put on record; none when it was never judged again.
pub(super) async fn last(db: &Database, tenant: &Tenant, job: &str) -> Result<Option<Replayed>, JournalError> {
    let row = sqlx::query(
        "SELECT payload, rule_set_sha256 FROM audit_entries
         WHERE job_id = $1 AND tenant = $2 AND kind = $3 ORDER BY seq DESC LIMIT 1",
    )
    .bind(job.to_owned())
    .bind(tenant.as_str().to_owned())
    .bind(AuditKind::RulesReplayed.as_str())
    .fetch_optional(db.pool())
    .await;
    let Some(row) = db.map(row)? else { return Ok(None) };
    // Of an erased one only its being there can be compared.
    let payload: Option<String> = column(db, &row, "payload")?;
    let said: Value = payload.and_then(|payload| serde_json::from_str(&payload).ok()).unwrap_or_default();
    let text = |name: &str| said.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    Ok(Some(Replayed {
        replay: text("replay"),
        rule_set_sha256: column(db, &row, "rule_set_sha256")?,
        findings_sha256: text("findings_sha256"),
    }))
}

/// What differs between the findings' rows of `job` and `said`, in words.
pub(super) async fn compare(db: &Database, job: &str, said: &Replayed) -> Result<Option<String>, JournalError> {
    let row = sqlx::query("SELECT replay_id, judged_by_sha256 FROM results WHERE job_id = $1")
        .bind(job.to_owned())
        .fetch_optional(db.pool())
        .await;
    let Some(row) = db.map(row)? else { return Ok(None) };
    let is_other = |said: &Option<String>, found: Option<String>| said.is_some() && *said != found;
    if is_other(&said.replay, column(db, &row, "replay_id")?)
        || is_other(&said.rule_set_sha256, column(db, &row, "judged_by_sha256")?)
    {
        return Ok(Some("was judged by other rules than its `rules.replayed` says".into()));
    }
    let rows = sqlx::query(ROWS).bind(job.to_owned()).fetch_all(db.pool()).await;
    let found = hash(db, &db.map(rows)?)?;
    let differs = is_other(&said.findings_sha256, Some(found));
    Ok(differs.then(|| "has other findings than its `rules.replayed` says".into()))
}

/// Whether a result says that it was judged again; whoever never was must not.
pub(super) async fn claims_replay(db: &Database, job: &str) -> Result<bool, JournalError> {
    let row = sqlx::query(
        "SELECT job_id FROM results WHERE job_id = $1 AND (replay_id IS NOT NULL OR judged_by_sha256 IS NOT NULL)",
    )
    .bind(job.to_owned())
    .fetch_optional(db.pool())
    .await;
    Ok(db.map(row)?.is_some())
}

fn hash(db: &Database, rows: &[AnyRow]) -> Result<String, JournalError> {
    let line = |row: &AnyRow| {
        let text = |name| column::<String>(db, row, name);
        let number = |name| column::<i64>(db, row, name);
        json(
            "finding's row",
            &(
                (text("finding_id")?, text("tenant")?, text("rule_id")?, text("category")?),
                (
                    text("severity")?,
                    number("severity_rank")?,
                    text("kind")?,
                    column::<Option<String>>(db, row, "speaker")?,
                ),
                (number("start_ms")?, number("end_ms")?, number("is_shadow")?, text("finding")?),
            ),
        )
    };
    let mut lines = rows.iter().map(line).collect::<Result<Vec<_>, _>>()?;
    lines.sort_unstable();
    Ok(sha256_hex(lines.join("\n").as_bytes()))
}
