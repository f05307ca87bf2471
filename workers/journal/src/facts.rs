//! What is true of this database alone: its id, by which what lies elsewhere is known to belong to it.

use sqlx::any::AnyRow;

use crate::JournalError;
use crate::database::{Database, column};

/// Under which name the id stands.
const JOURNAL_ID: &str = "journal_id";

impl Database {
    /// The id of this database, a UUID: made when it is asked for first, and never changed. A copy has the same.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn journal_id(&self) -> Result<String, JournalError> {
        if let Some(id) = self.known_journal_id().await? {
            return Ok(id);
        }
        let mut write = self.write().await?;
        // Another process may be faster: the first stays.
        let made = sqlx::query("INSERT INTO facts (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
            .bind(JOURNAL_ID)
            .bind(uuid::Uuid::now_v7().to_string());
        write.run(made).await?;
        write.commit().await?;
        self.known_journal_id().await?.ok_or_else(|| self.mapped(sqlx::Error::RowNotFound))
    }

    /// The id of this database, where it has one already; writes nothing.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn known_journal_id(&self) -> Result<Option<String>, JournalError> {
        let row =
            sqlx::query("SELECT value FROM facts WHERE name = $1").bind(JOURNAL_ID).fetch_optional(self.pool()).await;
        self.map(row)?.map(|row: AnyRow| column(self, &row, "value")).transpose()
    }
}
