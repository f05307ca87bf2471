//! The database: opening it, bringing its schema up to date, and the one way to write to it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};
use std::time::Duration;

use earmark_core::Clock;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions, AnyRow};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{Any, AnyConnection, AnyPool, ConnectOptions, Connection, Row, Transaction};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::StorageError;
use crate::worker_lock::FileLock;

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations");

static DRIVERS: Once = Once::new();

/// What a connection is told that may make the database: WAL, once in the file's life.
const NEW_PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;";
/// What a connection to a database is told that must be there: nothing that changes the file.
const EXISTING_PRAGMAS: &str = "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;";
/// Readers beside the one writer; each is a thread with up to 2 MB of pages.
const SQLITE_CONNECTIONS: u32 = 5;
/// How long another process may hold the write lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(15);
/// How long to wait for a connection of the pool.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(60);

/// A database, its clock, the turn to write, and the count of jobs made ready. Clones share them all.
#[derive(Clone)]
pub struct Database {
    pool: AnyPool,
    clock: Arc<dyn Clock>,
    /// SQLite's file; none in memory.
    file: Option<Arc<Path>>,
    /// SQLite has one writer: waiting here is first come first served, its own waiting is polling.
    turn: Arc<Semaphore>,
    /// Counts the times this process has made a job ready.
    ready: Arc<watch::Sender<u64>>,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("place", &self.place()).finish_non_exhaustive()
    }
}

/// What a migration did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationReport {
    /// Schema version before; 0 when there was none.
    pub from: i64,
    /// Schema version now.
    pub to: i64,
}

impl Database {
    /// Opens the database at `url`: `sqlite:PATH`, or `sqlite::memory:` for tests. The file and its folder are made if
    /// they are missing; the schema is left alone.
    ///
    /// # Errors
    /// [`StorageError::UnknownDatabase`], [`StorageError::Folder`], [`StorageError::Open`], [`StorageError::NotADatabase`],
    /// [`StorageError::ReadOnly`], [`StorageError::Full`], [`StorageError::LockFile`].
    pub async fn open(url: &str, clock: Arc<dyn Clock>) -> Result<Self, StorageError> {
        DRIVERS.call_once(sqlx::any::install_default_drivers);

        let file = sqlite_file(url)?;
        let (options, connections) = match &file {
            Some(path) => {
                refuse_other_files(path)?;
                make_folder(path)?;
                (sqlite_options(url, path, "mode=rwc")?, SQLITE_CONNECTIONS)
            }
            // Each connection to memory is a database of its own.
            None => (plain_options(url)?, 1),
        };
        // A file turns to WAL once in its life; that must not meet another process doing the same.
        let _lock = match &file {
            Some(path) => Some(FileLock::to_open(&runtime_folder(path)).await?),
            None => None,
        };
        if file.is_some() {
            // The pool would try again and again and in the end know only that time is up.
            try_connection(&options, NEW_PRAGMAS).await.map_err(|source| not_opened(file.as_deref(), source))?;
        }
        Ok(Self::with(options, NEW_PRAGMAS, connections, file, clock))
    }

    /// Opens the database at `url` if there is one with this program's schema, and makes or changes nothing on disk:
    /// what cannot be written, on a read-only mount or by another user's will, can be read.
    ///
    /// # Errors
    /// [`StorageError::Missing`], [`StorageError::Older`], [`StorageError::Newer`], and those of [`Database::open`].
    pub async fn open_existing(url: &str, clock: Arc<dyn Clock>) -> Result<Self, StorageError> {
        let Some(path) = sqlite_file(url)? else { return Self::open(url, clock).await };
        DRIVERS.call_once(sqlx::any::install_default_drivers);
        if !path.exists() {
            return Err(StorageError::Missing { place: place_of(Some(&path)) });
        }
        refuse_other_files(&path)?;
        let options = sqlite_options(url, &path, existing_mode(&path))?;
        try_connection(&options, EXISTING_PRAGMAS).await.map_err(|source| not_opened(Some(&path), source))?;
        let db = Self::with(options, EXISTING_PRAGMAS, SQLITE_CONNECTIONS, Some(path), clock);
        db.check_version().await?;
        Ok(db)
    }

