//! Artifacts: the files that a job leaves in the output.

mod file;
mod s3;
mod sweep;

use async_trait::async_trait;
use earmark_core::Job;

use crate::StorageError;

pub use file::{FileArtifacts, check_folder};
pub use s3::{S3Artifacts, Sse};
pub use sweep::{OrphanReport, OrphanSweep};

/// A file in the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// `report.json`, `transcript.srt`, …
    pub name: String,
    /// Of its bytes, in hex.
    pub sha256: String,
    /// Where it lies.
    pub uri: String,
    /// How long it is.
    pub size_bytes: u64,
}

/// Where artifacts are written.
#[async_trait]
pub trait ArtifactStore: Send + Sync {
    /// Writes `bytes` as `name` of `job`, whole or not at all, kept when it returns. Again is the same again.
    ///
    /// # Errors
    /// [`StorageError::Output`] for a folder, [`StorageError::OutputS3`] for a bucket.
    async fn put(&self, job: &Job, name: &str, bytes: &[u8]) -> Result<Artifact, StorageError>;

    /// Whether something can be written there.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    async fn check(&self) -> Result<(), StorageError>;
}
