//! Bytes of a file, wherever they lie.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::AudioError;
use crate::wide::wide;

/// A file of a known length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bytes<'a> {
    pub(super) file: &'a File,
    /// Its length.
    pub(super) len: u64,
}

impl Bytes<'_> {
    /// The `N` bytes at `at`; none where the file ends before.
    pub(super) fn get<const N: usize>(&self, at: u64) -> Result<Option<[u8; N]>, AudioError> {
        let mut bytes = [0; N];
        Ok((read_fully(self.file, &mut bytes, at)? == N).then_some(bytes))
    }

    /// The bytes from `at`, at most `most` of them.
    pub(super) fn some(&self, at: u64, most: usize) -> Result<Vec<u8>, AudioError> {
        let there = usize::try_from(self.len.saturating_sub(at)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; most.min(there)];
        let got = read_fully(self.file, &mut bytes, at)?;
        bytes.truncate(got);
        Ok(bytes)
    }
}

/// As many bytes as there are from `at`, up to the block's length.
pub(super) fn read_fully(file: &File, block: &mut [u8], at: u64) -> Result<usize, AudioError> {
    let mut got = 0;
    while got < block.len() {
        match file.read_at(&mut block[got..], at.saturating_add(wide(got))) {
            Ok(0) => break,
            Ok(some) => got += some,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(source) => return Err(AudioError::Read { source }),
        }
    }
    Ok(got)
}
