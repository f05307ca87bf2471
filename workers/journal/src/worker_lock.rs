//! Lock files: how processes on one machine know which of them are alive. The kernel drops a lock with its holder.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use earmark_core::WorkerId;
use fs4::FileExt;

use crate::JournalError;

const SUFFIX: &str = ".lock";
/// The lock of those who open or migrate the database; no worker's.
const OPEN: &str = "open";

/// Held for as long as it lives.
#[derive(Debug)]
pub(crate) struct FileLock {
    _file: File,
    path: PathBuf,
}

impl FileLock {
    /// Waits for the turn to open or migrate the database beside `folder`.
    pub(crate) async fn to_open(folder: &Path) -> Result<Self, JournalError> {
        let path = folder.join(format!("{OPEN}{SUFFIX}"));
        let error_path = path.clone();
        let locked = tokio::task::spawn_blocking(move || {
            let file = open(&path)?;
            FileExt::lock(&file)?;
            Ok(Self { _file: file, path })
        })
        .await
        .unwrap_or_else(|panic| Err(io::Error::other(panic)));
        locked.map_err(|source| JournalError::LockFile { path: error_path, source })
    }

    /// The lock, unless another process (or another handle of this one) holds it.
    fn try_hold(path: &Path) -> io::Result<Option<Self>> {
        loop {
            let file = open(path)?;
            match FileExt::try_lock(&file) {
                Ok(()) => {}
                Err(fs4::TryLockError::WouldBlock) => return Ok(None),
                Err(fs4::TryLockError::Error(error)) => return Err(error),
            }
            // Between opening and locking the one who buried the last holder may have removed the file.
            let is_current =
                std::fs::metadata(path).is_ok_and(|there| file.metadata().is_ok_and(|ours| there.ino() == ours.ino()));
            if is_current {
                return Ok(Some(Self { _file: file, path: path.into() }));
            }
        }
    }

    /// Removes the file while it is still locked, so that nobody locks what is about to go.
    fn remove(self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "lock file was not there to be removed");
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).read(true).open(path)
}

/// The sign that a worker process lives; without one (a database in memory) only the lease's time counts.
#[derive(Debug)]
pub struct WorkerLock(Option<FileLock>);

impl WorkerLock {
    pub(crate) fn hold(folder: Option<&Path>, worker: &WorkerId) -> Result<Self, JournalError> {
        let Some(folder) = folder else { return Ok(Self(None)) };
        let path = path_of(folder, worker);
        match hold_from_the_start(folder, worker, &path) {
            Ok(lock) => Ok(Self(Some(lock))),
            Err(source) => Err(JournalError::LockFile { path, source }),
        }
    }
}

/// The file appears under its name when it is locked already: nobody can take the beginning for a death.
fn hold_from_the_start(folder: &Path, worker: &WorkerId, path: &Path) -> io::Result<FileLock> {
    if path.exists() {
        return Err(io::Error::from(io::ErrorKind::AlreadyExists));
    }
    let starting = folder.join(format!("{worker}.starting"));
    let mut lock = FileLock::try_hold(&starting)?.ok_or_else(|| io::Error::from(io::ErrorKind::WouldBlock))?;
    std::fs::rename(&starting, path)?;
    lock.path = path.into();
    Ok(lock)
}

impl Drop for WorkerLock {
    fn drop(&mut self) {
        if let Some(lock) = self.0.take() {
            lock.remove();
        }
    }
}

/// Proof that a worker process on this machine is dead: we hold its lock.
pub(crate) struct DeadWorker {
    pub(crate) id: WorkerId,
    lock: FileLock,
}

impl DeadWorker {
    /// To be called once its leases are free.
    pub(crate) fn buried(self) {
        self.lock.remove();
    }
}

/// Whether the lock of `worker` is held: it lives. Changes nothing.
pub(crate) fn is_held(folder: &Path, worker: &WorkerId) -> bool {
    let Ok(file) = File::open(path_of(folder, worker)) else { return false };
    matches!(FileExt::try_lock_shared(&file), Err(fs4::TryLockError::WouldBlock))
}

/// The dead among `owners` and among those that left a lock file in `folder`.
///
/// An owner without a file is dead too: a file is there before the first lease and goes after the last, and a database
/// that was moved here without its folder has no workers here.
///
/// A file that cannot be looked at is taken for a sign of life: that lease has to run out.
pub(crate) fn dead_workers(folder: &Path, owners: &[WorkerId]) -> Vec<DeadWorker> {
    let mut candidates = owners.to_vec();
    match std::fs::read_dir(folder) {
        Ok(entries) => {
            let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
            let ids = names.filter_map(|name| name.strip_suffix(SUFFIX).filter(|id| *id != OPEN).map(WorkerId::stored));
            candidates.extend(ids.filter(|id| !owners.contains(id)));
        }
        Err(error) => tracing::warn!(folder = %folder.display(), %error, "cannot look for dead workers"),
    }
    let mut dead = Vec::new();
    for id in candidates {
        let path = path_of(folder, &id);
        match FileLock::try_hold(&path) {
            Ok(Some(lock)) => dead.push(DeadWorker { id, lock }),
            Ok(None) => {}
            Err(error) => tracing::warn!(path = %path.display(), %error, "cannot tell whether a worker lives"),
        }
    }
    dead
}

fn path_of(folder: &Path, worker: &WorkerId) -> PathBuf {
    folder.join(format!("{worker}{SUFFIX}"))
}
