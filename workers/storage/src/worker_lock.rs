//! Lock files: how processes on one machine know which of them are alive. The kernel drops a lock with its holder.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use earmark_core::WorkerId;
use fs4::FileExt;

use crate::StorageError;

const SUFFIX: &str = ".lock";

/// Held for as long as it lives.
#[derive(Debug)]
pub(crate) struct FileLock {
    _file: File,
    path: PathBuf,
}

impl FileLock {
    /// Waits until no other process holds `path`.
    pub(crate) async fn wait(path: PathBuf) -> Result<Self, StorageError> {
        let error_path = path.clone();
        let locked = tokio::task::spawn_blocking(move || {
            let file = open(&path)?;
            FileExt::lock(&file)?;
            Ok(Self { _file: file, path })
        })
        .await
        .unwrap_or_else(|panic| Err(io::Error::other(panic)));
        locked.map_err(|source| StorageError::LockFile { path: error_path, source })
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
    pub(crate) fn hold(folder: Option<&Path>, worker: &WorkerId) -> Result<Self, StorageError> {
        let Some(folder) = folder else { return Ok(Self(None)) };
        let path = path_of(folder, worker);
        match FileLock::try_hold(&path) {
            Ok(Some(lock)) => Ok(Self(Some(lock))),
            Ok(None) => Err(StorageError::LockFile { path, source: io::Error::from(io::ErrorKind::WouldBlock) }),
            Err(source) => Err(StorageError::LockFile { path, source }),
        }
    }
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

/// The dead among `owners` and among those that left a lock file in `folder`.
///
/// An owner without a file is dead too: a file is there before the first lease and goes after the last, and a database
/// that was moved here without its folder has no workers here.
pub(crate) fn dead_workers(folder: &Path, owners: &[WorkerId]) -> Result<Vec<DeadWorker>, StorageError> {
    let mut candidates = owners.to_vec();
    let entries = std::fs::read_dir(folder).map_err(|source| StorageError::LockFile { path: folder.into(), source })?;
    for entry in entries.flatten() {
        let name = entry.file_name();
        let id =
            name.to_str().and_then(|name| name.strip_suffix(SUFFIX)).filter(|id| *id != "open").map(WorkerId::stored);
        candidates.extend(id.filter(|id| !owners.contains(id)));
    }
    let mut dead = Vec::new();
    for id in candidates {
        let path = path_of(folder, &id);
        match FileLock::try_hold(&path) {
            Ok(Some(lock)) => dead.push(DeadWorker { id, lock }),
            Ok(None) => {}
            Err(source) => return Err(StorageError::LockFile { path, source }),
        }
    }
    Ok(dead)
}

fn path_of(folder: &Path, worker: &WorkerId) -> PathBuf {
    folder.join(format!("{worker}{SUFFIX}"))
}
