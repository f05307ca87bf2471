//! Recordings: fetching them from where they lie. The URI picks the store.

mod error;
mod file;
mod http;
mod s3;
mod spool;
mod version;

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use earmark_core::Address;
use tempfile::NamedTempFile;

pub use error::FetchError;
pub use file::FileStore;
pub use http::HttpStore;
pub use s3::S3Store;
pub use version::known_version;

use file::Identity;

use crate::s3::S3;

/// How much may be fetched, from where, and how long it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchLimits {
    /// Largest recording.
    pub max_bytes: u64,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest fetch, all redirects and resumptions together.
    pub timeout: Duration,
    /// Whether loopback, private and link-local addresses may be reached.
    pub allow_private: bool,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self {
            max_bytes: 8 << 30,
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(3600),
            allow_private: false,
        }
    }
}

/// A recording on this machine's disk; a downloaded one goes when this is dropped.
#[derive(Debug)]
pub struct Fetched {
    place: Place,
    /// Where it came from, as it may be shown.
    uri: String,
    /// Of its bytes, in hex.
    pub sha256: String,
    /// How many.
    pub size_bytes: u64,
    /// Last part of its path; may be empty, and may lie about the format.
    pub name: String,
    /// The store's mark for these bytes (version id, else entity tag), where it has one.
    pub version: Option<String>,
    /// The other mark of a store that has both: lists of objects know entity tags only.
    entity_tag: Option<String>,
}

#[derive(Debug)]
enum Place {
    Downloaded(NamedTempFile),
    /// Local files are not copied, so they can change under our hands.
    InPlace(PathBuf, Identity),
}

impl Fetched {
    /// Where it lies.
    pub fn path(&self) -> &Path {
        match &self.place {
            Place::Downloaded(file) => file.path(),
            Place::InPlace(path, _) => path,
        }
    }

    /// Whether what was read since the fetch is what was hashed. To be asked after the last read.
    ///
    /// # Errors
    /// [`FetchError::Changed`].
    pub fn check_unchanged(&self) -> Result<(), FetchError> {
        match &self.place {
            Place::InPlace(path, identity) if Identity::of(path).as_ref() != Some(identity) => {
                Err(FetchError::Changed { path: path.clone() })
            }
            Place::Downloaded(_) | Place::InPlace(..) => Ok(()),
        }
    }

    /// Whether these are the bytes that the store called `expected` (version id or entity tag, with or without its
    /// quotes). Where the store names no version there is nothing to compare.
    ///
    /// # Errors
    /// [`FetchError::Replaced`].
    pub fn check_version(&self, expected: &str) -> Result<(), FetchError> {
        let Some(found) = &self.version else { return Ok(()) };
        let marks = [Some(found), self.entity_tag.as_ref()];
        if marks.into_iter().flatten().any(|mark| bare(mark) == bare(expected)) {
            return Ok(());
        }
        let (expected, found) = (expected.to_owned(), found.clone());
        Err(FetchError::Replaced { uri: self.uri.clone(), expected, found })
    }
}

/// Where recordings come from.
#[async_trait]
pub trait RecordingStore: Send + Sync {
    /// Fetches the recording at `uri`; what has to be copied goes to a temporary file in the folder `into`.
    ///
    /// # Errors
    /// [`FetchError`], every variant.
    async fn fetch(&self, uri: &Address, into: &Path, limits: &FetchLimits) -> Result<Fetched, FetchError>;
}

/// Every store there is; the URI picks one.
#[derive(Debug)]
pub struct Recordings {
    file: FileStore,
    http: HttpStore,
    s3: S3Store,
}

impl Recordings {
    /// Files, the web and the object store `s3`.
    pub fn new(s3: S3) -> Self {
        Self { file: FileStore, http: HttpStore::default(), s3: S3Store::new(s3) }
    }
}

#[async_trait]
impl RecordingStore for Recordings {
    async fn fetch(&self, uri: &Address, into: &Path, limits: &FetchLimits) -> Result<Fetched, FetchError> {
        match uri {
            Address::File(_) => self.file.fetch(uri, into, limits).await,
            Address::Http(_) => self.http.fetch(uri, into, limits).await,
            Address::S3 { .. } => self.s3.fetch(uri, into, limits).await,
        }
    }
}

/// An entity tag without what surrounds it: `W/"abc"` and `"abc"` are `abc`.
fn bare(version: &str) -> &str {
    version.strip_prefix("W/").unwrap_or(version).trim_matches('"')
}
