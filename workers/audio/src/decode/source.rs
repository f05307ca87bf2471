//! A file as those read it who take it apart.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::time::Instant;

use symphonia::core::io::MediaSource;

use crate::AudioError;
use crate::wide::wide;

/// The file, until the time is up: they may read on for long before they give a packet.
pub(super) struct Source {
    file: File,
    at: u64,
    bytes: u64,
    deadline: Instant,
}

impl Source {
    pub(super) fn open(file: &File, deadline: Instant) -> Result<Self, AudioError> {
        let broken = |source| AudioError::Read { source };
        let bytes = file.metadata().map_err(broken)?.len();
        Ok(Self { file: file.try_clone().map_err(broken)?, at: 0, bytes, deadline })
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if Instant::now() > self.deadline {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        let got = self.file.read_at(buffer, self.at)?;
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
