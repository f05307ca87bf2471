//! What was compared and what came of it, kept to be shown again.

use earmark_core::{JobId, RuleSetId};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::{NewReplay, Replays, StoredReplay};
use crate::JournalError;
use crate::database::{column, json, parsed, places};

/// Rows of one statement.
const ROWS: usize = 200;

impl Replays {
    /// Puts a comparison on record; gives its id.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn begin(&self, new: &NewReplay) -> Result<String, JournalError> {
        let id = JobId::at(self.db.now_ms()).to_string();
        let statement = sqlx::query(
            "INSERT INTO rule_replays (id, from_name, from_sha256, to_name, to_sha256, filter, actor, is_applied, started_at_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(id.clone())
        .bind(new.from.name.clone())
        .bind(new.from.sha256.clone())
        .bind(new.to.name.clone())
        .bind(new.to.sha256.clone())
        .bind(json("filter", &new.filter)?)
        .bind(new.actor.clone())
        .bind(i64::from(new.is_applied))
        .bind(self.db.now_ms());
        let mut write = self.db.write().await?;
        write.run(statement).await?;
        write.commit().await?;
        Ok(id)
    }

    /// Keeps what was different in some jobs, each a line, behind the `before` that are kept.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails; then none is kept.
    pub async fn keep(&self, id: &str, before: u64, lines: &[(JobId, String)]) -> Result<(), JournalError> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut write = self.db.write().await?;
        let mut number = before.cast_signed();
        for lines in lines.chunks(ROWS) {
            let statement = format!(
                "INSERT INTO rule_replay_jobs (replay_id, number, job_id, difference) VALUES {}",
                places(lines.len(), 4)
            );
            // Words and placeholders of ours only; every value is bound.
            let mut query = sqlx::query(AssertSqlSafe(statement)).persistent(lines.len() == ROWS);
            for (job, line) in lines {
                number += 1;
                query = query.bind(id.to_owned()).bind(number).bind(job.as_str().to_owned()).bind(line.clone());
            }
            write.run(query).await?;
        }
        write.commit().await
    }

    /// Says that the comparison is over, and what it came to.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn end(&self, id: &str, summary: &str) -> Result<(), JournalError> {
        let statement = sqlx::query("UPDATE rule_replays SET ended_at_ms = $1, summary = $2 WHERE id = $3")
            .bind(self.db.now_ms())
            .bind(summary.to_owned())
            .bind(id.to_owned());
        let mut write = self.db.write().await?;
        write.run(statement).await?;
        write.commit().await
    }

    /// Comparisons on record, the newest first.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn list(&self, limit: u32) -> Result<Vec<StoredReplay>, JournalError> {
        let rows = sqlx::query("SELECT * FROM rule_replays ORDER BY started_at_ms DESC, id DESC LIMIT $1")
            .bind(i64::from(limit))
            .fetch_all(self.db.pool())
            .await;
        self.db.map(rows)?.iter().map(|row| self.replay(row)).collect()
    }

    /// The comparison with this id.
    ///
    /// # Errors
    /// [`JournalError::NoSuchReplay`].
    pub async fn get(&self, id: &str) -> Result<StoredReplay, JournalError> {
        let row = sqlx::query("SELECT * FROM rule_replays WHERE id = $1")
            .bind(id.to_owned())
            .fetch_optional(self.db.pool())
            .await;
        let row = self.db.map(row)?.ok_or_else(|| JournalError::NoSuchReplay(id.into()))?;
        self.replay(&row)
    }

    /// Up to `limit` of its lines behind line `after` (0 for the first), each with its number. Those of jobs that are
    /// gone are gone.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn lines(&self, id: &str, after: i64, limit: u32) -> Result<Vec<(i64, String)>, JournalError> {
        let rows = sqlx::query(
            "SELECT number, difference FROM rule_replay_jobs WHERE replay_id = $1 AND number > $2 ORDER BY number LIMIT $3",
        )
        .bind(id.to_owned())
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(self.db.pool())
        .await;
        let line = |row: &AnyRow| Ok((column(&self.db, row, "number")?, column(&self.db, row, "difference")?));
        self.db.map(rows)?.iter().map(line).collect()
    }

    fn replay(&self, row: &AnyRow) -> Result<StoredReplay, JournalError> {
        let text = |name| column::<String>(&self.db, row, name);
        Ok(StoredReplay {
            id: text("id")?,
            asked: NewReplay {
                from: RuleSetId { name: text("from_name")?, sha256: text("from_sha256")? },
                to: RuleSetId { name: text("to_name")?, sha256: text("to_sha256")? },
                filter: parsed(&self.db, row, "filter", |text| serde_json::from_str(text))?,
                actor: text("actor")?,
                is_applied: column::<i64>(&self.db, row, "is_applied")? != 0,
            },
            started_at_ms: column(&self.db, row, "started_at_ms")?,
            ended_at_ms: column(&self.db, row, "ended_at_ms")?,
            summary: column(&self.db, row, "summary")?,
        })
    }
}