    fn with(
        options: AnyConnectOptions,
        pragmas: &'static str,
        connections: u32,
        file: Option<PathBuf>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let pool = AnyPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            .after_connect(move |connection, _| Box::pin(prepare(connection, pragmas)))
            .connect_lazy_with(options);
        Self {
            pool,
            clock,
            file: file.map(Arc::from),
            turn: Arc::new(Semaphore::new(1)),
            ready: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Brings the schema to this program's version. The second time it does nothing.
    ///
    /// # Errors
    /// [`StorageError::Newer`] when a later version of earmark has been here; [`StorageError::Migrate`].
    pub async fn migrate(&self) -> Result<MigrationReport, StorageError> {
        let known = schema_version();
        let from = self.version().await?;
        if from == known {
            return Ok(MigrationReport { from, to: known });
        }
        if from > known {
            return Err(StorageError::Newer { place: self.place(), found: from, known });
        }
        let _lock = match &self.file {
            Some(path) => Some(FileLock::to_open(&runtime_folder(path)).await?),
            None => None,
        };
        match MIGRATIONS.run(&self.pool).await {
            Ok(()) => Ok(MigrationReport { from, to: known }),
            Err(MigrateError::VersionMissing(found)) => Err(StorageError::Newer { place: self.place(), found, known }),
            Err(MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _)) => {
                match mapped(self.place(), source) {
                    StorageError::Database { place, source } => {
                        Err(StorageError::Migrate { place, source: source.into() })
                    }
                    other => Err(other),
                }
            }
            Err(source) => Err(StorageError::Migrate { place: self.place(), source }),
        }
    }

    /// Whether the database can be read and written and has this program's schema.
    ///
    /// # Errors
    /// [`StorageError::Older`], [`StorageError::Newer`], or what stands in the way of reading or writing.
    pub async fn check(&self) -> Result<(), StorageError> {
        self.check_version().await?;
        // Matches nothing and is rolled back: it only has to be possible.
        let mut write = self.write().await?;
        write.run(sqlx::query("DELETE FROM turns WHERE lane = ''")).await?;
        Ok(())
    }

    async fn check_version(&self) -> Result<(), StorageError> {
        let (found, known, place) = (self.version().await?, schema_version(), self.place());
        if found < known {
            return Err(StorageError::Older { place, found, known });
        }
        if found > known {
            return Err(StorageError::Newer { place, found, known });
        }
        Ok(())
    }

    /// Where the database lies, for people.
    pub fn place(&self) -> String {
        place_of(self.file.as_deref())
    }

    /// Where the worker processes' lock files lie: beside the database's file; none for a database in memory.
    pub fn runtime_folder(&self) -> Option<PathBuf> {
        self.file.as_deref().map(runtime_folder)
    }

    /// Where a small database of this machine's processes alone lies, in the folder of their lock files: those who write
    /// to it do not wait for those who write here. None in memory.
    pub(crate) fn beside(&self, name: &str) -> Result<Option<AnyConnectOptions>, StorageError> {
        let path = self.runtime_folder().map(|folder| folder.join(name));
        path.map(|path| sqlite_options(name, &path, "mode=rwc")).transpose()
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

    /// Waits for the turn to write and begins a transaction that may write at once.
    pub(crate) async fn write(&self) -> Result<Write, StorageError> {
        let turn = Arc::clone(&self.turn).acquire_owned().await.expect("the turn is never closed");
        // Deferred transactions that read first cannot be given the write lock later (SQLITE_BUSY at once).
        let tx = self.map(self.pool.begin_with("BEGIN IMMEDIATE").await)?;
        Ok(Write { tx, db: self.clone(), _turn: turn })
    }

    pub(crate) fn map<T>(&self, result: Result<T, sqlx::Error>) -> Result<T, StorageError> {
        result.map_err(|error| mapped(self.place(), error))
    }

    async fn version(&self) -> Result<i64, StorageError> {
        let mut connection = self.map(self.pool.acquire().await)?;
        let has_schema = sqlx::query("SELECT name FROM sqlite_master WHERE name = '_sqlx_migrations'")
            .fetch_optional(&mut *connection)
            .await;
        if self.map(has_schema)?.is_none() {
            return Ok(0);
        }
        let row = sqlx::query("SELECT MAX(version) AS version FROM _sqlx_migrations").fetch_one(&mut *connection).await;
        Ok(self.map(self.map(row)?.try_get::<Option<i64>, _>("version"))?.unwrap_or(0))
    }
}

/// A transaction that holds the turn to write; rolled back when dropped.
pub(crate) struct Write {
    tx: Transaction<'static, Any>,
    db: Database,
    _turn: OwnedSemaphorePermit,
}

impl Write {
    pub(crate) fn db(&self) -> &Database {
        &self.db
    }

    /// Executes; gives how many rows were written.
    pub(crate) async fn run(&mut self, query: Query<'_>) -> Result<u64, StorageError> {
        let result = query.execute(&mut *self.tx).await;
        Ok(self.db.map(result)?.rows_affected())
    }

    pub(crate) async fn row(&mut self, query: Query<'_>) -> Result<Option<AnyRow>, StorageError> {
        let result = query.fetch_optional(&mut *self.tx).await;
        self.db.map(result)
    }

    pub(crate) async fn rows(&mut self, query: Query<'_>) -> Result<Vec<AnyRow>, StorageError> {
        let result = query.fetch_all(&mut *self.tx).await;
        self.db.map(result)
    }

    pub(crate) async fn commit(self) -> Result<(), StorageError> {
        let result = self.tx.commit().await;
        self.db.map(result)
    }
}

pub(crate) type Query<'q> = sqlx::query::Query<'q, Any, sqlx::any::AnyArguments>;

fn schema_version() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

async fn try_connection(options: &AnyConnectOptions, pragmas: &str) -> Result<(), sqlx::Error> {
    let mut connection = AnyConnection::connect_with(options).await?;
    prepare(&mut connection, pragmas).await?;
    connection.close().await
}

/// What every connection is told first.
async fn prepare(connection: &mut AnyConnection, pragmas: &str) -> Result<(), sqlx::Error> {
    let pragmas = format!("PRAGMA busy_timeout = {}; {pragmas}", BUSY_TIMEOUT.as_millis());
    // Words and numbers of ours only.
    sqlx::raw_sql(sqlx::AssertSqlSafe(pragmas)).execute(connection).await.map(drop)
}

/// The path in `sqlite:PATH`, absolute; none for `sqlite::memory:`.
fn sqlite_file(url: &str) -> Result<Option<PathBuf>, StorageError> {
    let unknown = || StorageError::UnknownDatabase(without_password(url));
    let rest = url.strip_prefix("sqlite:").ok_or_else(unknown)?;
    if rest == ":memory:" {
        return Ok(None);
    }
    let path = rest.strip_prefix("//").unwrap_or(rest);
    // What other tools want to hear before they make the file.
    let path = path.strip_suffix("?mode=rwc").unwrap_or(path);
    if path.is_empty() || path.ends_with('/') {
        return Err(unknown());
    }
    std::path::absolute(path).map(Some).map_err(|source| StorageError::Folder { path: path.into(), source })
}

/// `url` as it may be shown.
fn without_password(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(mut parsed) if parsed.password().is_some() => match parsed.set_password(Some("…")) {
            Ok(()) => parsed.to_string(),
            Err(()) => parsed.scheme().to_owned(),
        },
        Ok(_) | Err(_) => url.into(),
    }
}

fn not_opened(file: Option<&Path>, source: sqlx::Error) -> StorageError {
    match mapped(place_of(file), source) {
        StorageError::Database { place, source } => StorageError::Open { place, source },
        other => other,
    }
}

/// A file that begins as no SQLite database is left alone, and nothing is put beside it.
fn refuse_other_files(path: &Path) -> Result<(), StorageError> {
    use std::io::Read as _;
    let place = place_of(Some(path));
    let mut start = Vec::new();
    match std::fs::File::open(path).and_then(|file| file.take(16).read_to_end(&mut start)) {
        Ok(0) => Ok(()),
        Ok(_) if start == b"SQLite format 3\0" => Ok(()),
        Ok(_) => Err(StorageError::NotADatabase { place }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        // What stands in the way of the folder is said there.
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => Ok(()),
        Err(error) => Err(StorageError::Open { place, source: sqlx::Error::Io(error) }),
    }
}

/// How a database that is there is opened: for reading alone where it cannot be written.
fn existing_mode(path: &Path) -> &'static str {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let may_write = |path: &Path| rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok();
    if may_write(path) && may_write(folder) {
        return "mode=rw";
    }
    // Somebody else may be writing, or died at it: SQLite has to look at the log too.
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let has_log = std::fs::metadata(beside("-wal")).is_ok_and(|log| log.len() > 0) || beside("-shm").exists();
    if has_log { "mode=ro" } else { "mode=ro&immutable=1" }
}

/// Whether the disk under `place` is full: SQLite does not tell the cause of every failure.
fn has_no_space(place: &str) -> bool {
    let folder = Path::new(place).parent().unwrap_or(Path::new("/"));
    rustix::fs::statvfs(folder).is_ok_and(|disk| disk.f_bavail == 0 || (disk.f_files > 0 && disk.f_favail == 0))
}

fn make_folder(file: &Path) -> Result<(), StorageError> {
    let folder = runtime_folder(file);
    std::fs::create_dir_all(&folder).map_err(|source| StorageError::Folder { path: folder, source })
}

fn runtime_folder(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".workers");
    name.into()
}

