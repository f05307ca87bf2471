//! A connection that is out of the pool, and in what state it goes back, if it does.

use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::link::{Answer, Asked, Link};
use super::pool::{Origin, Pool, Shared, Taken};
use super::postgres::{Standing, is_read_only, standing};
use super::seam::{Seam, injected};

/// How long a transaction may take to be rolled back.
const ROLLBACK_LIMIT: Duration = Duration::from_secs(5);

/// What is known of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No transaction, nothing under way.
    Idle,
    /// In a transaction, nothing under way.
    Open,
    /// In a transaction that a statement has failed: it can only be rolled back. SQLite may have done so by itself.
    Failed,
    /// A statement was sent and its answer not seen: its caller was dropped, or it may still come.
    Unknown,
    /// Of no more use.
    Broken,
}

/// A connection in use. Dropped in whatever state, it goes back without a transaction or not at all.
#[derive(Debug)]
pub(super) struct Session {
    link: Option<Link>,
    origin: Origin,
    state: State,
    shared: Arc<Shared>,
    seam: Option<Arc<dyn Seam>>,
    seat: Option<OwnedSemaphorePermit>,
    /// SQLite's turn to write, until its transaction has ended.
    turn: Option<OwnedSemaphorePermit>,
}

impl Pool {
    /// A connection, once there is one.
    ///
    /// # Errors
    /// Those of [`Shared::take`].
    pub(super) async fn acquire(&self) -> Result<Session, sqlx::Error> {
        let (shared, seam) = (Arc::clone(&self.shared), self.seam.clone());
        let Taken { link, origin, seat } = shared.take().await?;
        Ok(Session { link: Some(link), origin, state: State::Idle, shared, seam, seat: Some(seat), turn: None })
    }
}

impl Session {
    /// Holds the turn to write until nothing of a transaction is left.
    pub(super) fn hold(&mut self, turn: Option<OwnedSemaphorePermit>) {
        self.turn = turn;
    }

    /// Begins a transaction with `words`.
    pub(super) async fn begin(&mut self, words: &str) -> Result<Answer, sqlx::Error> {
        let answer = self.ask(Asked::words(words)).await;
        match (&answer, self.state) {
            (Ok(_), _) => self.state = State::Open,
            // Whether it began is not known.
            (Err(_), State::Idle) => self.state = State::Unknown,
            (Err(_), _) => {}
        }
        answer
    }

    /// Ends the transaction well.
    pub(super) async fn commit(&mut self) -> Result<(), sqlx::Error> {
        if self.state != State::Open {
            // A server would answer COMMIT with a rollback, and call it well.
            return Err(sqlx::Error::InvalidArgument(
                "a statement of the transaction failed: nothing was written".into(),
            ));
        }
        let committed = self.ask(Asked::words("COMMIT")).await;
        match (&committed, self.state) {
            (Ok(_), _) => self.state = State::Idle,
            // A server has ended it then; another ROLLBACK would be a warning in its log.
            (Err(_), State::Failed) if self.shared.target.is_server() => self.state = State::Broken,
            (Err(_), _) => {}
        }
        committed.map(drop)
    }

    /// Sends a statement and waits for all of its answer.
    pub(super) async fn ask(&mut self, asked: Asked) -> Result<Answer, sqlx::Error> {
        let before = self.state;
        self.state = State::Unknown;
        let link = self.link.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        let answer = match &self.seam {
            Some(seam) => injected(&**seam, link, asked).await,
            None if self.shared.target.is_server() => {
                self.shared.watched(self.shared.patience(), link.run(asked)).await
            }
            None => link.run(asked).await,
        };
        self.state = match &answer {
            Ok(_) => before,
            Err(error) => self.after(before, error),
        };
        answer
    }

    pub(super) async fn migrate(&mut self, migrations: &Migrator) -> Result<(), MigrateError> {
        self.state = State::Unknown;
        let link = self.link.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        let migrated = link.migrate(migrations).await;
        if migrated.is_ok() {
            self.state = State::Idle;
        }
        migrated
    }

    /// The state that `error` leaves.
    fn after(&self, before: State, error: &sqlx::Error) -> State {
        let is_server = self.shared.target.is_server();
        if is_server && is_read_only(error) {
            // What was made beside it, while the server was a standby, can only read as well.
            self.shared.retire();
        }
        match error {
            sqlx::Error::WorkerCrashed => State::Broken,
            sqlx::Error::Database(_) if !is_server || standing(error) == Standing::Sound => match before {
                State::Idle => State::Idle,
                State::Open | State::Failed | State::Unknown | State::Broken => State::Failed,
            },
            // Not understood by the driver: a server may have more to say.
            _ if is_server => State::Broken,
            _ => State::Unknown,
        }
    }

    /// Never to be used again.
    pub(super) fn breaks(&mut self) {
        self.state = State::Broken;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(link) = self.link.take() else { return };
        let (shared, origin) = (Arc::clone(&self.shared), self.origin);
        let can_roll_back = match (self.state, &link) {
            (State::Idle, _) => return shared.put_back(link, origin),
            (State::Open | State::Failed, _) => true,
            // Its thread runs one statement after the other: what we send comes after what is under way.
            (State::Unknown, Link::Sqlite(_)) => true,
            (State::Unknown, Link::Postgres(_)) | (State::Broken, _) => false,
        };
        if !can_roll_back {
            return shared.dispose(link);
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let held = (self.seat.take(), self.turn.take());
        runtime.spawn(async move {
            match roll_back(link).await {
                Ok(link) => shared.put_back(link, origin),
                Err(Some(link)) => shared.dispose(link),
                Err(None) => {}
            }
            drop(held);
        });
    }
}

/// The connection without its transaction; or what is left of it.
async fn roll_back(mut link: Link) -> Result<Link, Option<Link>> {
    match timeout(ROLLBACK_LIMIT, link.run(Asked::words("ROLLBACK"))).await {
        Ok(Ok(_)) => Ok(link),
        Ok(Err(sqlx::Error::Database(told))) if matches!(link, Link::Sqlite(_)) && has_ended(told.message()) => {
            Ok(link)
        }
        Ok(Err(error)) => {
            tracing::warn!(%error, "a transaction could not be rolled back, its connection is closed");
            Err(Some(link))
        }
        Err(_) => Err(None),
    }
}

/// SQLite's words for a transaction that it has ended by itself.
fn has_ended(message: &str) -> bool {
    message.contains("no transaction is active")
}
