//! The outbox: what is to be told to the outside.

use earmark_core::{JobId, MessageKind, Tenant};
use serde_json::Value;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::JournalError;
use crate::database::{Database, Write, column, json, parsed, storable};

/// A message to be delivered at least once.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The same at every delivery: receivers tell repetitions by it.
    pub id: String,
    /// The tenant whose receivers are told.
    pub tenant: Tenant,
    /// What it tells.
    pub kind: MessageKind,
    /// Which job, where there is one.
    pub job_id: Option<JobId>,
    /// What is told.
    pub payload: Value,
    /// When it happened.
    pub created_at_ms: i64,
    /// Deliveries begun, this one included.
    pub attempt: u32,
}

/// A message as it is written.
pub(crate) struct NewMessage<'a> {
    pub(crate) tenant: &'a Tenant,
    pub(crate) kind: MessageKind,
    pub(crate) job_id: Option<&'a JobId>,
    pub(crate) payload: Value,
}

/// How many messages wait, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Backlog {
    /// Not delivered, not given up.
    pub waiting: u64,
    /// Age of the oldest of them, in milliseconds.
    pub oldest_age_ms: i64,
}

/// The outbox in the database.
#[derive(Debug, Clone)]
pub struct Outbox {
    db: Database,
}

impl Outbox {
    /// The outbox of `db`.
    pub fn new(db: Database) -> Self {
        Self { db }
    }

    pub(crate) fn database(&self) -> &Database {
        &self.db
    }

    /// Up to `limit` messages that are due, oldest first. For `claim_ms` nobody else is given them: report each as
    /// [`delivered`](Self::delivered) or [`failed`](Self::failed) before that.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn due(&self, limit: u32, claim_ms: i64) -> Result<Vec<Message>, JournalError> {
        let now_ms = self.db.now_ms();
        let first = sqlx::query("SELECT id FROM outbox WHERE next_at_ms <= $1 LIMIT 1")
            .bind(now_ms)
            .fetch_optional(self.db.pool())
            .await;
        if self.db.map(first)?.is_none() {
            return Ok(Vec::new());
        }
        let mut write = self.db.write().await?;
        let statement = format!(
            "UPDATE outbox SET attempt = attempt + 1, next_at_ms = $1
             WHERE id IN (SELECT id FROM outbox WHERE next_at_ms <= $2 ORDER BY next_at_ms, id LIMIT $3{}) AND next_at_ms <= $2
             RETURNING id, tenant, kind, job_id, payload, created_at_ms, attempt",
            self.db.skip_locked()
        );
        // Words of ours only; every value is bound.
        let claim = sqlx::query(AssertSqlSafe(statement)).bind(now_ms + claim_ms).bind(now_ms).bind(i64::from(limit));
        let rows = write.rows(claim).await?;
        write.commit().await?;
        let mut messages = rows.iter().map(|row| message(&self.db, row)).collect::<Result<Vec<_>, _>>()?;
        // RETURNING promises no order.
        messages.sort_by(|a, b| (a.created_at_ms, &a.id).cmp(&(b.created_at_ms, &b.id)));
        Ok(messages)
    }

    /// The receiver has it.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn delivered(&self, id: &str) -> Result<(), JournalError> {
        let mut write = self.db.write().await?;
        let statement =
            sqlx::query("UPDATE outbox SET delivered_at_ms = $1, next_at_ms = NULL, error = NULL WHERE id = $2")
                .bind(self.db.now_ms())
                .bind(id.to_owned());
        write.run(statement).await?;
        write.commit().await
    }

    /// The receiver does not have it. To be tried again at `next_at_ms`, or given up when that is none.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn failed(&self, id: &str, next_at_ms: Option<i64>, error: &str) -> Result<(), JournalError> {
        let mut write = self.db.write().await?;
        let statement =
            sqlx::query("UPDATE outbox SET next_at_ms = $1, error = $2 WHERE id = $3 AND delivered_at_ms IS NULL")
                .bind(next_at_ms)
                .bind(storable(error))
                .bind(id.to_owned());
        write.run(statement).await?;
        write.commit().await
    }

    /// Nobody tried: to be taken again at `next_at_ms`, as if it had not been claimed.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn put_back(&self, id: &str, next_at_ms: i64) -> Result<(), JournalError> {
        let mut write = self.db.write().await?;
        let statement = sqlx::query(
            "UPDATE outbox SET next_at_ms = $1, attempt = attempt - 1 WHERE id = $2 AND delivered_at_ms IS NULL AND attempt > 0",
        )
        .bind(next_at_ms)
        .bind(id.to_owned());
        write.run(statement).await?;
        write.commit().await
    }

    /// Gives up what was written before the last `age_ms` and never tried: nobody was there to be told. Says how many.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn give_up_untried(&self, age_ms: i64) -> Result<u64, JournalError> {
        let mut write = self.db.write().await?;
        let statement = sqlx::query(
            "UPDATE outbox SET next_at_ms = NULL, error = $1 WHERE next_at_ms IS NOT NULL AND attempt = 0 AND created_at_ms < $2",
        )
        .bind("nobody was to be told while it was news")
        .bind(self.db.now_ms() - age_ms);
        let given_up = write.run(statement).await?;
        write.commit().await?;
        Ok(given_up)
    }

    /// When the next message is due; none when there is none.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn next_due_at(&self) -> Result<Option<i64>, JournalError> {
        let row = sqlx::query("SELECT MIN(next_at_ms) AS next FROM outbox WHERE next_at_ms IS NOT NULL")
            .fetch_one(self.db.pool())
            .await;
        column(&self.db, &self.db.map(row)?, "next")
    }

    /// How many messages wait.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn backlog(&self) -> Result<Backlog, JournalError> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS waiting, MIN(created_at_ms) AS oldest FROM outbox WHERE next_at_ms IS NOT NULL",
        )
        .fetch_one(self.db.pool())
        .await;
        let row = self.db.map(row)?;
        let (waiting, oldest): (i64, Option<i64>) =
            (column(&self.db, &row, "waiting")?, column(&self.db, &row, "oldest")?);
        Ok(Backlog { waiting: waiting.unsigned_abs(), oldest_age_ms: oldest.map_or(0, |at| self.db.now_ms() - at) })
    }
}

