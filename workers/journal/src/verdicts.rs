//! What reviewers say of findings.

use earmark_core::audit::{AuditEvent, AuditKind};
use earmark_core::{Finding, FindingPair, JobId, Tenant, Verdict, rfc3339};
use serde::Serialize;
use serde_json::json;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::database::{Database, Write, column, parsed};
use crate::person_text::{check_name, check_note};
use crate::{JournalError, audit};

/// Findings on a page at most, however many are asked for.
const MAX_PAGE: u32 = 1000;

/// A verdict to be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVerdict {
    /// In which job.
    pub job_id: JobId,
    /// Of which finding.
    pub finding_id: String,
    /// What it is.
    pub verdict: Verdict,
    /// The reviewer who judges, by name.
    pub by: String,
    /// Why, in the reviewer's words.
    pub note: Option<String>,
}

/// A verdict that was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GivenVerdict {
    /// What it is.
    pub verdict: Verdict,
    /// The reviewer who judged, by name.
    pub by: String,
    /// Why, in the reviewer's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// RFC 3339, UTC.
    pub at: String,
    /// The replay that found the finding again, and carried the verdict over to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carried_by: Option<String>,
}

/// Which verdict a finding must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    /// Findings with this verdict.
    As(Verdict),
    /// Findings without a verdict.
    NotYet,
}

/// Behind which finding a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingPlace {
    /// When its job was done.
    pub finished_at_ms: i64,
    /// The job it was found in.
    pub job_id: JobId,
    /// When it begins in the recording.
    pub start_ms: i64,
    /// Its id within the job.
    pub finding_id: String,
}

/// Which findings to list. Everything that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JudgedFilter {
    /// Of this tenant only; none for everybody's.
    pub tenant: Option<Tenant>,
    /// Of this rule.
    pub rule_id: Option<String>,
    /// Of jobs finished at this instant or later.
    pub since_ms: Option<i64>,
    /// What was said of them.
    pub judged: Option<Judged>,
    /// Those of rules on trial, or those of the others; none: both.
    pub is_shadow: Option<bool>,
    /// Those behind this one.
    pub after: Option<FindingPlace>,
    /// At most this many, and never more than 1000; 0 for 100.
    pub limit: u32,
}

/// A finding, its job, and what was said of it last.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedFinding {
    /// The job in whose recording it was found.
    pub job_id: JobId,
    /// The tenant it belongs to.
    pub tenant: Tenant,
    /// When the job was done.
    pub finished_at_ms: i64,
    /// What was found.
    pub finding: Finding,
    /// What was said of it.
    pub verdict: Option<GivenVerdict>,
}

impl JudgedFinding {
    /// Where it stands in the list.
    pub fn place(&self) -> FindingPlace {
        FindingPlace {
            finished_at_ms: self.finished_at_ms,
            job_id: self.job_id.clone(),
            start_ms: i64::try_from(self.finding.start_ms).unwrap_or(i64::MAX),
            finding_id: self.finding.id.clone(),
        }
    }
}

/// Reviewers' verdicts in the database.
#[derive(Debug, Clone)]
pub struct Verdicts {
    db: Database,
}

impl Verdicts {
    /// The verdicts of `db`.
    pub fn new(db: Database) -> Self {
        Self { db }
    }

