//! Stored reports, page by page.

use earmark_core::JobId;

use super::{ReplayFilter, Replays, StoredReport};
use crate::JournalError;
use crate::database::{column, parsed};

impl Replays {
    /// Up to `rows` reports that `filter` lets through (its limit is the caller's affair), by the time their jobs were
    /// done and then by id, those behind `after` only. A page is in memory as a whole.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn page(
        &self,
        filter: &ReplayFilter,
        after: Option<&(i64, JobId)>,
        rows: u32,
    ) -> Result<Vec<StoredReport>, JournalError> {
        let (after_ms, after_id) = after.map_or((i64::MIN, ""), |(ms, id)| (*ms, id.as_str()));
        let since_ms = filter.since_ms.unwrap_or(i64::MIN).max(after_ms);
        let rows = sqlx::query(
            "SELECT r.job_id, r.finished_at_ms, r.report FROM results r
             WHERE r.finished_at_ms >= $1 AND (r.finished_at_ms > $2 OR r.job_id > $3) AND r.finished_at_ms < $4
                AND ($5 = '' OR r.tenant = $5)
                AND ($6 = '' OR EXISTS (SELECT 1 FROM jobs j WHERE j.id = r.job_id AND j.lane = $6))
             ORDER BY r.finished_at_ms, r.job_id LIMIT $7",
        )
        .bind(since_ms)
        .bind(after_ms)
        .bind(after_id.to_owned())
        .bind(filter.until_ms.unwrap_or(i64::MAX))
        .bind(filter.tenant.as_ref().map_or(String::new(), ToString::to_string))
        .bind(filter.lane.map_or("", |lane| lane.as_str()))
        .bind(i64::from(rows))
        .fetch_all(self.db.pool())
        .await;
        let report = |row: &sqlx::any::AnyRow| {
            Ok(StoredReport {
                job_id: parsed(&self.db, row, "job_id", JobId::parse)?,
                finished_at_ms: column(&self.db, row, "finished_at_ms")?,
                text: column(&self.db, row, "report")?,
            })
        };
        self.db.map(rows)?.iter().map(report).collect()
    }
}
