//! Artifacts in a folder of this machine.

use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use earmark_core::{Artifact, Job, sha256_hex};

use super::{ArtifactError, ArtifactStore};
use crate::place;

/// What is written to see whether there is room: more than most reports have.
const PROBE_BYTES: usize = 64 * 1024;

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

    fn folder(&self, job: &Job) -> PathBuf {
        own_folder(job).unwrap_or_else(|| self.output.join(job.tenant.as_str()).join(job.id.as_str()))
    }
}

/// The folder of a job that has one of its own, whatever the output is.
pub(super) fn own_folder(job: &Job) -> Option<PathBuf> {
    job.options.out_dir.as_ref().map(|folder| Path::new(folder).join(job.id.as_str()))
}

/// Whether files can be made in `folder`, which is made if it is missing, and there is room for something in them.
///
/// # Errors
/// [`ArtifactError::Folder`].
pub fn check_folder(folder: &Path) -> Result<(), ArtifactError> {
    let tried = std::fs::create_dir_all(folder).and_then(|()| {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        // On a full disk a file without content can still be made.
        file.write_all(&[0x20; PROBE_BYTES])?;
        file.as_file().sync_data()
    });
    tried.map_err(|source| ArtifactError::Folder { path: folder.into(), source })
}

/// The same, aside: a disk that hangs must not hold up others.
pub(super) async fn check_folder_aside(folder: &Path) -> Result<(), ArtifactError> {
    let path = folder.to_owned();
    let checked = tokio::task::spawn_blocking(move || check_folder(&path)).await;
    checked.unwrap_or_else(|panic| Err(ArtifactError::Folder { path: folder.into(), source: io::Error::other(panic) }))
}

#[async_trait]
impl ArtifactStore for FileArtifacts {
    async fn put(&self, job: &Job, name: &str, bytes: &[u8]) -> Result<Artifact, ArtifactError> {
        put_in(self.folder(job), name, bytes).await
    }

    async fn check(&self) -> Result<(), ArtifactError> {
        check_folder_aside(&self.output).await
    }

    fn place(&self, job: &Job) -> String {
        place::of_folder(job.options.out_dir.as_ref().map_or(&self.output, Path::new))
    }

    async fn check_for(&self, job: &Job) -> Result<(), ArtifactError> {
        check_folder_aside(job.options.out_dir.as_ref().map_or(&self.output, Path::new)).await
    }
}

/// Writes `bytes` as `name` into `folder`, which is made if it is missing.
pub(super) async fn put_in(folder: PathBuf, name: &str, bytes: &[u8]) -> Result<Artifact, ArtifactError> {
    let (path, bytes) = (folder.join(name), bytes.to_vec());
    let failed_path = path.clone();
    let failed = |source| ArtifactError::Folder { path: failed_path, source };
    let written = tokio::task::spawn_blocking(move || {
        let path = std::path::absolute(path)?;
        write_whole(&path, &bytes)?;
        Ok((path, sha256_hex(&bytes), u64::try_from(bytes.len()).unwrap_or(u64::MAX)))
    });
    let (path, sha256, size_bytes) =
        written.await.unwrap_or_else(|panic| Err(io::Error::other(panic))).map_err(failed)?;
    let uri = url::Url::from_file_path(&path).map_or_else(|()| path.display().to_string(), String::from);
    Ok(Artifact { name: name.into(), sha256, uri, size_bytes })
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
