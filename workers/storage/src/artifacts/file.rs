//! Artifacts: the files that a job leaves in the output.

use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use earmark_core::Job;

use crate::{StorageError, sha256_hex};

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
    /// Writes `bytes` as `name` of `job`, whole or not at all, on disk when it returns. Again is the same again.
    ///
    /// # Errors
    /// [`StorageError::Output`].
    async fn put(&self, job: &Job, name: &str, bytes: &[u8]) -> Result<Artifact, StorageError>;
}

/// Artifacts in a folder: `{output}/{tenant}/{job_id}/{name}`, or `{out_dir}/{job_id}/{name}` for a job with a folder
/// of its own.
#[derive(Debug, Clone)]
pub struct FileArtifacts {
    output: PathBuf,
}

impl FileArtifacts {
    /// Artifacts under `output`, which is made when the first one comes.
    pub fn new(output: &Path) -> Self {
        Self { output: output.into() }
    }

    /// Whether files can be made in the output.
    ///
    /// # Errors
    /// [`StorageError::Output`].
    pub fn check(&self) -> Result<(), StorageError> {
        check_folder(&self.output)
    }

    fn folder(&self, job: &Job) -> PathBuf {
        match &job.options.out_dir {
            Some(folder) => Path::new(folder).join(job.id.as_str()),
            None => self.output.join(job.tenant.as_str()).join(job.id.as_str()),
        }
    }
}

/// Whether files can be made in `folder`, which is made if it is missing.
///
/// # Errors
/// [`StorageError::Output`].
pub fn check_folder(folder: &Path) -> Result<(), StorageError> {
    let tried = std::fs::create_dir_all(folder).and_then(|()| tempfile::NamedTempFile::new_in(folder).map(drop));
    tried.map_err(|source| StorageError::Output { path: folder.into(), source })
}

#[async_trait]
impl ArtifactStore for FileArtifacts {
    async fn put(&self, job: &Job, name: &str, bytes: &[u8]) -> Result<Artifact, StorageError> {
        let folder = self.folder(job);
        let (path, bytes) = (folder.join(name), bytes.to_vec());
        let failed_path = path.clone();
        let failed = |source| StorageError::Output { path: failed_path, source };
        let written = tokio::task::spawn_blocking(move || {
            let path = std::path::absolute(path)?;
            write_whole(&path, &bytes)?;
            Ok((path, sha256_hex(&bytes), bytes.len() as u64))
        });
        let (path, sha256, size_bytes) =
            written.await.unwrap_or_else(|panic| Err(io::Error::other(panic))).map_err(failed)?;
        let uri = url::Url::from_file_path(&path).map_or_else(|()| path.display().to_string(), String::from);
        Ok(Artifact { name: name.into(), sha256, uri, size_bytes })
    }
}

/// Readers see the old file or the whole new one; after a power cut too.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder)?;
    // The mode is what any program's new file has; the user's umask narrows it.
    let mut file =
        tempfile::Builder::new().prefix(".writing-").permissions(Permissions::from_mode(0o666)).tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}
