//! The database: opening it, bringing its schema up to date, and the one way to write to it. SQLite on one machine,
//! PostgreSQL for many; every statement is written once for both.

mod away;
mod link;
mod migrate;
mod open;
mod pool;
mod postgres;
mod reads;
mod rows;
mod seam;
mod session;
mod sqlite;
mod url;
mod write;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use earmark_core::Clock;
use tokio::sync::{Semaphore, watch};

pub use away::at_once;
pub use migrate::MigrationReport;
pub(crate) use pool::Pool;
pub(crate) use rows::{column, json, parsed, places, storable};
pub use seam::{Fault, Seam};
pub(crate) use write::{Query, Write};

/// A database, its clock, the turn to write, and the count of jobs made ready. Clones share them all.
#[derive(Clone)]
pub struct Database {
    pool: Pool,
    clock: Arc<dyn Clock>,
    engine: Engine,
    options: DatabaseOptions,
    /// SQLite has one writer: waiting here is first come first served, its own waiting is polling.
    turn: Arc<Semaphore>,
    /// Counts the times this process has made a job ready.
    ready: Arc<watch::Sender<u64>>,
}

/// Which database it is.
#[derive(Debug, Clone)]
enum Engine {
    /// SQLite in memory: for tests.
    Memory,
    /// SQLite in this file.
    File(Arc<Path>),
    /// PostgreSQL at this place, for people: its URL without password and settings.
    Server(Arc<str>),
}

/// How long a database is waited for, and by how many. Only PostgreSQL heeds all of it: SQLite has one writer, a fixed
/// number of readers, and waits 15 s for other processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatabaseOptions {
    /// Connections that this process takes at most.
    pub connections: u32,
    /// Longest wait for one of them, and for a server that is away: of those who have time, see [`at_once`].
    pub acquire_timeout: Duration,
    /// Longest run of one statement.
    pub statement_timeout: Duration,
    /// Longest wait for a row that another transaction holds.
    pub lock_timeout: Duration,
    /// How long a process may stand still in the middle of a transaction before the server ends it.
    pub idle_in_transaction_timeout: Duration,
}

impl Default for DatabaseOptions {
    fn default() -> Self {
        Self {
            connections: 10,
            acquire_timeout: Duration::from_secs(60),
            statement_timeout: Duration::from_secs(60),
            lock_timeout: Duration::from_secs(20),
            idle_in_transaction_timeout: Duration::from_secs(15),
        }
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("place", &self.place()).finish_non_exhaustive()
    }
}