fn sqlite_options(url: &str, path: &Path, mode: &str) -> Result<AnyConnectOptions, StorageError> {
    // A file URL spells `?`, `#`, `%` and spaces in names as the driver wants them.
    let file = url::Url::from_file_path(path).map_err(|()| StorageError::UnknownDatabase(url.into()))?;
    plain_options(&format!("sqlite://{}?{mode}", file.path()))
}

fn plain_options(url: &str) -> Result<AnyConnectOptions, StorageError> {
    let options: Result<AnyConnectOptions, _> = url.parse();
    options
        .map(ConnectOptions::disable_statement_logging)
        .map_err(|_| StorageError::UnknownDatabase(without_password(url)))
}

fn place_of(file: Option<&Path>) -> String {
    file.map_or_else(|| "in memory".into(), |path| path.display().to_string())
}

/// What the database said, in our words. Codes: <https://www.sqlite.org/rescode.html>.
fn mapped(place: String, error: sqlx::Error) -> StorageError {
    if matches!(error, sqlx::Error::PoolTimedOut) {
        return StorageError::Busy { place, waited_secs: ACQUIRE_TIMEOUT.as_secs() };
    }
    let Some(told) = error.as_database_error() else { return StorageError::Database { place, source: error } };
    let extended = told.code().and_then(|code| code.parse::<i64>().ok());
    // The low byte is the primary code.
    match extended.map(|code| code & 0xff) {
        Some(5 | 6) => StorageError::Locked { place, waited_secs: BUSY_TIMEOUT.as_secs() },
        Some(8) => StorageError::ReadOnly { place },
        Some(11) => StorageError::Corrupt { place, message: told.message().into() },
        Some(13) => StorageError::Full { place },
        // SQLITE_IOERR_SHMSIZE: the log's index could not be made longer.
        Some(10) if extended == Some(4874) => StorageError::Full { place },
        Some(10 | 14) if has_no_space(&place) => StorageError::Full { place },
        Some(26) => StorageError::NotADatabase { place },
        Some(_) | None => StorageError::Database { place, source: error },
    }
}

/// One value of a row, decoded.
pub(crate) fn column<'r, T>(db: &Database, row: &'r AnyRow, name: &'static str) -> Result<T, StorageError>
where
    T: sqlx::Decode<'r, Any> + sqlx::Type<Any>,
{
    db.map(row.try_get(name))
}

/// A text column, read by `parse`.
pub(crate) fn parsed<T, E: std::fmt::Display>(
    db: &Database,
    row: &AnyRow,
    name: &'static str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, StorageError> {
    let value: String = column(db, row, name)?;
    parse(&value).map_err(|error| StorageError::Unreadable { column: name, why: error.to_string(), value })
}

/// `value` as JSON for a text column.
pub(crate) fn json<T: serde::Serialize>(what: &'static str, value: &T) -> Result<String, StorageError> {
    serde_json::to_string(value).map_err(|source| StorageError::Encode { what, source })
}
