//! What can go wrong where artifacts are kept.

use std::path::PathBuf;

use earmark_core::{Disposition, Failure, Fault, WAIT_FOR_PERSON};

use crate::s3::S3Error;

/// Why an artifact was not written.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// An artifact cannot be written into its folder.
    #[error("cannot write {path}")]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// An artifact cannot be written to the bucket, or cannot be looked for there.
    #[error("cannot write {uri}")]
    Bucket {
        /// The object or the prefix.
        uri: String,
        /// What the store said.
        #[source]
        source: S3Error,
    },
}

impl ArtifactError {
    /// Whether what looks like the output's fault may be this job's alone.
    pub fn may_be_the_jobs(&self) -> bool {
        match self {
            Self::Bucket { source, .. } => source.may_be_the_recordings(),
            Self::Folder { .. } => false,
        }
    }
}

impl Failure for ArtifactError {
    fn code(&self) -> &'static str {
        match self {
            Self::Folder { .. } => "output.unwritable",
            Self::Bucket { source, .. } => source.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Folder { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                "free some space on that disk"
            }
            Self::Folder { .. } => {
                "make the folder writable for this user, or choose another with EARMARK__STORAGE__OUTPUT or --out"
            }
            Self::Bucket { source, .. } => return source.hint(),
        };
        Some(text.into())
    }

    fn disposition(&self) -> Disposition {
        match self {
            // Where results go is the worker's affair: no job is given up for it.
            Self::Bucket { source, .. } => match source.disposition() {
                Disposition::Fail => Disposition::RetryAfter(WAIT_FOR_PERSON),
                other => other,
            },
            Self::Folder { .. } => Disposition::RetryAfter(WAIT_FOR_PERSON),
        }
    }

    fn fault(&self) -> Fault {
        // Where results go is the worker's affair, whatever is wrong with it.
        match self {
            Self::Folder { .. } | Self::Bucket { .. } => Fault::Place,
        }
    }
}
