//! Writing: one transaction at a time in SQLite, as many as come on a server.

use std::sync::Arc;

use sqlx::any::AnyRow;
use sqlx::{Any, Transaction};
use tokio::sync::OwnedSemaphorePermit;

use super::postgres::SERVER_TIME;
use super::{Database, column};
use crate::JournalError;

/// Deferred transactions that read first cannot be given SQLite's write lock later (SQLITE_BUSY at once).
const BEGIN_ALONE: &str = "BEGIN IMMEDIATE";
/// Whatever the server's default is: every statement sees what was committed before it, and waits for rows that others
/// hold instead of failing.
const BEGIN_SHARED: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// A transaction; rolled back when dropped. In SQLite it holds the turn to write.
///
/// On a server several run at the same time. Each takes its rows in this order, so that none waits in a circle: jobs (one,
/// or several by ascending id), turns, accounts, spending, usage, the ends of audit chains by ascending tenant, open alerts by ascending tenant and subject. So an entry is
/// appended, or its chain locked, before an alert is raised about a subject, or closed.
pub(crate) struct Write {
    tx: Transaction<'static, Any>,
    db: Database,
    _turn: Option<OwnedSemaphorePermit>,
}

pub(crate) type Query<'q> = sqlx::query::Query<'q, Any, sqlx::any::AnyArguments>;

impl Database {
    /// Begins a transaction that may write at once; in SQLite when the turn to write has come.
    pub(crate) async fn write(&self) -> Result<Write, JournalError> {
        if self.is_shared() {
            let tx = self.map(self.pool.begin_with(BEGIN_SHARED).await)?;
            return Ok(Write { tx, db: self.clone(), _turn: None });
        }
        let turn = Arc::clone(&self.turn).acquire_owned().await.expect("the turn is never closed");
        let tx = self.map(self.pool.begin_with(BEGIN_ALONE).await)?;
        Ok(Write { tx, db: self.clone(), _turn: Some(turn) })
    }

    /// The end of a SELECT of rows that are about to be written: those that another transaction holds are waited for.
    pub(crate) fn for_update(&self) -> &'static str {
        if self.is_shared() { " FOR UPDATE" } else { "" }
    }

    /// The same, where any rows will do: those that another transaction holds are left to it.
    pub(crate) fn skip_locked(&self) -> &'static str {
        if self.is_shared() { " FOR UPDATE SKIP LOCKED" } else { "" }
    }
}

impl Write {
    pub(crate) fn db(&self) -> &Database {
        &self.db
    }

    /// Executes; gives how many rows were written.
    pub(crate) async fn run(&mut self, query: Query<'_>) -> Result<u64, JournalError> {
        let result = query.execute(&mut *self.tx).await;
        Ok(self.db.map(result)?.rows_affected())
    }

    pub(crate) async fn row(&mut self, query: Query<'_>) -> Result<Option<AnyRow>, JournalError> {
        let result = query.fetch_optional(&mut *self.tx).await;
        self.db.map(result)
    }

    pub(crate) async fn rows(&mut self, query: Query<'_>) -> Result<Vec<AnyRow>, JournalError> {
        let result = query.fetch_all(&mut *self.tx).await;
        self.db.map(result)
    }

    /// The time that all processes agree on: the server's, or this machine's where there is none.
    pub(crate) async fn shared_now_ms(&mut self) -> Result<i64, JournalError> {
        if !self.db.is_shared() {
            return Ok(self.db.now_ms());
        }
        let row = self.row(sqlx::query(SERVER_TIME)).await?;
        let row = row.ok_or_else(|| self.db.mapped(sqlx::Error::RowNotFound))?;
        column(&self.db, &row, "now_ms")
    }

    pub(crate) async fn commit(self) -> Result<(), JournalError> {
        let result = self.tx.commit().await;
        self.db.map(result)
    }
}
