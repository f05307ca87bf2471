//! The model's weights: a file that may be replaced at any time.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Mutex;

use earmark_core::hex;
use sha2::{Digest, Sha256};

use super::lock::locked;

/// A file of weights, read as a whole only to tell which ones they are.
pub(super) struct Weights {
    path: PathBuf,
    known: Mutex<Option<(Stamp, String)>>,
}

/// What changes with a file's content: device, number, length, time of change in seconds and nanoseconds.
type Stamp = (u64, u64, u64, i64, i64);

impl Weights {
    /// Those in a file, which is not read yet.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, known: Mutex::default() }
    }

    /// SHA-256, the first 12 digits: enough to tell which. Read anew when the file has changed; blocks for as long.
    ///
    /// # Errors
    /// Which file cannot be read, and why.
    pub(super) fn fingerprint(&self) -> Result<String, String> {
        self.read().map_err(|error| format!("{}: {error}", self.path.display()))
    }

    /// Their size; 0 where there is no file.
    pub(super) fn bytes(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |file| file.len())
    }

    fn read(&self) -> io::Result<String> {
        let mut known = locked(&self.known);
        let mut file = File::open(&self.path)?;
        let described = file.metadata()?;
        let stamp = (described.dev(), described.ino(), described.len(), described.mtime(), described.mtime_nsec());
        if let Some((_, fingerprint)) = known.as_ref().filter(|(of, _)| *of == stamp) {
            return Ok(fingerprint.clone());
        }
        let mut hash = Sha256::new();
        io::copy(&mut file, &mut hash)?;
        let fingerprint = hex(&hash.finalize()[..6]);
        *known = Some((stamp, fingerprint.clone()));
        Ok(fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_that_are_replaced_are_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.bin");
        let weights = Weights::new(path.clone());
        assert!(weights.fingerprint().unwrap_err().contains("model.bin: No such file"));
        assert_eq!(weights.bytes(), 0);
        fs::write(&path, "one").unwrap();
        assert_eq!(weights.fingerprint().unwrap(), "7692c3ad3540");
        assert_eq!((weights.fingerprint().unwrap().len(), weights.bytes()), (12, 3));
        fs::write(folder.path().join("fresh"), "two").unwrap();
        fs::rename(folder.path().join("fresh"), &path).unwrap();
        assert_eq!(weights.fingerprint().unwrap(), "3fc4ccfe7458");
    }
}
