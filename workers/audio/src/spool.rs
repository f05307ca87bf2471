//! One channel's decoded samples on disk: 16 kHz, 16 bit, little endian, deleted when the last handle goes.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use earmark_core::Region;

use crate::AudioError;

/// Writes a channel's samples.
#[derive(Debug)]
pub struct SpoolWriter {
    file: BufWriter<File>,
    samples: u64,
    bytes: Vec<u8>,
}

impl SpoolWriter {
    /// A new spool in `folder`.
    ///
    /// # Errors
    /// [`AudioError::Spool`].
    pub fn create(folder: &Path) -> Result<Self, AudioError> {
        let file = tempfile::tempfile_in(folder).map_err(|source| AudioError::Spool { action: "write", source })?;
        Ok(Self { file: BufWriter::with_capacity(1 << 16, file), samples: 0, bytes: Vec::new() })
    }

    /// Appends samples between -1 and 1; what lies outside is clipped.
    ///
    /// # Errors
    /// [`AudioError::Spool`], a full disk among others.
    pub fn push(&mut self, samples: &[f32]) -> Result<(), AudioError> {
        self.bytes.clear();
        self.bytes.extend(samples.iter().flat_map(|sample| to_i16(*sample).to_le_bytes()));
        self.samples += samples.len() as u64;
        self.file.write_all(&self.bytes).map_err(|source| AudioError::Spool { action: "write", source })
    }

    /// Samples written so far.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// The finished spool.
    ///
    /// # Errors
    /// [`AudioError::Spool`].
    pub fn finish(self) -> Result<Spool, AudioError> {
        let samples = self.samples;
        let file = self.file.into_inner().map_err(|error| AudioError::Spool { action: "write", source: error.into_error() })?;
        Ok(Spool { file: Arc::new(file), samples })
    }
}

/// A sample as it is stored; [`from_i16`] of it is within half a step of the sample.
fn to_i16(sample: f32) -> i16 {
    // A float cast saturates and takes NaN to 0.
    #[expect(clippy::cast_possible_truncation, reason = "saturating, and rounded before")]
    let value = (sample * 32768.0).round() as i16;
    value
}

fn from_i16(value: i16) -> f32 {
    f32::from(value) / 32768.0
}

/// A channel's samples, readable anywhere, shared between threads.
#[derive(Debug, Clone)]
pub struct Spool {
    file: Arc<File>,
    samples: u64,
}

impl Spool {
    /// How many samples.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// Reads `region` onto the end of `into`; what lies past the end is not there.
    ///
    /// # Errors
    /// [`AudioError::Spool`].
    pub fn read(&self, region: Region, into: &mut Vec<f32>) -> Result<(), AudioError> {
        let end = region.end.min(self.samples);
        let mut start = region.start.min(end);
        let mut bytes = [0_u8; 1 << 16];
        while start < end {
            let want = usize::try_from((end - start) * 2).unwrap_or(usize::MAX).min(bytes.len());
            self.file.read_exact_at(&mut bytes[..want], start * 2).map_err(|source| AudioError::Spool { action: "read", source })?;
            into.extend(bytes[..want].chunks_exact(2).map(|pair| from_i16(i16::from_le_bytes([pair[0], pair[1]]))));
            start += (want / 2) as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_come_back_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = SpoolWriter::create(folder.path()).unwrap();
        let written: Vec<f32> = (0..100_000).map(|i| f32::from(i16::try_from(i % 65_536 - 32_768).unwrap()) / 32768.0).collect();
        for block in written.chunks(777) {
            writer.push(block).unwrap();
        }
        let spool = writer.finish().unwrap();
        let mut read = Vec::new();
        spool.read(Region { start: 0, end: 200_000 }, &mut read).unwrap();
        assert_eq!(read, written);
        read.clear();
        spool.read(Region { start: 99_990, end: 99_995 }, &mut read).unwrap();
        assert_eq!(read, written[99_990..99_995]);
    }
}