    /// Puts a verdict on record, in the place of an earlier one of the same finding, which stays on record too. The audit
    /// log says who judged what, without words.
    ///
    /// # Errors
    /// [`JournalError::NoSuchFinding`], [`JournalError::TextTooLong`], [`JournalError::NulInText`].
    pub async fn judge(&self, new: &NewVerdict, actor: &str) -> Result<GivenVerdict, JournalError> {
        check_name(&new.by)?;
        check_note(new.note.as_deref())?;
        let unknown = || JournalError::NoSuchFinding { job: new.job_id.clone(), finding: new.finding_id.clone() };
        if new.finding_id.contains('\0') {
            return Err(unknown());
        }
        let mut write = self.db.write().await?;
        let locked = format!("SELECT tenant FROM jobs WHERE id = $1{}", self.db.for_update());
        // Words of ours only; every value is bound.
        let job = write.row(sqlx::query(AssertSqlSafe(locked)).bind(new.job_id.as_str().to_owned())).await?;
        let job = job.ok_or_else(|| JournalError::NoSuchJob(new.job_id.clone()))?;
        let tenant = parsed(&self.db, &job, "tenant", Tenant::parse)?;
        let found = sqlx::query("SELECT rule_id FROM findings WHERE job_id = $1 AND finding_id = $2")
            .bind(new.job_id.as_str().to_owned())
            .bind(new.finding_id.clone());
        let found = write.row(found).await?.ok_or_else(unknown)?;
        let rule_id: String = column(&self.db, &found, "rule_id")?;
        let row = Row { finding_id: &new.finding_id, rule_id: &rule_id, at_ms: self.db.now_ms(), carried_by: None };
        let number = insert(&mut write, new, &row).await?;
        let event = AuditEvent {
            actor: actor.into(),
            tenant,
            kind: AuditKind::FindingJudged,
            job_id: Some(new.job_id.to_string()),
            payload: json!({
                "finding_id": new.finding_id, "rule_id": rule_id, "verdict": new.verdict, "by": new.by, "number": number, "has_note": new.note.is_some(),
            }),
            rule_set_sha256: None,
            engine: None,
            audio_sha256: None,
        };
        audit::append(&mut write, &[event]).await?;
        write.commit().await?;
        Ok(GivenVerdict {
            verdict: new.verdict,
            by: new.by.clone(),
            note: new.note.clone(),
            at: rfc3339(row.at_ms),
            carried_by: None,
        })
    }

    /// Findings over many jobs with the verdicts that count, the latest jobs first, within a job in order of time.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn list(&self, filter: &JudgedFilter) -> Result<Vec<JudgedFinding>, JournalError> {
        if filter.rule_id.as_ref().is_some_and(|rule| rule.contains('\0')) {
            // No rule has such a name, and not every database may be asked for it.
            return Ok(Vec::new());
        }
        let limit = if filter.limit == 0 { 100 } else { filter.limit.min(MAX_PAGE) };
        let judged = match filter.judged {
            None => "",
            Some(Judged::NotYet) => "none",
            Some(Judged::As(verdict)) => verdict.as_str(),
        };
        let shadow = match filter.is_shadow {
            None => "",
            Some(true) => " AND f.is_shadow = 1",
            Some(false) => " AND f.is_shadow = 0",
        };
        let after = filter.after.as_ref();
        let behind = match after {
            None => "",
            Some(_) => {
                " AND f.finished_at_ms <= $6 AND (f.finished_at_ms < $6 OR f.job_id < $7 OR (f.job_id = $7 AND (f.start_ms > $8 OR (f.start_ms = $8 AND f.finding_id > $9))))"
            }
        };
        let statement = format!(
            "SELECT f.job_id, f.tenant, f.finished_at_ms, f.finding, v.verdict, v.given_by, v.note, v.given_at_ms, v.carried_by
             FROM findings f LEFT JOIN finding_verdicts v ON v.job_id = f.job_id AND v.finding_id = f.finding_id AND v.is_current = 1
             WHERE f.finished_at_ms >= $1 AND ($2 = '' OR f.tenant = $2) AND ($3 = '' OR f.rule_id = $3)
                AND ($4 = '' OR COALESCE(v.verdict, 'none') = $4){shadow}{behind}
             ORDER BY f.finished_at_ms DESC, f.job_id DESC, f.start_ms, f.finding_id LIMIT $5"
        );
        // Words of ours only; every value is bound.
        let mut query = sqlx::query(AssertSqlSafe(statement))
            .bind(filter.since_ms.unwrap_or(i64::MIN))
            .bind(filter.tenant.as_ref().map_or(String::new(), ToString::to_string))
            .bind(filter.rule_id.clone().unwrap_or_default())
            .bind(judged)
            .bind(i64::from(limit));
        if let Some(after) = after {
            query = query
                .bind(after.finished_at_ms)
                .bind(after.job_id.as_str().to_owned())
                .bind(after.start_ms)
                .bind(after.finding_id.clone());
        }
        let rows = query.fetch_all(self.db.pool()).await;
        self.db.map(rows)?.iter().map(|row| self.judged(row)).collect()
    }

    fn judged(&self, row: &AnyRow) -> Result<JudgedFinding, JournalError> {
        let text = |name| column::<Option<String>>(&self.db, row, name);
        let verdict = match text("verdict")? {
            None => None,
            Some(_) => Some(GivenVerdict {
                verdict: parsed(&self.db, row, "verdict", str::parse::<Verdict>)?,
                by: text("given_by")?.unwrap_or_default(),
                note: text("note")?,
                at: rfc3339(column(&self.db, row, "given_at_ms")?),
                carried_by: text("carried_by")?,
            }),
        };
        Ok(JudgedFinding {
            job_id: parsed(&self.db, row, "job_id", JobId::parse)?,
            tenant: parsed(&self.db, row, "tenant", Tenant::parse)?,
            finished_at_ms: column(&self.db, row, "finished_at_ms")?,
            finding: parsed(&self.db, row, "finding", |text| serde_json::from_str(text))?,
            verdict,
        })
    }
}

