//! Opening a database, and what everyone may ask of an open one.

use std::path::PathBuf;
use std::sync::{Arc, Once};
use std::time::Duration;

use earmark_core::{Clock, shown_database};
use sqlx::any::AnyConnectOptions;
use sqlx::{Either, Row};
use tokio::sync::{Semaphore, watch};

use super::link::{Answer, Asked, Link, Target};
use super::pool::{Limits, Pool};
use super::seam::Seam;
use super::{Database, DatabaseOptions, Engine, postgres, sqlite};
use crate::JournalError;
use crate::worker_lock::FileLock;

/// The age at which a session of a server is replaced: what has changed behind its name is found then.
const LIFETIME: Duration = Duration::from_secs(30 * 60);
/// How long a session of a server lies unused.
const IDLE: Duration = Duration::from_secs(10 * 60);
/// How long a second session of the server may take while we hold a first.
const SECOND_SESSION: Duration = Duration::from_secs(2);

static DRIVERS: Once = Once::new();

impl Database {
    /// Opens the database at `url`: `sqlite:PATH`, `postgres://USER:PASSWORD@HOST:PORT/NAME`, or `sqlite::memory:` for
    /// tests. SQLite's file and its folder are made if they are missing; the schema is left alone.
    ///
    /// # Errors
    /// [`JournalError::UnknownDatabase`], [`JournalError::Open`]; of a file [`JournalError::Folder`],
    /// [`JournalError::NotADatabase`], [`JournalError::ReadOnly`], [`JournalError::Full`], [`JournalError::LockFile`]; of
    /// a server [`JournalError::Unreachable`], [`JournalError::Denied`], [`JournalError::Missing`],
    /// [`JournalError::TooOld`], [`JournalError::Pooled`].
    pub async fn open(url: &str, clock: Arc<dyn Clock>) -> Result<Self, JournalError> {
        Self::open_with(url, &DatabaseOptions::default(), clock).await
    }

    /// [`Database::open`] with other limits.
    ///
    /// # Errors
    /// Those of [`Database::open`].
    pub async fn open_with(url: &str, options: &DatabaseOptions, clock: Arc<dyn Clock>) -> Result<Self, JournalError> {
        DRIVERS.call_once(sqlx::any::install_default_drivers);
        if postgres::is_url(url) {
            return open_server(url, options, clock).await;
        }
        let Some(path) = sqlite::file_of(url)? else {
            // Each connection to memory is a database of its own.
            let target = Target::sqlite(url, sqlite::first_words(sqlite::NEW_PRAGMAS))?;
            return Ok(Database::with(sqlite_pool(target, 1, options), Engine::Memory, options, clock));
        };
        sqlite::refuse_other_files(&path)?;
        sqlite::make_folder(&path)?;
        let target =
            Target::sqlite(&sqlite::address(url, &path, "mode=rwc")?, sqlite::first_words(sqlite::NEW_PRAGMAS))?;
        // A file turns to WAL once in its life; that must not meet another process doing the same.
        let _lock = FileLock::to_open(&sqlite::runtime_folder(&path)).await?;
        open_file(target, path, options, clock).await
    }

    /// Opens the database at `url` if there is one with this program's schema, and makes or changes nothing on disk:
    /// what cannot be written, on a read-only mount or by another user's will, can be read.
    ///
    /// # Errors
    /// [`JournalError::Missing`], [`JournalError::Older`], [`JournalError::Newer`], and those of [`Database::open`].
    pub async fn open_existing(url: &str, clock: Arc<dyn Clock>) -> Result<Self, JournalError> {
        Self::open_existing_with(url, &DatabaseOptions::default(), clock).await
    }

