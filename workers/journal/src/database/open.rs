//! Opening a database, and what everyone may ask of an open one.

use std::path::PathBuf;
use std::sync::{Arc, Once};

use earmark_core::{Clock, shown_database};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe, Connection};
use tokio::sync::{Semaphore, watch};

use super::url::plain_options;
use super::{Database, DatabaseOptions, Engine, postgres, sqlite};
use crate::JournalError;
use crate::worker_lock::FileLock;

static DRIVERS: Once = Once::new();

impl Database {
    /// Opens the database at `url`: `sqlite:PATH`, `postgres://USER:PASSWORD@HOST:PORT/NAME`, or `sqlite::memory:` for
    /// tests. SQLite's file and its folder are made if they are missing; the schema is left alone.
    ///
    /// # Errors
    /// [`JournalError::UnknownDatabase`], [`JournalError::Open`]; of a file [`JournalError::Folder`],
    /// [`JournalError::NotADatabase`], [`JournalError::ReadOnly`], [`JournalError::Full`], [`JournalError::LockFile`]; of
    /// a server [`JournalError::Unreachable`], [`JournalError::Denied`], [`JournalError::Missing`],
    /// [`JournalError::TooOld`].
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
            let connect = plain_options(url)?;
            let words = sqlite::first_words(sqlite::NEW_PRAGMAS);
            return Ok(Database::with(sqlite_pool(connect, words, 1, options), Engine::Memory, options, clock));
        };
        sqlite::refuse_other_files(&path)?;
        sqlite::make_folder(&path)?;
        let connect = sqlite::options(url, &path, "mode=rwc")?;
        // A file turns to WAL once in its life; that must not meet another process doing the same.
        let _lock = FileLock::to_open(&sqlite::runtime_folder(&path)).await?;
        open_file(connect, path, sqlite::NEW_PRAGMAS, options, clock).await
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
            let connect = sqlite::options(url, &path, sqlite::existing_mode(&path))?;
            open_file(connect, path, sqlite::EXISTING_PRAGMAS, options, clock).await?
        };
        db.check_version().await?;
        Ok(db)
    }

    fn with(pool: AnyPool, engine: Engine, options: &DatabaseOptions, clock: Arc<dyn Clock>) -> Self {
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

    /// Closes every connection; SQLite then folds its log into the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    pub(crate) fn pool(&self) -> &AnyPool {
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
    connect: AnyConnectOptions,
    path: PathBuf,
    pragmas: &str,
    options: &DatabaseOptions,
    clock: Arc<dyn Clock>,
) -> Result<Database, JournalError> {
    let words = sqlite::first_words(pragmas);
    let engine = Engine::File(Arc::from(path));
    let db = Database::with(
        sqlite_pool(connect.clone(), words.clone(), sqlite::CONNECTIONS, options),
        engine,
        options,
        clock,
    );
    // The pool would try again and again and in the end know only that time is up.
    try_connection(&connect, words).await.map_err(|error| not_opened(db.mapped(error)))?;
    Ok(db)
}

async fn open_server(url: &str, options: &DatabaseOptions, clock: Arc<dyn Clock>) -> Result<Database, JournalError> {
    let place = postgres::place_of(url).ok_or_else(|| JournalError::UnknownDatabase(shown_database(url)))?;
    let connect = plain_options(url)?;
    let words = postgres::first_words(options);
    let pool = pool_options(words.clone(), options).max_connections(options.connections);
    let db = Database::with(pool.connect_lazy_with(connect.clone()), Engine::Server(Arc::from(place)), options, clock);
    // As with a file: what is wrong is to be said in its own words, and at once.
    match tokio::time::timeout(options.acquire_timeout, try_connection(&connect, words)).await {
        Ok(Ok(())) => {}
        Ok(Err(sqlx::Error::Configuration(_))) => return Err(JournalError::UnknownDatabase(shown_database(url))),
        Ok(Err(error)) => return Err(not_opened(db.mapped(error))),
        Err(_) => return Err(db.mapped(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))),
    }
    db.refuse_old_server().await?;
    Ok(db)
}

/// SQLite's connections live as long as the process: each is a file held open, and nothing on the way can cut it.
fn sqlite_pool(connect: AnyConnectOptions, words: String, connections: u32, options: &DatabaseOptions) -> AnyPool {
    let pool = pool_options(words, options).max_connections(connections).idle_timeout(None).max_lifetime(None);
    pool.connect_lazy_with(connect)
}

/// Connections that are told `words` first.
fn pool_options(words: String, options: &DatabaseOptions) -> AnyPoolOptions {
    AnyPoolOptions::new().acquire_timeout(options.acquire_timeout).after_connect(move |connection, _| {
        let words = words.clone();
        Box::pin(prepare(connection, words))
    })
}

async fn try_connection(connect: &AnyConnectOptions, words: String) -> Result<(), sqlx::Error> {
    let mut connection = AnyConnection::connect_with(connect).await?;
    prepare(&mut connection, words).await?;
    connection.close().await
}

/// What every connection is told first.
async fn prepare(connection: &mut AnyConnection, words: String) -> Result<(), sqlx::Error> {
    // Words and numbers of ours only.
    sqlx::raw_sql(AssertSqlSafe(words)).execute(connection).await.map(drop)
}

fn not_opened(error: JournalError) -> JournalError {
    match error {
        JournalError::Database { place, source } => JournalError::Open { place, source },
        other => other,
    }
}
