//! Artifacts: the files that a job leaves in the output.

mod error;
mod file;
mod s3;

use async_trait::async_trait;
use earmark_core::{Artifact, Job};

pub use error::ArtifactError;
pub use file::{FileArtifacts, check_folder};
pub use s3::{S3Artifacts, Sse};

/// Where artifacts are written.
#[async_trait]
pub trait ArtifactStore: Send + Sync {
    /// Writes `bytes` as `name` of `job`, whole or not at all, kept when it returns. Again is the same again.
    ///
    /// # Errors
    /// [`ArtifactError::Folder`] for a folder, [`ArtifactError::Bucket`] for a bucket.
    async fn put(&self, job: &Job, name: &str, bytes: &[u8]) -> Result<Artifact, ArtifactError>;

    /// Whether something can be written there.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    async fn check(&self) -> Result<(), ArtifactError>;

    /// What the place is called that the artifacts of `job` go to.
    fn place(&self, job: &Job) -> String;

    /// Whether something of `job` can be written there.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    async fn check_for(&self, job: &Job) -> Result<(), ArtifactError>;
}
