//! What tells one state of a local file from another without reading it.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What tells one state of a file from another without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    size_bytes: u64,
    modified: (i64, i64),
}

impl Identity {
    /// None when there is no such file.
    pub(super) fn of(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|metadata| Self::from(&metadata))
    }
}

/// What [`Fetched::version`](super::Fetched::version) of the regular file at `path` is, without reading it: its size in bytes and the time of its
/// last change in nanoseconds. None where there is no such file.
pub(super) fn version(path: &Path) -> Option<String> {
    let metadata = std::fs::metadata(path).ok().filter(Metadata::is_file)?;
    Some(Identity::from(&metadata).version())
}

impl Identity {
    /// Size in bytes and time of the last change in nanoseconds, as one text.
    pub(super) fn version(&self) -> String {
        let (seconds, nanoseconds) = self.modified;
        format!("{}-{seconds}.{nanoseconds:09}", self.size_bytes)
    }
}

impl From<&Metadata> for Identity {
    fn from(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size_bytes: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}
