//! The files that a recording consists of, one for most, fetched to this machine's disk.

use earmark_core::{Part, Recording};
use earmark_objects::{FetchError, Fetched};

use crate::error::JobError;

/// A recording's files, in the order of their channels.
pub(crate) struct Files {
    fetched: Vec<Fetched>,
    /// What was offered of each; empty for a recording that is one file.
    pub parts: Vec<Part>,
}

impl Files {
    /// The one file of a recording.
    pub fn one(fetched: Fetched) -> Self {
        Self { fetched: vec![fetched], parts: Vec::new() }
    }

    /// The files of a recording that was offered as `parts`, in their order.
    pub fn of(parts: &[Part], fetched: Vec<Fetched>) -> Self {
        Self { fetched, parts: parts.to_vec() }
    }

    /// Each file, and how much later than the recording it begins, in ms.
    pub fn each(&self) -> impl Iterator<Item = (&Fetched, u64)> {
        let offsets_ms = self.parts.iter().map(|part| part.offset_ms).chain(std::iter::repeat(0));
        self.fetched.iter().zip(offsets_ms)
    }

    /// The one file's hash; of several the recording's.
    pub fn sha256(&self) -> String {
        match (self.parts.as_slice(), self.fetched.as_slice()) {
            ([], [one]) => one.sha256.clone(),
            _ => Recording::sha256_of_parts(self.each().map(|(file, offset_ms)| (file.sha256.as_str(), offset_ms))),
        }
    }

    /// How many bytes they are together.
    pub fn size_bytes(&self) -> u64 {
        self.fetched.iter().map(|file| file.size_bytes).sum()
    }

    /// Whether what was read since the fetch is what was hashed. To be asked after the last read.
    ///
    /// # Errors
    /// [`FetchError::Changed`], with the number of the file that changed, from 0.
    pub fn check_unchanged(&self) -> Result<(), (usize, FetchError)> {
        for (number, file) in self.fetched.iter().enumerate() {
            file.check_unchanged().map_err(|error| (number, error))?;
        }
        Ok(())
    }
}

/// `error`, which befell the file `number` of `parts`, counted from 0; as it is where there is but one, and where nothing
/// is wrong with it.
pub(crate) fn of_part(parts: &[Part], number: usize, error: JobError) -> JobError {
    if matches!(error, JobError::Stopped) || parts.len() < 2 {
        return error;
    }
    let Some(part) = parts.get(number) else { return error };
    JobError::Part { number: number + 1, of: parts.len(), uri: part.uri.clone(), source: Box::new(error) }
}
