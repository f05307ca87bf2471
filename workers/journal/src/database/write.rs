//! Writing: one transaction at a time in SQLite, as many as come on a server.

use std::sync::Arc;

use sqlx::any::AnyRow;
use sqlx::{Any, Either, Row};

use super::link::{Answer, Asked};
use super::postgres::SERVER_TIME;
use super::session::Session;
use super::{Database, column};
use crate::JournalError;

/// Deferred transactions that read first cannot be given SQLite's write lock later (SQLITE_BUSY at once).
const BEGIN_ALONE: &str = "BEGIN IMMEDIATE";
/// Whatever the server's default is: every statement sees what was committed before it, and waits for rows that others
/// hold instead of failing. In the same message: whether this session may write at all.
const BEGIN_SHARED: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SHOW transaction_read_only";

/// A transaction; rolled back when dropped. In SQLite it holds the turn to write.
///
/// Nothing counts transactions here but the engine: what it has ended by itself, what fails halfway and what is dropped
/// halfway leaves a connection that is rolled back or closed before another has it.
///
/// On a server several run at the same time. Each takes its rows in this order, so that none waits in a circle: places (by
/// ascending name), jobs (one, or several by ascending id), turns, accounts, spending, usage, the ends of audit chains by
/// ascending tenant, open alerts by ascending tenant and subject. So an entry is appended, or its chain locked, before an
/// alert is raised about a subject, or closed.
pub(crate) struct Write {
    session: Session,
    db: Database,
}

pub(crate) type Query<'q> = sqlx::query::Query<'q, Any, sqlx::any::AnyArguments>;

impl Database {
    /// Begins a transaction that may write at once; in SQLite when the turn to write has come.
    pub(crate) async fn write(&self) -> Result<Write, JournalError> {
        if self.is_shared() {
            return self.write_shared().await;
        }
        let turn = Arc::clone(&self.turn).acquire_owned().await.expect("the turn is never closed");
        let mut session = self.map(self.pool.acquire().await)?;
        session.hold(Some(turn));
        self.map(session.begin(BEGIN_ALONE).await)?;
        Ok(Write { session, db: self.clone() })
    }

    /// A session that may only read was made while the server was a standby, or closed for maintenance: it goes, and all
    /// like it, and a new one shows whether the server still is.
    async fn write_shared(&self) -> Result<Write, JournalError> {
        for _ in 0..2 {
            let mut session = self.map(self.pool.acquire().await)?;
            let answer = self.map(session.begin(BEGIN_SHARED).await)?;
            if !is_read_only(&answer) {
                return Ok(Write { session, db: self.clone() });
            }
            session.breaks();
            self.pool.shared.retire();
        }
        Err(JournalError::ReadOnly { place: self.place() })
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
        let answer = self.ask(query).await?;
        Ok(answer.into_iter().filter_map(Either::left).map(|done| done.rows_affected()).sum())
    }

    pub(crate) async fn row(&mut self, query: Query<'_>) -> Result<Option<AnyRow>, JournalError> {
        Ok(self.ask(query).await?.into_iter().find_map(Either::right))
    }

    pub(crate) async fn rows(&mut self, query: Query<'_>) -> Result<Vec<AnyRow>, JournalError> {
        Ok(self.ask(query).await?.into_iter().filter_map(Either::right).collect())
    }

    async fn ask(&mut self, query: Query<'_>) -> Result<Answer, JournalError> {
        let answer = match Asked::of(query) {
            Ok(asked) => self.session.ask(asked).await,
            Err(error) => Err(error),
        };
        self.db.map(answer)
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

    pub(crate) async fn commit(mut self) -> Result<(), JournalError> {
        let result = self.session.commit().await;
        self.db.map(result)
    }
}

fn is_read_only(answer: &Answer) -> bool {
    let mut rows = answer.iter().filter_map(|part| part.as_ref().right());
    rows.any(|row| row.try_get::<String, _>(0).is_ok_and(|setting| setting == "on"))
}
