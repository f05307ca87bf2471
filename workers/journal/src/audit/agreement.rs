//! Whether the data agrees with its chain: jobs, results, artifacts and findings have to be what the chain says they are.

use earmark_core::audit::AuditKind;
use earmark_core::{JobState, Report, Tenant, sha256_hex};
use serde_json::{Map, Value};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::replayed_findings as replayed;
use super::row::unless_odd;
use crate::JournalError;
use crate::database::{Database, column, json};
use crate::findings::severity_rank;

/// Mismatches that a [`ChainReport`](super::ChainReport) names at most, of each kind.
const NAMED: i64 = 20;

/// Jobs that are not where their last end, or the retry after it, left them, as the table of transitions has it.
fn misplaced_jobs() -> String {
    let final_states = JobState::ALL.iter().filter(|state| state.is_final());
    let cases =
        final_states.map(|state| format!("WHEN '{state}' THEN ended IN ({})", list(&AuditKind::leading_to(*state))));
    let open_states = JobState::ALL.iter().filter(|state| !state.is_final());
    let returns: Vec<_> = open_states.flat_map(|state| AuditKind::leading_to(*state)).collect();
    format!("
    SELECT id, state, accepted, ended, results FROM (
        SELECT CAST(j.id AS TEXT) AS id, CAST(j.state AS TEXT) AS state,
            (SELECT COUNT(*) FROM audit_entries e WHERE e.job_id = j.id AND e.tenant = j.tenant AND e.kind = '{accepted}') AS accepted,
            COALESCE((SELECT CAST(e.kind AS TEXT) FROM audit_entries e WHERE e.job_id = j.id AND e.tenant = j.tenant
                AND e.kind IN ({ends}) ORDER BY e.seq DESC LIMIT 1), '') AS ended,
            (SELECT COUNT(*) FROM results r WHERE r.job_id = j.id AND r.tenant = j.tenant) AS results
        FROM jobs j WHERE j.tenant = $1) AS compared
    WHERE accepted <> 1 OR results <> CASE WHEN state = '{done}' THEN 1 ELSE 0 END
        OR NOT CASE state {cases} ELSE ended IN ('', {returns}) END
    LIMIT $2",
        accepted = AuditKind::JobAccepted,
        ends = list(&AuditKind::ends_and_returns()),
        done = JobState::Done,
        cases = cases.collect::<Vec<_>>().join(" "),
        returns = list(&returns),
    )
}

/// Jobs on record that are not there, and whose time was not over.
fn gone_jobs() -> String {
    format!("
    SELECT COALESCE(CAST(e.job_id AS TEXT), '') AS id FROM audit_entries e WHERE e.tenant = $1 AND e.kind = '{accepted}'
        AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.id = e.job_id AND j.tenant = e.tenant)
        AND NOT EXISTS (SELECT 1 FROM audit_entries x WHERE x.job_id = e.job_id AND x.tenant = e.tenant AND x.kind = '{expired}') LIMIT $2",
        accepted = AuditKind::JobAccepted,
        expired = AuditKind::JobExpired,
    )
}

/// `kinds` as a list of SQL.
fn list(kinds: &[AuditKind]) -> String {
    let kinds: Vec<_> = kinds.iter().map(|kind| format!("'{kind}'")).collect();
    kinds.join(", ")
}

/// Findings of jobs without a result.
const STRAY: &str = "
    SELECT DISTINCT CAST(f.job_id AS TEXT) AS id FROM findings f WHERE f.tenant = $1
        AND NOT EXISTS (SELECT 1 FROM results r WHERE r.job_id = f.job_id AND r.tenant = f.tenant) LIMIT $2";

/// The result that follows a job's; one at a time, a report may be long.
const NEXT_RESULT: &str =
    "SELECT job_id, report FROM results WHERE tenant = $1 AND job_id > $2 ORDER BY job_id LIMIT 1";

