//! A recording on its way to disk, whatever it comes by: counted against the limit, hashed as it comes, gone when it is
//! not finished.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};

use super::coding::{self, Coding};
use super::fetched::Place;
use super::{FetchError, Fetched};

/// Broken connections in one fetch before it counts as a try. A recording of gigabytes over a bad line takes many, and
/// each has to bring some bytes.
const MAX_RESUMPTIONS: u32 = 64;

/// Held by a fetch: a thread that works for it learns when it is given up, which nobody can make it stop for.
#[derive(Debug, Default)]
pub(super) struct GivenUp(Arc<AtomicBool>);

impl GivenUp {
    /// For the thread; true once this is dropped.
    pub(super) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A temporary file that grows.
pub(super) struct Spool<'a> {
    into: &'a Path,
    /// Where the recording comes from, as it may be shown.
    place: String,
    max_bytes: u64,
    temp: NamedTempFile,
    file: tokio::fs::File,
    hasher: Sha256,
    received_bytes: u64,
    resumptions: u32,
    /// What was here at the last resumption.
    resumed_at: u64,
}

impl<'a> Spool<'a> {
    /// A file in the folder `into`, which is made if it is missing, for at most `max_bytes` from `place`.
    ///
    /// # Errors
    /// [`FetchError::Spool`].
    pub(super) fn start(into: &'a Path, place: String, max_bytes: u64) -> Result<Self, FetchError> {
        let spool = |source| FetchError::Spool { folder: into.into(), source };
        let temp = std::fs::create_dir_all(into)
            .and_then(|()| tempfile::Builder::new().prefix("recording-").tempfile_in(into))
            .map_err(spool)?;
        let file = tokio::fs::File::from_std(temp.reopen().map_err(spool)?);
        let hasher = Sha256::new();
        Ok(Self { into, place, max_bytes, temp, file, hasher, received_bytes: 0, resumptions: 0, resumed_at: 0 })
    }

    /// How far it came.
    pub(super) fn received_bytes(&self) -> u64 {
        self.received_bytes
    }

    /// Whether the rest may be asked for after a broken connection: only if that one brought something. Counts it.
    pub(super) fn may_resume(&mut self) -> bool {
        let has_come_on = self.received_bytes > self.resumed_at;
        self.resumed_at = self.received_bytes;
        self.resumptions += 1;
        has_come_on && self.resumptions <= MAX_RESUMPTIONS
    }

    /// Hears that `rest` more bytes will come.
    ///
    /// # Errors
    /// [`FetchError::TooLarge`].
    pub(super) fn announce(&self, rest: u64) -> Result<(), FetchError> {
        let size = rest.saturating_add(self.received_bytes);
        if size > self.max_bytes { Err(self.too_large(Some(size))) } else { Ok(()) }
    }

    /// Adds `chunk`.
    ///
    /// # Errors
    /// [`FetchError::TooLarge`] or [`FetchError::Spool`].
    pub(super) async fn write(&mut self, chunk: &[u8]) -> Result<(), FetchError> {
        self.received_bytes += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        if self.received_bytes > self.max_bytes {
            return Err(self.too_large(None));
        }
        self.hasher.update(chunk);
        self.file.write_all(chunk).await.map_err(|source| self.failed(source))
    }

    /// Forgets what came.
    ///
    /// # Errors
    /// [`FetchError::Spool`].
    pub(super) async fn start_over(&mut self) -> Result<(), FetchError> {
        self.hasher = Sha256::new();
        self.received_bytes = 0;
        self.resumed_at = 0;
        self.file.set_len(0).await.map_err(|source| self.failed(source))?;
        self.file.rewind().await.map_err(|source| self.failed(source))?;
        Ok(())
    }

    /// The recording as it lies on disk, `codings` undone: size and hash are those of what came out, and the limit holds
    /// for it.
    ///
    /// # Errors
    /// [`FetchError::Empty`], [`FetchError::TooLarge`], [`FetchError::NotDecoded`] or [`FetchError::Spool`].
    pub(super) async fn finish(
        mut self,
        name: String,
        version: Option<String>,
        codings: Vec<Coding>,
    ) -> Result<Fetched, FetchError> {
        self.file.flush().await.map_err(|source| self.failed(source))?;
        let mut fetched = Fetched {
            place: Place::Downloaded(self.temp),
            uri: self.place,
            sha256: earmark_core::hex(&self.hasher.finalize()),
            size_bytes: self.received_bytes,
            name,
            version,
            entity_tag: None,
        };
        if !codings.is_empty() {
            let (into, max_bytes) = (self.into.to_owned(), self.max_bytes);
            let folder = into.clone();
            let given_up = GivenUp::default();
            let is_given_up = given_up.flag();
            let undoing =
                tokio::task::spawn_blocking(move || undo(fetched, &codings, (&into, max_bytes), &is_given_up));
            let undone = undoing.await;
            fetched =
                undone.unwrap_or_else(|panic| Err(FetchError::Spool { folder, source: io::Error::other(panic) }))?;
        }
        if fetched.size_bytes == 0 {
            return Err(FetchError::Empty { place: fetched.uri });
        }
        Ok(fetched)
    }

    /// The hash of what came so far, as it came.
    pub(super) fn received_sha256(&self) -> String {
        earmark_core::hex(&self.hasher.clone().finalize())
    }

    fn too_large(&self, size: Option<u64>) -> FetchError {
        FetchError::TooLarge { place: self.place.clone(), size, limit: self.max_bytes }
    }

    fn failed(&self, source: io::Error) -> FetchError {
        FetchError::Spool { folder: self.into.into(), source }
    }
}

/// `fetched` with `codings` undone.
fn undo(
    fetched: Fetched,
    codings: &[Coding],
    (into, max_bytes): (&Path, u64),
    is_given_up: &AtomicBool,
) -> Result<Fetched, FetchError> {
    let Place::Downloaded(temp) = &fetched.place else { return Ok(fetched) };
    match coding::undo(temp, codings, (into, &fetched.uri, max_bytes), is_given_up)? {
        Some(coding::Decoded { temp, sha256, size_bytes }) => {
            Ok(Fetched { place: Place::Downloaded(temp), sha256, size_bytes, ..fetched })
        }
        None => Ok(fetched),
    }
}

/// First byte in a `Content-Range` such as `bytes 100-199/200`.
pub(super) fn first_byte(content_range: &str) -> Option<u64> {
    content_range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}
