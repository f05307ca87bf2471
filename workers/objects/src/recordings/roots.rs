//! The folders of this machine that recordings of others may lie in, links followed.

use std::fs::{File, Metadata};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};

/// Folders that callers may name files of. None of them, and they may name no file.
///
/// A file lies in a root if the path that is left when all links are followed does: a link in a root that leads out of
/// it leads nowhere. What the file system calls two names of one file (hard links) cannot be told apart.
#[derive(Debug, Clone, Default)]
pub struct FileRoots(Arc<[PathBuf]>);

impl FileRoots {
    /// The folders `roots`, which need not be there yet.
    pub fn new(roots: impl IntoIterator<Item = PathBuf>) -> Self {
        Self(roots.into_iter().collect())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `path`, absolute, lies in a root, and so does what it leads to. What is not there lies where it would.
    pub fn hold(&self, path: &Path) -> bool {
        !self.is_empty() && resolved(path).is_some_and(|path| self.hold_resolved(&path))
    }

    /// The regular file at `path`, opened for reading, if what was opened lies in a root: whatever became of the path
    /// meanwhile. Nothing else is opened, not even to see what it is.
    ///
    /// # Errors
    /// [`Unopened`].
    pub(super) fn open(&self, path: &Path) -> Result<(File, Metadata), Unopened> {
        if !self.hold(path) {
            return Err(Unopened::OutOfReach);
        }
        // A handle that can only be asked where it leads: opening a device or a pipe would do something to it.
        let handle = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
        let handle = File::from(handle.map_err(|error| Unopened::Failed(error.into()))?);
        let place = PathBuf::from(format!("/proc/self/fd/{}", handle.as_raw_fd()));
        let real = std::fs::read_link(&place).map_err(Unopened::Failed)?;
        if !self.hold_resolved(&real) {
            return Err(Unopened::OutOfReach);
        }
        let metadata = handle.metadata().map_err(Unopened::Failed)?;
        if !metadata.is_file() {
            return Err(Unopened::NotAFile);
        }
        // The same file, by its handle.
        let file = File::open(&place).map_err(Unopened::Failed)?;
        Ok((file, metadata))
    }

    fn hold_resolved(&self, path: &Path) -> bool {
        self.0.iter().any(|root| std::fs::canonicalize(root).is_ok_and(|root| path.starts_with(root)))
    }
}

/// Why a file in a root was not opened.
#[derive(Debug)]
pub(super) enum Unopened {
    /// It lies in none.
    OutOfReach,
    /// It lies there and is no regular file.
    NotAFile,
    /// It lies there, or would, and cannot be opened.
    Failed(std::io::Error),
}

/// `path` without links and `..`. Of one that is not there, or cannot be seen, what can be followed of it; none where
/// that cannot be told.
fn resolved(path: &Path) -> Option<PathBuf> {
    let mut rest = Vec::new();
    let mut known = path;
    loop {
        match std::fs::canonicalize(known) {
            Ok(real) => return Some(rest.iter().rev().fold(real, |real, name| real.join(name))),
            // A link that leads nowhere might lead anywhere tomorrow.
            Err(_) if known.is_symlink() => return None,
            Err(_) => {
                rest.push(known.file_name()?);
                known = known.parent()?;
            }
        }
    }
}