/// Where the data of `tenant` and its chain disagree: the first few of each kind.
pub(super) async fn mismatches(db: &Database, tenant: &Tenant) -> Result<Vec<String>, JournalError> {
    let mut found = Vec::new();
    let id = |row: &AnyRow| column::<String>(db, row, "id");
    describe(db, misplaced_jobs(), tenant, |row| describe_job(db, row), &mut found).await?;
    describe(db, gone_jobs(), tenant, |row| Ok(format!("job {} was accepted, and is gone", id(row)?)), &mut found)
        .await?;
    describe(db, STRAY.into(), tenant, |row| Ok(format!("job {} has findings and no result", id(row)?)), &mut found)
        .await?;
    let (mut after, mut named) = (String::new(), 0);
    while named < NAMED {
        let next = sqlx::query(NEXT_RESULT).bind(tenant.as_str().to_owned()).bind(after.clone());
        let next = db.map(next.fetch_optional(db.pool()).await);
        let next = next.and_then(|row| row.map(|row| Ok((column::<String>(db, &row, "job_id")?, row))).transpose());
        let (job, row) = match unless_odd(next)? {
            Ok(Some(next)) => next,
            Ok(None) => break,
            Err(why) => {
                // There is no going on behind a row that does not say which it is.
                found.push(format!("the result behind job `{after}` cannot be read: {why}"));
                break;
            }
        };
        let what = match unless_odd(column::<String>(db, &row, "report"))? {
            Ok(report) => unless_odd(compare(db, tenant, &job, &report).await)?,
            Err(why) => Err(why),
        };
        if let Some(what) = what.unwrap_or_else(|why| Some(format!("cannot be read: {why}"))) {
            found.push(format!("the result of job {job} {what}"));
            named += 1;
        }
        after = job;
    }
    Ok(found)
}

/// A sentence for each row of `query`.
async fn describe(
    db: &Database,
    query: String,
    tenant: &Tenant,
    tell: impl Fn(&AnyRow) -> Result<String, JournalError>,
    found: &mut Vec<String>,
) -> Result<(), JournalError> {
    // Words of ours only; both values are bound.
    let rows =
        sqlx::query(AssertSqlSafe(query)).bind(tenant.as_str().to_owned()).bind(NAMED).fetch_all(db.pool()).await;
    match unless_odd(db.map(rows))? {
        Ok(rows) => {
            for row in &rows {
                found.push(unless_odd(tell(row))?.unwrap_or_else(|why| format!("a row cannot be read: {why}")));
            }
        }
        Err(why) => found.push(format!("a row cannot be read: {why}")),
    }
    Ok(())
}

fn describe_job(db: &Database, row: &AnyRow) -> Result<String, JournalError> {
    let text = |name| column::<String>(db, row, name);
    let (accepted, results): (i64, i64) = (column(db, row, "accepted")?, column(db, row, "results")?);
    let (id, state, ended) = (text("id")?, text("state")?, text("ended")?);
    let ended = if ended.is_empty() { "no end".into() } else { format!("`{ended}` last") };
    Ok(format!("job {id} is {state} with {results} results; on record are {accepted} acceptances and {ended}"))
}

/// What is not as the job's last `job.done` says; none when all is, or when nothing is on record (the jobs tell that).
async fn compare(db: &Database, tenant: &Tenant, job: &str, text: &str) -> Result<Option<String>, JournalError> {
    let done = sqlx::query(
        "SELECT payload, rule_set_sha256, audio_sha256 FROM audit_entries
         WHERE job_id = $1 AND tenant = $2 AND kind = $3 ORDER BY seq DESC LIMIT 1",
    )
    .bind(job.to_owned())
    .bind(tenant.as_str().to_owned())
    .bind(AuditKind::JobDone.as_str())
    .fetch_optional(db.pool())
    .await;
    let Some(done) = db.map(done)? else { return Ok(None) };
    let Ok(report) = serde_json::from_str::<Report>(text) else { return Ok(Some("is no report".into())) };
    let differs = |what: &str| Ok(Some(format!("has {what} than its `job.done` says")));
    let is_other = |said: Option<String>, value: &str| said.is_some_and(|said| said != value);
    if report.job_id.as_str() != job || report.tenant != *tenant {
        return Ok(Some("is the report of another job".into()));
    }
    if is_other(column(db, &done, "rule_set_sha256")?, &report.rule_set.sha256) {
        return differs("other rules");
    }
    if is_other(column(db, &done, "audio_sha256")?, &report.recording.sha256) {
        return differs("another recording");
    }
    if let Some(payload) = column::<Option<String>>(db, &done, "payload")? {
        let said: Value = serde_json::from_str(&payload).unwrap_or_default();
        let hash = |name: &str| said.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        if is_other(hash("transcript_sha256"), &report.transcript_sha256()) {
            return differs("another transcript");
        }
        if is_other(hash("report_sha256"), &sha256_hex(text.as_bytes())) {
            return differs("another report");
        }
        if let Some(files) = said.get("artifacts").and_then(Value::as_object)
            && *files != artifacts(db, job).await?
        {
            return differs("other artifacts");
        }
    }
    findings(db, tenant, job, &report).await
}

