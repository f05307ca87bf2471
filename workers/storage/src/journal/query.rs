//! Looking at jobs.

use std::fmt::Write as _;

use earmark_core::{Job, JobId, JobState, Lane};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::{Count, JobFilter, Journal, row};
use crate::StorageError;
use crate::database::{column, parsed};

/// One page at most, however many are asked for.
const MAX_PAGE: u32 = 1000;

impl Journal {
    /// The job with this id.
    ///
    /// # Errors
    /// [`StorageError::NoSuchJob`].
    pub async fn get(&self, id: &JobId) -> Result<Job, StorageError> {
        let found = sqlx::query("SELECT * FROM jobs WHERE id = $1")
            .bind(id.as_str().to_owned())
            .fetch_optional(self.db.pool())
            .await;
        let found = self.db.map(found)?.ok_or_else(|| StorageError::NoSuchJob(id.clone()))?;
        row::job(&self.db, &found)
    }

    /// Jobs that `filter` lets through, newest first.
    ///
    /// # Errors
    /// [`StorageError`] when the database fails.
    pub async fn list(&self, filter: &JobFilter) -> Result<Vec<Job>, StorageError> {
        self.page(filter).await?.iter().map(|found| row::job(&self.db, found)).collect()
    }

    /// Rows of jobs with their `standing`.
    pub(super) async fn page(&self, filter: &JobFilter) -> Result<Vec<AnyRow>, StorageError> {
        if filter.key.as_ref().is_some_and(|key| key.contains('\0')) {
            // No job has such a key, and not every database may be asked for it.
            return Ok(Vec::new());
        }
        let mut values = Vec::new();
        let mut conditions = String::new();
        let mut is_equal = |column: &str, value: Option<String>| {
            if let Some(value) = value {
                values.push(value);
                let _ = write!(conditions, " AND {column} ${}", values.len() + 3);
            }
        };
        let standing = self.standing_of("$1");
        is_equal("t.tenant =", filter.tenant.as_ref().map(ToString::to_string));
        is_equal("t.key =", filter.key.clone());
        is_equal("t.lane =", filter.lane.map(|lane| lane.to_string()));
        // The stored state beside it, for its index.
        let state = filter.standing.map(|standing| standing.state().unwrap_or(JobState::Ready)).or(filter.state);
        is_equal("t.state =", state.map(|state| state.to_string()));
        is_equal(&format!("({standing}) ="), filter.standing.map(|standing| standing.to_string()));
        is_equal("t.id <", filter.after.as_ref().map(ToString::to_string));
        let statement = format!(
            "SELECT t.*, {standing} AS standing FROM jobs t WHERE t.accepted_at_ms >= $2{conditions} ORDER BY t.id DESC LIMIT $3"
        );
        // Column names and placeholders only; every value is bound.
        let mut query = sqlx::query(AssertSqlSafe(statement))
            .bind(self.db.now_ms())
            .bind(filter.since_ms.unwrap_or(i64::MIN))
            .bind(i64::from(filter.limit.min(MAX_PAGE)));
        for value in values {
            query = query.bind(value);
        }
        self.db.map(query.fetch_all(self.db.pool()).await)
    }

    /// How many jobs are where; lanes and states without a job are left out.
    ///
    /// # Errors
    /// [`StorageError`] when the database fails.
    pub async fn counts(&self) -> Result<Vec<Count>, StorageError> {
        let rows = sqlx::query("SELECT lane, state, COUNT(*) AS jobs, MIN(accepted_at_ms) AS oldest FROM jobs GROUP BY lane, state ORDER BY lane, state").fetch_all(self.db.pool()).await;
        let now_ms = self.db.now_ms();
        let count = |found: &sqlx::any::AnyRow| {
            Ok(Count {
                lane: parsed(&self.db, found, "lane", str::parse::<Lane>)?,
                state: parsed(&self.db, found, "state", str::parse::<JobState>)?,
                jobs: column::<i64>(&self.db, found, "jobs")?.unsigned_abs(),
                oldest_age_ms: now_ms - column::<i64>(&self.db, found, "oldest")?,
            })
        };
        self.db.map(rows)?.iter().map(count).collect()
    }
}