    /// [`Database::open_existing`] with other limits.
    ///
    /// # Errors
    /// Those of [`Database::open_existing`].
    pub async fn open_existing_with(
        url: &str,
        options: &DatabaseOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, JournalError> {
        DRIVERS.call_once(sqlx::any::install_default_drivers);
        let db = if postgres::is_url(url) {
            open_server(url, options, clock).await?
        } else {
            let Some(path) = sqlite::file_of(url)? else { return Self::open_with(url, options, clock).await };
            if !path.exists() {
                return Err(JournalError::Missing { place: sqlite::place_of(Some(&path)) });
            }
            sqlite::refuse_other_files(&path)?;
            let address = sqlite::address(url, &path, sqlite::existing_mode(&path))?;
            let target = Target::sqlite(&address, sqlite::first_words(sqlite::EXISTING_PRAGMAS))?;
            open_file(target, path, options, clock).await?
        };
        db.check_version().await?;
        Ok(db)
    }

    fn with(pool: Pool, engine: Engine, options: &DatabaseOptions, clock: Arc<dyn Clock>) -> Self {
        Self {
            pool,
            clock,
            engine,
            options: *options,
            turn: Arc::new(Semaphore::new(1)),
            ready: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Where the database lies, for people; without a password.
    pub fn place(&self) -> String {
        match &self.engine {
            Engine::Memory => sqlite::place_of(None),
            Engine::File(path) => sqlite::place_of(Some(path)),
            Engine::Server(place) => place.to_string(),
        }
    }

    /// Where the worker processes' lock files lie: beside SQLite's file; none for a database in memory or on a server,
    /// where only the time of a lease tells that its holder is dead.
    pub fn runtime_folder(&self) -> Option<PathBuf> {
        match &self.engine {
            Engine::File(path) => Some(sqlite::runtime_folder(path)),
            Engine::Memory | Engine::Server(_) => None,
        }
    }

    /// Where a small database of this machine's processes alone lies, in the folder of their lock files: those who write
    /// to it do not wait for those who write here. None where there is no such folder.
    pub(crate) fn side_file(&self, name: &str) -> Result<Option<AnyConnectOptions>, JournalError> {
        let path = self.runtime_folder().map(|folder| folder.join(name));
        path.map(|path| sqlite::options(name, &path, "mode=rwc")).transpose()
    }

    /// Whether others may write at the same time as we.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.engine, Engine::Server(_))
    }

    /// The same database and the same connections, with faults: for tests.
    #[doc(hidden)]
    #[must_use]
    pub fn with_seam(&self, seam: Arc<dyn Seam>) -> Self {
        let pool = Pool { seam: Some(seam), ..self.pool.clone() };
        Self { pool, ..self.clone() }
    }

    /// Closes every connection; SQLite then folds its log into the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    pub(crate) fn ready_changes(&self) -> watch::Receiver<u64> {
        self.ready.subscribe()
    }

    /// Says that a job became ready.
    pub(crate) fn tell_ready(&self) {
        self.ready.send_modify(|count| *count = count.wrapping_add(1));
    }

    pub(crate) fn map<T>(&self, result: Result<T, sqlx::Error>) -> Result<T, JournalError> {
        result.map_err(|error| self.mapped(error))
    }

    /// What the database said, in our words.
    pub(crate) fn mapped(&self, error: sqlx::Error) -> JournalError {
        let place = self.place();
        match (&self.engine, error) {
            (_, sqlx::Error::PoolTimedOut) => {
                JournalError::Busy { place, waited_secs: self.options.acquire_timeout.as_secs() }
            }
            (Engine::Server(_), error) => postgres::mapped(place, error, &self.options),
            (Engine::Memory | Engine::File(_), error) => sqlite::mapped(place, error),
        }
    }
}

async fn open_file(
    target: Target,
    path: PathBuf,
    options: &DatabaseOptions,
    clock: Arc<dyn Clock>,
) -> Result<Database, JournalError> {
    let pool = sqlite_pool(target, sqlite::CONNECTIONS, options);
    let db = Database::with(pool, Engine::File(Arc::from(path)), options, clock);
    // Whatever is wrong with it is to be said now.
    db.pool.acquire().await.map_err(|error| not_opened(db.mapped(error)))?;
    Ok(db)
}

async fn open_server(url: &str, options: &DatabaseOptions, clock: Arc<dyn Clock>) -> Result<Database, JournalError> {
    let place = postgres::place_of(url).ok_or_else(|| JournalError::UnknownDatabase(shown_database(url)))?;
    let target = Target::postgres(url, postgres::first_words(options))?;
    let limits = Limits {
        connections: options.connections,
        acquire_timeout: options.acquire_timeout,
        lifetime: Some(LIFETIME),
        idle: Some(IDLE),
    };
    let db = Database::with(Pool::new(target.clone(), limits), Engine::Server(Arc::from(place)), options, clock);
    // Not from the pool, which waits for a server that is away: what is wrong is to be said at once.
    let first = tokio::time::timeout(options.acquire_timeout, first_session(&target)).await;
    let (first, process) = match first {
        Ok(Ok(first)) => first,
        Ok(Err(sqlx::Error::Configuration(_))) => return Err(JournalError::UnknownDatabase(shown_database(url))),
        Ok(Err(error)) => return Err(not_opened(db.mapped(error))),
        Err(_) => return Err(db.mapped(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))),
    };
    let refused = tokio::time::timeout(SECOND_SESSION, db.refuse_server(&process)).await;
    // A refusal by the server of one more session as we leave is none of ours.
    let _ = first.close().await;
    match refused {
        Ok(refused) => refused?,
        // A pooler with a single session for us gives it to the second when the first has gone.
        Err(_) => db.refuse_server("").await?,
    }
    Ok(db)
}

/// A session, and the server's process behind it.
async fn first_session(target: &Target) -> Result<(Link, String), sqlx::Error> {
    let mut link = Link::connect(target).await?;
    let answer: Answer = link.run(Asked::words(postgres::SERVER)).await?;
    let row = answer.into_iter().find_map(Either::right).ok_or(sqlx::Error::RowNotFound)?;
    Ok((link, row.try_get("process")?))
}

/// SQLite's connections live as long as the process: each is a file held open, and nothing on the way can cut it.
fn sqlite_pool(target: Target, connections: u32, options: &DatabaseOptions) -> Pool {
    Pool::new(target, Limits { connections, acquire_timeout: options.acquire_timeout, lifetime: None, idle: None })
}

fn not_opened(error: JournalError) -> JournalError {
    match error {
        JournalError::Database { place, source } => JournalError::Open { place, source },
        other => other,
    }
}