/// The part of a row that is not the verdict.
struct Row<'a> {
    finding_id: &'a str,
    rule_id: &'a str,
    at_ms: i64,
    carried_by: Option<&'a str>,
}

/// Writes a verdict that counts from now on; gives its number. The job's row is held.
async fn insert(write: &mut Write, new: &NewVerdict, row: &Row<'_>) -> Result<i64, JournalError> {
    let past = sqlx::query("UPDATE finding_verdicts SET is_current = 0 WHERE job_id = $1 AND finding_id = $2")
        .bind(new.job_id.as_str().to_owned())
        .bind(row.finding_id.to_owned());
    write.run(past).await?;
    let last = sqlx::query("SELECT MAX(number) AS last FROM finding_verdicts WHERE job_id = $1")
        .bind(new.job_id.as_str().to_owned());
    let last = write.row(last).await?.map(|row| column::<Option<i64>>(write.db(), &row, "last")).transpose()?;
    let number = last.flatten().unwrap_or(0) + 1;
    let statement = sqlx::query(
        "INSERT INTO finding_verdicts (job_id, number, finding_id, rule_id, verdict, given_by, note, given_at_ms, is_current, carried_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9)",
    )
    .bind(new.job_id.as_str().to_owned())
    .bind(number)
    .bind(row.finding_id.to_owned())
    .bind(row.rule_id.to_owned())
    .bind(new.verdict.as_str())
    .bind(new.by.clone())
    .bind(new.note.clone())
    .bind(row.at_ms)
    .bind(row.carried_by.map(ToOwned::to_owned));
    write.run(statement).await?;
    Ok(number)
}

/// Gives the verdicts of findings that another judgement found again to what it found at their places; those of findings
/// that are not found any more count no longer. Says how many were given on. The job's row is held.
pub(crate) async fn carry_over(
    write: &mut Write,
    replay: &str,
    job: &JobId,
    pairs: &[FindingPair<'_>],
) -> Result<usize, JournalError> {
    let statement = sqlx::query(
        "SELECT finding_id, verdict, given_by, note, given_at_ms FROM finding_verdicts WHERE job_id = $1 AND is_current = 1 ORDER BY number",
    );
    let rows = write.rows(statement.bind(job.as_str().to_owned())).await?;
    let mut given = Vec::with_capacity(rows.len());
    for row in &rows {
        let db = write.db();
        let finding_id: String = column(db, row, "finding_id")?;
        // What no rule found keeps its row and its verdict.
        let is_judged_again = |pair: &&FindingPair<'_>| matches!(pair, FindingPair::Both(old, _) | FindingPair::Before(old) if old.id == finding_id);
        let Some(pair) = pairs.iter().find(is_judged_again) else { continue };
        let new = NewVerdict {
            job_id: job.clone(),
            finding_id,
            verdict: parsed(db, row, "verdict", str::parse::<Verdict>)?,
            by: column(db, row, "given_by")?,
            note: column(db, row, "note")?,
        };
        given.push((new, column::<i64>(db, row, "given_at_ms")?, pair));
    }
    // All of them first: what is found has ids that others had before.
    for (old, ..) in &given {
        let past = sqlx::query("UPDATE finding_verdicts SET is_current = 0 WHERE job_id = $1 AND finding_id = $2")
            .bind(job.as_str().to_owned())
            .bind(old.finding_id.clone());
        write.run(past).await?;
    }
    let mut carried = 0;
    for (old, at_ms, pair) in &given {
        let FindingPair::Both(_, finding) = pair else { continue };
        let row = Row { finding_id: &finding.id, rule_id: &finding.rule_id, at_ms: *at_ms, carried_by: Some(replay) };
        insert(write, old, &row).await?;
        carried += 1;
    }
    Ok(carried)
}
