//! A part of a file as a file of its own, for decoders that would stumble over the rest: sound without the wrong header in
//! front of it, or with the right one.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use super::bytes::read_fully;
use super::output::Output;
use crate::AudioError;
use crate::wide::wide;

/// Bytes copied at once.
const BLOCK_BYTES: usize = 1 << 16;

/// What such a file consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cut {
    /// What goes in front.
    pub(super) head: Vec<u8>,
    /// What follows, as it lies in the file: from where, how many bytes.
    pub(super) stretches: Vec<(u64, u64)>,
}

impl Cut {
    /// A WAV file with a `format` chunk and the sound in `stretches`.
    pub(super) fn wav(format: &[u8], stretches: Vec<(u64, u64)>) -> Self {
        let bytes: u64 = stretches.iter().map(|(_, bytes)| bytes).sum();
        let size = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes();
        let mut head = b"RIFF".to_vec();
        head.extend(size(bytes + wide(format.len()) + 20));
        head.extend(b"WAVEfmt ");
        head.extend(size(wide(format.len())));
        head.extend(format);
        if format.len() % 2 == 1 {
            head.push(0);
        }
        head.extend(b"data");
        head.extend(size(bytes));
        Self { head, stretches }
    }

    /// Writes it to `folder`, until the time is up.
    pub(super) fn write(&self, file: &File, folder: &Path, output: &Output<'_>) -> Result<NamedTempFile, AudioError> {
        let broken = |source| AudioError::Spool { action: "write", source };
        let mut temp = NamedTempFile::new_in(folder).map_err(broken)?;
        temp.write_all(&self.head).map_err(broken)?;
        let mut block = vec![0; BLOCK_BYTES];
        for (start, bytes) in &self.stretches {
            let (mut at, end) = (*start, start.saturating_add(*bytes));
            while at < end {
                output.check()?;
                let want = usize::try_from(end - at).unwrap_or(usize::MAX).min(BLOCK_BYTES);
                let got = read_fully(file, &mut block[..want], at)?;
                temp.write_all(&block[..got]).map_err(broken)?;
                if got < want {
                    break;
                }
                at += wide(got);
            }
        }
        temp.seek(SeekFrom::Start(0)).map_err(broken)?;
        Ok(temp)
    }
}
