//! Recordings on this machine: hashed where they lie, not copied; those of others copied out of the folders that they
//! may lie in.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use earmark_core::Address;
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt as _;

use super::fetched::Place;
use super::identity::Identity;
use super::roots::{FileRoots, Unopened};
use super::spool::{GivenUp, Spool};
use super::{FetchError, FetchLimits, Fetched, RecordingStore};
use crate::place;

/// Read at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// Regular files on this machine.
#[derive(Debug, Default)]
pub struct FileStore {
    /// Where files of those lie who may not name any.
    roots: FileRoots,
}

impl FileStore {
    /// Files of this machine; those that may not be any lie in `roots`.
    pub fn new(roots: FileRoots) -> Self {
        Self { roots }
    }
}

#[async_trait]
impl RecordingStore for FileStore {
    fn place(&self, uri: &Address) -> String {
        place::of(uri, None)
    }

    async fn fetch(&self, uri: &Address, into: &Path, limits: &FetchLimits) -> Result<Fetched, FetchError> {
        let Address::File(path) = uri else { return Err(FetchError::Unsupported { uri: uri.to_string() }) };
        if limits.is_confined {
            return confined(&self.roots, path, into, limits.max_bytes).await;
        }
        let (path, max_bytes) = (path.clone(), limits.max_bytes);
        // A fetch that is given up must not go on reading gigabytes.
        let given_up = GivenUp::default();
        let is_given_up = given_up.flag();
        let error_path = path.clone();
        let fetched = tokio::task::spawn_blocking(move || fetch(&path, max_bytes, &is_given_up)).await;
        fetched.unwrap_or_else(|panic| Err(FetchError::Read { path: error_path, source: io::Error::other(panic) }))
    }
}

fn fetch(path: &Path, max_bytes: u64, is_given_up: &AtomicBool) -> Result<Fetched, FetchError> {
    let failed = |source: io::Error| unreadable(path, source);
    let mut file = open(path)?;
    let metadata = file.metadata().map_err(failed)?;
    if let Some(what) = no_file(&metadata) {
        return Err(FetchError::NotAFile { path: path.into(), what });
    }
    let place = path.display().to_string();
    if metadata.len() == 0 {
        return Err(FetchError::Empty { place });
    }
    if metadata.len() > max_bytes {
        return Err(FetchError::TooLarge { place, size: Some(metadata.len()), limit: max_bytes });
    }
    let sha256 = hash(&mut file, is_given_up).map_err(failed)?;
    let identity = Identity::from(&metadata);
    let after = Identity::from(&file.metadata().map_err(failed)?);
    if after != identity || Identity::of(path).as_ref() != Some(&identity) {
        return Err(FetchError::Changed { path: path.into() });
    }
    let version = Some(identity.version());
    Ok(Fetched {
        place: Place::InPlace(path.into(), identity),
        uri: place,
        sha256,
        size_bytes: metadata.len(),
        name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        version,
        entity_tag: None,
    })
}

/// A copy of the file at `path`, which lies in one of `roots`. What was opened is what is read: paths may be changed by
/// those who have business in a root. What is not there, what may not be read and what is no file are one and the same to
/// who asks: it is not for them to learn what else lies there.
async fn confined(roots: &FileRoots, path: &Path, into: &Path, max_bytes: u64) -> Result<Fetched, FetchError> {
    let failed = |source: io::Error| unreadable(path, source);
    let (roots, wanted) = (roots.clone(), path.to_owned());
    let opened = tokio::task::spawn_blocking(move || roots.open(&wanted)).await.map_err(io::Error::other);
    let place = path.display().to_string();
    let (file, metadata) = opened.map_err(failed)?.map_err(|error| match error {
        Unopened::OutOfReach | Unopened::NotAFile => FetchError::OutOfReach { place: place.clone() },
        Unopened::Failed(source) => match unreadable(path, source) {
            FetchError::NotFound { place } | FetchError::Forbidden { place, .. } => FetchError::OutOfReach { place },
            error => error,
        },
    })?;
    // What the kernel makes up (/proc) has no size, and something in it all the same.
    if metadata.len() == 0 {
        return Err(FetchError::Empty { place });
    }
    let before = Identity::from(&metadata);
    let mut spool = Spool::start(into, place, max_bytes)?;
    spool.announce(metadata.len())?;
    let mut file = tokio::fs::File::from_std(file);
    let mut buffer = vec![0_u8; BUFFER_BYTES];
    loop {
        match file.read(&mut buffer).await.map_err(failed)? {
            0 => break,
            count => spool.write(&buffer[..count]).await?,
        }
    }
    if Identity::from(&file.metadata().await.map_err(failed)?) != before {
        return Err(FetchError::Changed { path: path.into() });
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    spool.finish(name, Some(before.version()), Vec::new()).await
}

fn open(path: &Path) -> Result<File, FetchError> {
    // Without this flag, opening a pipe that nobody writes to would wait for ever.
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    opened.map_err(|source| match std::fs::metadata(path) {
        // Sockets cannot even be opened.
        Ok(metadata) => match no_file(&metadata) {
            Some(what) => FetchError::NotAFile { path: path.into(), what },
            None => unreadable(path, source),
        },
        Err(_) => unreadable(path, source),
    })
}

fn unreadable(path: &Path, source: io::Error) -> FetchError {
    let place = path.display().to_string();
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => FetchError::NotFound { place },
        io::ErrorKind::PermissionDenied => FetchError::Forbidden { place, status: None },
        // The name itself cannot be one: too long, too many links.
        io::ErrorKind::InvalidFilename | io::ErrorKind::InvalidInput => FetchError::NotFound { place },
        _ => FetchError::Read { path: PathBuf::from(path), source },
    }
}

fn no_file(metadata: &Metadata) -> Option<&'static str> {
    let kind = metadata.file_type();
    if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some("a directory")
    } else if kind.is_fifo() {
        Some("a pipe")
    } else if kind.is_socket() {
        Some("a socket")
    } else {
        Some("a device")
    }
}

fn hash(file: &mut File, is_given_up: &AtomicBool) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0_u8; BUFFER_BYTES];
    while !is_given_up.load(Ordering::Relaxed) {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(earmark_core::hex(&hasher.finalize())),
            Ok(count) => hasher.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("the fetch was given up"))
}
