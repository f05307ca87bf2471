//! A recording that was fetched.

use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::FetchError;
use super::identity::Identity;

/// A recording on this machine's disk; a downloaded one goes when this is dropped.
#[derive(Debug)]
pub struct Fetched {
    pub(super) place: Place,
    /// Where it came from, as it may be shown.
    pub(super) uri: String,
    /// Of its bytes, in hex.
    pub sha256: String,
    /// How many bytes they are.
    pub size_bytes: u64,
    /// Last part of its path; may be empty, and may lie about the format.
    pub name: String,
    /// The store's mark for these bytes (version id, else entity tag), where it has one.
    pub version: Option<String>,
    /// The other mark of a store that has both: lists of objects know entity tags only.
    pub(super) entity_tag: Option<String>,
}

/// Where its bytes lie.
#[derive(Debug)]
pub(super) enum Place {
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

/// An entity tag without what surrounds it: `W/"abc"` and `"abc"` are `abc`.
fn bare(version: &str) -> &str {
    version.strip_prefix("W/").unwrap_or(version).trim_matches('"')
}
