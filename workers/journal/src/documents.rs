//! Small documents that many processes change together, such as who holds the permits of an account.

use std::sync::Arc;

use sqlx::any::{AnyConnectOptions, AnyRow};
use sqlx::{AnyConnection, AssertSqlSafe, Connection};
use tokio::sync::Mutex;

use crate::JournalError;
use crate::database::{Database, Query, column};
use crate::worker_lock::FileLock;

/// They have a file of their own: who writes to the journal holds its lock while the disk takes its time.
const FILE: &str = "boards";
/// What their connection is told first: a document need not outlive a loss of power, so nobody waits for the disk.
const PREPARE: &str = "PRAGMA busy_timeout = 15000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS permit_boards (pool TEXT NOT NULL PRIMARY KEY, version BIGINT NOT NULL, board TEXT NOT NULL);";

const SELECT: &str = "SELECT version, board FROM permit_boards WHERE pool = $1";

/// Documents by name, each changed by one process at a time. Clones share a connection.
#[derive(Clone)]
pub struct SharedDocuments {
    db: Database,
    /// To the documents' file. None until it is needed, and after a failure.
    own: Arc<Mutex<Option<AnyConnection>>>,
}

impl std::fmt::Debug for SharedDocuments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedDocuments").field("db", &self.db).finish_non_exhaustive()
    }
}

/// A document as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedDocument {
    /// Rises with each change.
    pub version: i64,
    /// The document as its writers spell it, usually JSON.
    pub text: String,
}

impl SharedDocuments {
    /// The documents of `db`.
    pub fn new(db: Database) -> Self {
        Self { db, own: Arc::default() }
    }

    /// Changes the document `name` atomically: `change` is given the time (the server's, or this machine's where there is none) and the document, none
    /// the first time, and gives the new one. It may be called again when another process was faster.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails; whether the change took effect is then unknown.
    pub async fn update<T>(
        &self,
        name: &str,
        mut change: impl FnMut(i64, Option<&str>) -> (String, T),
    ) -> Result<T, JournalError> {
        let Some(options) = self.db.side_file(FILE)? else { return self.update_in_journal(name, change).await };
        let mut own = self.own.lock().await;
        // Taken out, so that a failure or a cancellation closes it and rolls back.
        let mut connection = self.connection(own.take(), &options).await?;
        let answer = loop {
            let mut tx = self.db.map(connection.begin_with("BEGIN IMMEDIATE").await)?;
            let row = self.db.map(select(name).fetch_optional(&mut *tx).await)?;
            let stored = row.map(|row| self.stored(&row)).transpose()?;
            let (text, answer) = change(self.db.now_ms(), stored.as_ref().map(|stored| stored.text.as_str()));
            let result = replace(name, stored.as_ref(), text).execute(&mut *tx).await;
            if self.db.map(result)?.rows_affected() == 1 {
                self.db.map(tx.commit().await)?;
                break answer;
            }
            self.db.map(tx.rollback().await)?;
        };
        *own = Some(connection);
        Ok(answer)
    }

    /// The document `name`, if it has another version than `known`. Writes nothing and waits for no writer.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn newer_than(&self, name: &str, known: i64) -> Result<Option<SharedDocument>, JournalError> {
        let query = sqlx::query("SELECT version, board FROM permit_boards WHERE pool = $1 AND version <> $2")
            .bind(name.to_owned())
            .bind(known);
        let Some(options) = self.db.side_file(FILE)? else {
            let row = self.db.map(query.fetch_optional(self.db.pool()).await)?;
            return row.map(|row| self.stored(&row)).transpose();
        };
        let mut own = self.own.lock().await;
        let mut connection = self.connection(own.take(), &options).await?;
        let row = self.db.map(query.fetch_optional(&mut connection).await)?;
        *own = Some(connection);
        row.map(|row| self.stored(&row)).transpose()
    }

    /// Where no file lies beside the journal: a server's processes are on many machines, and in memory each connection is
    /// a database of its own.
    async fn update_in_journal<T>(
        &self,
        name: &str,
        mut change: impl FnMut(i64, Option<&str>) -> (String, T),
    ) -> Result<T, JournalError> {
        loop {
            let mut write = self.db.write().await?;
            let statement = format!("{SELECT}{}", self.db.for_update());
            // Words of ours only; the name is bound.
            let stored = write.row(sqlx::query(AssertSqlSafe(statement)).bind(name.to_owned())).await?;
            let stored = stored.map(|row| self.stored(&row)).transpose()?;
            // Read while nobody else changes the document, so that its times never go back.
            let now_ms = write.shared_now_ms().await?;
            let (text, answer) = change(now_ms, stored.as_ref().map(|stored| stored.text.as_str()));
            // Nothing is written when another has made the document meanwhile; once it is there its row is held.
            if write.run(replace(name, stored.as_ref(), text)).await? == 1 {
                write.commit().await?;
                return Ok(answer);
            }
        }
    }

    async fn connection(
        &self,
        open: Option<AnyConnection>,
        options: &AnyConnectOptions,
    ) -> Result<AnyConnection, JournalError> {
        if let Some(connection) = open {
            return Ok(connection);
        }
        // A file turns to WAL once in its life; that must not meet another process doing the same.
        let _lock = match self.db.runtime_folder() {
            Some(folder) => Some(FileLock::to_open(&folder).await?),
            None => None,
        };
        let mut connection = self.db.map(AnyConnection::connect_with(options).await)?;
        self.db.map(sqlx::raw_sql(PREPARE).execute(&mut connection).await)?;
        Ok(connection)
    }

    fn stored(&self, row: &AnyRow) -> Result<SharedDocument, JournalError> {
        Ok(SharedDocument { version: column(&self.db, row, "version")?, text: column(&self.db, row, "board")? })
    }
}

fn select(name: &str) -> Query<'static> {
    sqlx::query(SELECT).bind(name.to_owned())
}

/// Writes nothing if another process has changed the document since it was read.
fn replace(name: &str, stored: Option<&SharedDocument>, text: String) -> Query<'static> {
    match stored {
        None => sqlx::query(
            "INSERT INTO permit_boards (pool, version, board) VALUES ($1, 1, $2) ON CONFLICT (pool) DO NOTHING",
        )
        .bind(name.to_owned())
        .bind(text),
        Some(stored) => {
            sqlx::query("UPDATE permit_boards SET version = version + 1, board = $1 WHERE pool = $2 AND version = $3")
                .bind(text)
                .bind(name.to_owned())
                .bind(stored.version)
        }
    }
}
