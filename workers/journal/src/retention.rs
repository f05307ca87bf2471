//! Retention: what has had its time goes, a few rows to a transaction, so that nobody waits long for those who tidy up.
//! Audit entries stay for ever; a job that goes leaves one more behind.

use earmark_core::{JobId, Mover};
use sqlx::AssertSqlSafe;

use crate::JournalError;
use crate::database::{Database, Query, Write, column, parsed};
use crate::jobs::{Locked, expire, job_of_row};
use crate::usage::day_of;

const DAY_MS: i64 = 86_400_000;
/// Rows per transaction.
const BATCH: u64 = 500;
/// Who the audit log says it was.
const ACTOR: &str = "retention";
/// Rows that name a job and go with it. Messages have a time of their own.
const OF_JOB: [&str; 8] = [
    "finding_verdicts",
    "rule_replay_jobs",
    "superseded_findings",
    "findings",
    "artifacts",
    "results",
    "intakes",
    "told_early",
];

/// How long things are kept, in days; 0 for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionTimes {
    /// Saved clips of final jobs, since the job's end.
    pub clips_days: u32,
    /// Messages, since they were written.
    pub messages_days: u32,
    /// Messages that were not delivered or given up stay, however old.
    pub waits_for_delivery: bool,
    /// Messages of jobs that were not told on the stream of outcomes stay, however old.
    pub waits_for_announcement: bool,
    /// Usage and spending.
    pub usage_days: u32,
    /// Workers that stopped or died, since they stopped or were last seen.
    pub workers_days: u32,
    /// Final jobs and all that is known of them but the audit log, since their end.
    pub jobs_days: u32,
}

/// How many rows went, or would go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RetentionReport {
    /// Saved clips of jobs that are over.
    pub clips: u64,
    /// Messages of the outbox.
    pub messages: u64,
    /// Rows of usage.
    pub usage: u64,
    /// Days and tenants of which the spending was known.
    pub spending: u64,
    /// Worker processes that stopped or died.
    pub workers: u64,
    /// Jobs, with all that is known of them but the audit log.
    pub jobs: u64,
}

/// Retention in the database.
#[derive(Debug, Clone)]
pub struct Retention {
    db: Database,
}

/// Rows of one table that go together.
struct OldRows {
    table: &'static str,
    /// Columns that name a row.
    key: &'static str,
    /// Which go; `$1` is the instant or the day before which they are old.
    which: String,
}

impl Retention {
    /// The retention of `db`.
    pub fn new(db: Database) -> Self {
        Self { db }
    }

    /// Removes what is older than `keep` says. Several at a time share the work. `gone` is told the URI of each artifact
    /// that no job names any more, once that is so for good.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails; what was removed before stays so.
    pub async fn run(
        &self,
        keep: &RetentionTimes,
        gone: &mut (dyn FnMut(&str) + Send),
    ) -> Result<RetentionReport, JournalError> {
        let mut report = RetentionReport::default();
        for (rows, before, count) in self.old_rows(keep, &mut report) {
            *count += self.thin(&rows, &before).await?;
        }
        if let Some(before_ms) = self.before_ms(keep.jobs_days) {
            report.jobs = self.expire_jobs(before_ms, gone).await?;
        }
        Ok(report)
    }

