//! SQLite: one file, one writer.

use std::path::{Path, PathBuf};
use std::time::Duration;

use earmark_core::shown_database;
use sqlx::any::AnyConnectOptions;

use super::url::plain_options;
use crate::JournalError;

/// What a connection is told that may make the database: WAL, once in the file's life.
pub(super) const NEW_PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;";
/// What a connection to a database is told that must be there: nothing that changes the file.
pub(super) const EXISTING_PRAGMAS: &str = "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;";
/// Readers beside the one writer; each is a thread with up to 2 MB of pages.
pub(super) const CONNECTIONS: u32 = 5;
/// How long another process may hold the write lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(15);

/// What every connection is told first, `pragmas` among it.
pub(super) fn first_words(pragmas: &str) -> String {
    format!("PRAGMA busy_timeout = {}; {pragmas}", BUSY_TIMEOUT.as_millis())
}

/// The path in `sqlite:PATH`, absolute; none for `sqlite::memory:`.
pub(super) fn file_of(url: &str) -> Result<Option<PathBuf>, JournalError> {
    let unknown = || JournalError::UnknownDatabase(shown_database(url));
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
    std::path::absolute(path).map(Some).map_err(|source| JournalError::Folder { path: path.into(), source })
}

/// A file that begins as no SQLite database is left alone, and nothing is put beside it.
pub(super) fn refuse_other_files(path: &Path) -> Result<(), JournalError> {
    use std::io::Read as _;
    let place = place_of(Some(path));
    let mut start = Vec::new();
    match std::fs::File::open(path).and_then(|file| file.take(16).read_to_end(&mut start)) {
        Ok(0) => Ok(()),
        Ok(_) if start == b"SQLite format 3\0" => Ok(()),
        Ok(_) => Err(JournalError::NotADatabase { place }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        // What stands in the way of the folder is said there.
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => Ok(()),
        Err(error) => Err(JournalError::Open { place, source: sqlx::Error::Io(error) }),
    }
}

/// How a database that is there is opened: for reading alone where it cannot be written.
pub(super) fn existing_mode(path: &Path) -> &'static str {
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

pub(super) fn make_folder(file: &Path) -> Result<(), JournalError> {
    let folder = runtime_folder(file);
    std::fs::create_dir_all(&folder).map_err(|source| JournalError::Folder { path: folder, source })
}

pub(super) fn runtime_folder(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".workers");
    name.into()
}

/// The file at `path` as the driver wants to be told of it.
pub(super) fn address(url: &str, path: &Path, mode: &str) -> Result<String, JournalError> {
    // A file URL spells `?`, `#`, `%` and spaces in names as the driver wants them.
    let file = ::url::Url::from_file_path(path).map_err(|()| JournalError::UnknownDatabase(shown_database(url)))?;
    Ok(format!("sqlite://{}?{mode}", file.path()))
}

pub(super) fn options(url: &str, path: &Path, mode: &str) -> Result<AnyConnectOptions, JournalError> {
    plain_options(&address(url, path, mode)?)
}

pub(super) fn place_of(file: Option<&Path>) -> String {
    file.map_or_else(|| "in memory".into(), |path| path.display().to_string())
}

/// What the database said, in our words. Codes: <https://www.sqlite.org/rescode.html>.
pub(super) fn mapped(place: String, error: sqlx::Error) -> JournalError {
    let Some(told) = error.as_database_error() else { return JournalError::Database { place, source: error } };
    let extended = told.code().and_then(|code| code.parse::<i64>().ok());
    // The low byte is the primary code.
    match extended.map(|code| code & 0xff) {
        Some(5 | 6) => JournalError::Locked { place, waited_secs: BUSY_TIMEOUT.as_secs() },
        Some(8) => JournalError::ReadOnly { place },
        Some(11) => JournalError::Corrupt { place, message: told.message().into() },
        Some(13) => JournalError::Full { place },
        // SQLITE_IOERR_SHMSIZE: the log's index could not be made longer.
        Some(10) if extended == Some(4874) => JournalError::Full { place },
        Some(10 | 14) if has_no_space(&place) => JournalError::Full { place },
        Some(26) => JournalError::NotADatabase { place },
        Some(_) | None => JournalError::Database { place, source: error },
    }
}
