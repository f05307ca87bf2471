//! A file as symphonia reads it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::time::Instant;

use symphonia::core::io::MediaSource;

use super::ogg;
use crate::AudioError;
use crate::wide::wide;

/// The file, until the time is up: symphonia may read on for long before it gives a packet.
pub(super) struct Source {
    file: File,
    at: u64,
    bytes: u64,
    deadline: Instant,
    /// Shown instead of the file's first bytes.
    start: Vec<u8>,
}

impl Source {
    pub(super) fn open(file: &File, deadline: Instant) -> Result<Self, AudioError> {
        let broken = |source| AudioError::Read { source };
        let bytes = file.metadata().map_err(broken)?.len();
        Ok(Self { file: file.try_clone().map_err(broken)?, at: 0, bytes, deadline, start: ogg::readable_start(file) })
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if Instant::now() > self.deadline {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        let shown = usize::try_from(self.at).ok().and_then(|at| self.start.get(at..)).unwrap_or(&[]);
        let got = if shown.is_empty() {
            self.file.read_at(buffer, self.at)?
        } else {
            let some = shown.len().min(buffer.len());
            buffer[..some].copy_from_slice(&shown[..some]);
            some
        };
        self.at += wide(got);
        Ok(got)
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.bytes.checked_add_signed(by),
        };
        self.at = target.ok_or(std::io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

impl MediaSource for Source {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.bytes)
    }
}