fn message(db: &Database, row: &AnyRow) -> Result<Message, JournalError> {
    Ok(Message {
        id: column(db, row, "id")?,
        tenant: parsed(db, row, "tenant", Tenant::parse)?,
        kind: parsed(db, row, "kind", str::parse::<MessageKind>)?,
        job_id: optional_job(db, row)?,
        payload: parsed(db, row, "payload", |text| serde_json::from_str(text))?,
        created_at_ms: column(db, row, "created_at_ms")?,
        attempt: u32::try_from(column::<i64>(db, row, "attempt")?).unwrap_or(u32::MAX),
    })
}

pub(crate) fn optional_job(db: &Database, row: &AnyRow) -> Result<Option<JobId>, JournalError> {
    let text: Option<String> = column(db, row, "job_id")?;
    text.map(|value| {
        JobId::parse(&value).map_err(|error| JournalError::Unreadable {
            column: "job_id",
            why: error.to_string(),
            value,
        })
    })
    .transpose()
}

/// Puts a message into the outbox, due at once.
pub(crate) async fn post(write: &mut Write, message: NewMessage<'_>) -> Result<(), JournalError> {
    let now_ms = write.db().now_ms();
    let statement = sqlx::query("INSERT INTO outbox (id, tenant, kind, job_id, payload, created_at_ms, next_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $6)")
        .bind(uuid::Uuid::now_v7().to_string())
        .bind(message.tenant.as_str().to_owned())
        .bind(message.kind.as_str())
        .bind(message.job_id.map(|id| id.as_str().to_owned()))
        .bind(json("message", &message.payload)?)
        .bind(now_ms);
    write.run(statement).await?;
    Ok(())
}
