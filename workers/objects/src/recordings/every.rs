//! Every store there is, behind one.

use std::path::Path;

use async_trait::async_trait;
use earmark_core::Address;

use super::{FetchError, FetchLimits, Fetched, FileRoots, FileStore, HttpStore, RecordingStore, S3Store};
use crate::s3::S3;

/// Every store there is; the URI picks one.
#[derive(Debug)]
pub struct Recordings {
    file: FileStore,
    http: HttpStore,
    s3: S3Store,
}

impl Recordings {
    /// Files, the web and the object store `s3`. Nobody but the program's own user may name files, unless it is
    /// [`within`](Self::within) some folders.
    pub fn new(s3: S3) -> Self {
        Self { file: FileStore::default(), http: HttpStore::default(), s3: S3Store::new(s3) }
    }

    /// The same, where others may name files in `roots`.
    #[must_use]
    pub fn within(self, roots: FileRoots) -> Self {
        Self { file: FileStore::new(roots), ..self }
    }
}

#[async_trait]
impl RecordingStore for Recordings {
    fn place(&self, uri: &Address) -> String {
        match uri {
            Address::File(_) => self.file.place(uri),
            Address::Http(_) => self.http.place(uri),
            Address::S3 { .. } => self.s3.place(uri),
        }
    }

    async fn fetch(&self, uri: &Address, into: &Path, limits: &FetchLimits) -> Result<Fetched, FetchError> {
        match uri {
            Address::File(_) => self.file.fetch(uri, into, limits).await,
            Address::Http(_) => self.http.fetch(uri, into, limits).await,
            Address::S3 { .. } => self.s3.fetch(uri, into, limits).await,
        }
    }
}