    /// What [`run`](Self::run) would remove now.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn preview(&self, keep: &RetentionTimes) -> Result<RetentionReport, JournalError> {
        let mut report = RetentionReport::default();
        for (rows, before, count) in self.old_rows(keep, &mut report) {
            *count += self.count(rows.table, &rows.which, &before).await?;
        }
        if let Some(before_ms) = self.before_ms(keep.jobs_days) {
            report.jobs = self.count("jobs", "finished_at_ms < $1", &Before::Ms(before_ms)).await?;
        }
        Ok(report)
    }

    /// What goes row by row, each with the place of its count.
    fn old_rows<'r>(
        &self,
        keep: &RetentionTimes,
        report: &'r mut RetentionReport,
    ) -> Vec<(OldRows, Before, &'r mut u64)> {
        let RetentionReport { clips, messages, usage, spending, workers, jobs: _ } = report;
        let mut groups = Vec::new();
        if let Some(before_ms) = self.before_ms(keep.clips_days) {
            let which = "saved_at_ms < $1 AND EXISTS (SELECT 1 FROM jobs j WHERE j.id = clips.job_id AND j.finished_at_ms < $1)";
            let rows = OldRows { table: "clips", key: "job_id, channel, clip_index", which: which.into() };
            groups.push((rows, Before::Ms(before_ms), clips));
        }
        if let Some(before_ms) = self.before_ms(keep.messages_days) {
            let mut which = String::from("created_at_ms < $1");
            if keep.waits_for_delivery {
                which.push_str(" AND next_at_ms IS NULL");
            }
            if keep.waits_for_announcement {
                which.push_str(" AND (announced_at_ms IS NOT NULL OR job_id IS NULL)");
            }
            groups.push((OldRows { table: "outbox", key: "id", which }, Before::Ms(before_ms), messages));
        }
        if let Some(before_ms) = self.before_ms(keep.workers_days) {
            // One that was killed never stopped in order; it was last seen before it died.
            let which = "COALESCE(stopped_at_ms, seen_at_ms, started_at_ms) < $1";
            let rows = OldRows { table: "workers", key: "id", which: which.into() };
            groups.push((rows, Before::Ms(before_ms), workers));
        }
        if let Some(before_ms) = self.before_ms(keep.usage_days) {
            let rows = OldRows { table: "usage", key: "day, tenant, account, job_id", which: "day < $1".into() };
            groups.push((rows, Before::Day(day_of(before_ms)), usage));
            let rows = OldRows { table: "spending", key: "day, tenant", which: "day < $1".into() };
            groups.push((rows, Before::Day(day_of(before_ms)), spending));
        }
        groups
    }

    fn before_ms(&self, days: u32) -> Option<i64> {
        (days > 0).then(|| self.db.now_ms() - i64::from(days) * DAY_MS)
    }

    async fn count(&self, table: &str, which: &str, before: &Before) -> Result<u64, JournalError> {
        let statement = format!("SELECT COUNT(*) AS found FROM {table} WHERE {which}");
        // Words of ours only; the one value is bound.
        let row = before.bind(sqlx::query(AssertSqlSafe(statement))).fetch_one(self.db.pool()).await;
        Ok(column::<i64>(&self.db, &self.db.map(row)?, "found")?.unsigned_abs())
    }

    /// Removes the rows of `rows`, batch by batch; gives how many.
    async fn thin(&self, rows: &OldRows, before: &Before) -> Result<u64, JournalError> {
        let OldRows { table, key, which } = rows;
        let statement = format!(
            "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {which} LIMIT {BATCH}{})",
            self.db.skip_locked()
        );
        let mut removed = 0;
        loop {
            if self.count_some(table, which, before).await? == 0 {
                return Ok(removed);
            }
            let mut write = self.db.write().await?;
            // Words of ours only; the one value is bound.
            let batch = write.run(before.bind(sqlx::query(AssertSqlSafe(statement.clone())))).await?;
            write.commit().await?;
            removed += batch;
            if batch < BATCH {
                // The rest is another's, who is at it now.
                return Ok(removed);
            }
        }
    }

    /// 1 if there is such a row: looking costs no turn to write.
    async fn count_some(&self, table: &str, which: &str, before: &Before) -> Result<u64, JournalError> {
        let statement = format!("SELECT 1 AS found FROM {table} WHERE {which} LIMIT 1");
        // Words of ours only; the one value is bound.
        let row = before.bind(sqlx::query(AssertSqlSafe(statement))).fetch_optional(self.db.pool()).await;
        Ok(u64::from(self.db.map(row)?.is_some()))
    }

    async fn expire_jobs(&self, before_ms: i64, gone: &mut (dyn FnMut(&str) + Send)) -> Result<u64, JournalError> {
        let mut expired = 0;
        loop {
            let rows = sqlx::query("SELECT id FROM jobs WHERE finished_at_ms < $1 ORDER BY finished_at_ms LIMIT $2")
                .bind(before_ms)
                .bind(BATCH.cast_signed())
                .fetch_all(self.db.pool())
                .await;
            let rows = self.db.map(rows)?;
            let before = expired;
            for row in &rows {
                let id = parsed(&self.db, row, "id", JobId::parse)?;
                let clips = OldRows { table: "clips", key: "job_id, channel, clip_index", which: "job_id = $1".into() };
                self.thin(&clips, &Before::Job(id.clone())).await?;
                let Some(artifacts) = self.expire(&id, before_ms).await? else { continue };
                expired += 1;
                artifacts.iter().for_each(|uri| gone(uri));
            }
            if rows.len() < usize::try_from(BATCH).unwrap_or(usize::MAX) || expired == before {
                return Ok(expired);
            }
        }
    }

    /// Removes one job and what names it, in one transaction; gives where its artifacts lay. None when it is not old, or
    /// another process is at it.
    async fn expire(&self, id: &JobId, before_ms: i64) -> Result<Option<Vec<String>>, JournalError> {
        let mut write = self.db.write().await?;
        let statement = format!("SELECT * FROM jobs WHERE id = $1 AND finished_at_ms < $2{}", self.db.skip_locked());
        // Words of ours only; every value is bound.
        let held = sqlx::query(AssertSqlSafe(statement)).bind(id.as_str().to_owned()).bind(before_ms);
        let Some(found) = write.row(held).await? else { return Ok(None) };
        let job = Locked::by(Mover::Retention, job_of_row(&self.db, &found)?);
        let rows = write.rows(of_job("SELECT uri FROM artifacts WHERE job_id = $1", id)).await?;
        let artifacts = rows.iter().map(|row| column(&self.db, row, "uri")).collect::<Result<_, _>>()?;
        remove(&mut write, &job).await?;
        write.commit().await?;
        Ok(Some(artifacts))
    }
}

async fn remove(write: &mut Write, job: &Locked) -> Result<(), JournalError> {
    for table in OF_JOB {
        // Words of ours only; the one value is bound.
        let statement = AssertSqlSafe(format!("DELETE FROM {table} WHERE job_id = $1"));
        write.run(sqlx::query(statement).bind(job.id.as_str().to_owned())).await?;
    }
    expire(write, job, ACTOR).await
}

fn of_job(statement: &'static str, id: &JobId) -> Query<'static> {
    sqlx::query(statement).bind(id.as_str().to_owned())
}

/// The value of `$1`.
enum Before {
    Ms(i64),
    Day(String),
    Job(JobId),
}

impl Before {
    fn bind<'q>(&self, query: Query<'q>) -> Query<'q> {
        match self {
            Self::Ms(ms) => query.bind(*ms),
            Self::Day(day) => query.bind(day.clone()),
            Self::Job(id) => query.bind(id.as_str().to_owned()),
        }
    }
}