/// Hashes of the artifacts of `job` by name.
async fn artifacts(db: &Database, job: &str) -> Result<Map<String, Value>, JournalError> {
    let rows = sqlx::query("SELECT name, sha256 FROM artifacts WHERE job_id = $1")
        .bind(job.to_owned())
        .fetch_all(db.pool())
        .await;
    let file = |row: &AnyRow| Ok((column(db, row, "name")?, Value::String(column(db, row, "sha256")?)));
    db.map(rows)?.iter().map(file).collect()
}

/// What differs among the three places that hold a job's findings: report, rows, chain.
async fn findings(db: &Database, tenant: &Tenant, job: &str, report: &Report) -> Result<Option<String>, JournalError> {
    let replayed = replayed::last(db, tenant, job).await?;
    let differing = match &replayed {
        Some(said) => replayed::compare(db, job, said).await?,
        None => listed(db, tenant, job, report).await?,
    };
    match differing {
        Some(what) => Ok(Some(what)),
        None => raised(db, tenant, job, report).await,
    }
}

/// What differs between the findings of the report and their rows.
async fn listed(db: &Database, tenant: &Tenant, job: &str, report: &Report) -> Result<Option<String>, JournalError> {
    if replayed::claims_replay(db, job).await? {
        return Ok(Some("is said to be judged again, which is not on record".into()));
    }
    let mut expected = Vec::with_capacity(report.findings.len());
    for finding in report.findings.iter().chain(&report.shadow_findings) {
        let severity = finding.severity.to_string();
        let rank = severity_rank(finding.severity);
        expected.push((finding.id.clone(), finding.rule_id.clone(), severity, rank, json("finding", finding)?));
    }
    expected.sort_unstable();
    let rows = sqlx::query(
        "SELECT finding_id, rule_id, severity, severity_rank, finding FROM findings WHERE job_id = $1 AND tenant = $2",
    )
    .bind(job.to_owned())
    .bind(tenant.as_str().to_owned())
    .fetch_all(db.pool())
    .await;
    let finding = |row: &AnyRow| -> Result<_, JournalError> {
        Ok((
            column(db, row, "finding_id")?,
            column(db, row, "rule_id")?,
            column(db, row, "severity")?,
            column(db, row, "severity_rank")?,
            column(db, row, "finding")?,
        ))
    };
    let mut kept = db.map(rows)?.iter().map(finding).collect::<Result<Vec<_>, _>>()?;
    kept.sort_unstable();
    Ok((kept != expected).then(|| "has other findings than those listed for the job".into()))
}

/// What differs between the findings of the report and those that the chain says were raised.
async fn raised(db: &Database, tenant: &Tenant, job: &str, report: &Report) -> Result<Option<String>, JournalError> {
    let raised = sqlx::query("SELECT payload FROM audit_entries WHERE job_id = $1 AND tenant = $2 AND kind = $3")
        .bind(job.to_owned())
        .bind(tenant.as_str().to_owned())
        .bind(AuditKind::FindingRaised.as_str())
        .fetch_all(db.pool())
        .await;
    let raised = db.map(raised)?;
    let mut is_known = raised.len() == report.findings.len();
    for row in &raised {
        // Of an erased one only its being there can be compared.
        let Some(payload) = column::<Option<String>>(db, row, "payload")? else { continue };
        let said: Value = serde_json::from_str(&payload).unwrap_or_default();
        let id = said.get("finding_id").and_then(Value::as_str);
        is_known &= id.is_some_and(|id| report.findings.iter().any(|finding| finding.id == id));
    }
    Ok((!is_known).then(|| "has other findings than those on record".into()))
}
