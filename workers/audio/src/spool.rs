//! One channel's decoded samples on disk: 16 kHz, 16 bit, little endian, deleted when the last handle goes.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use earmark_core::Region;

use crate::AudioError;
use crate::wide::wide;

/// Bytes gathered before they go to the file.
const BUFFER_BYTES: usize = 1 << 17;

/// Writes a channel's samples.
#[derive(Debug)]
pub struct SpoolWriter {
    file: File,
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
        Ok(Self { file, samples: 0, bytes: Vec::with_capacity(BUFFER_BYTES) })
    }

    /// Appends samples between -1 and 1; what lies outside is clipped.
    ///
    /// # Errors
    /// [`AudioError::Spool`], a full disk among others.
    pub fn push(&mut self, samples: &[f32]) -> Result<(), AudioError> {
        self.append(samples, to_i16)
    }

    /// Appends samples that have 16 bits already.
    ///
    /// # Errors
    /// [`AudioError::Spool`], a full disk among others.
    pub(crate) fn push_pcm16(&mut self, samples: &[i16]) -> Result<(), AudioError> {
        self.append(samples, |sample| sample)
    }

    /// Samples written so far.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// The finished spool.
    ///
    /// # Errors
    /// [`AudioError::Spool`].
    pub fn finish(mut self) -> Result<Spool, AudioError> {
        self.flush()?;
        Ok(Spool { file: Arc::new(self.file), begins: 0, sound: self.samples, samples: self.samples })
    }

    fn append<S: Copy>(&mut self, samples: &[S], to_pcm16: impl Fn(S) -> i16) -> Result<(), AudioError> {
        for block in samples.chunks(BUFFER_BYTES / 2) {
            if self.bytes.len() + block.len() * 2 > BUFFER_BYTES {
                self.flush()?;
            }
            let start = self.bytes.len();
            self.bytes.resize(start + block.len() * 2, 0);
            for (pair, sample) in self.bytes[start..].chunks_exact_mut(2).zip(block) {
                pair.copy_from_slice(&to_pcm16(*sample).to_le_bytes());
            }
        }
        self.samples += wide(samples.len());
        Ok(())
    }

    fn flush(&mut self) -> Result<(), AudioError> {
        self.file.write_all(&self.bytes).map_err(|source| AudioError::Spool { action: "write", source })?;
        self.bytes.clear();
        Ok(())
    }
}

/// A sample as it is stored; [`from_i16`] of it is within half a step of the sample.
pub(crate) fn to_i16(sample: f32) -> i16 {
    round_to_i16(if sample.is_nan() { 0.0 } else { sample * 32768.0 })
}

/// The nearest whole number, the ends where it lies beyond.
#[inline]
pub(crate) fn round_to_i16(scaled: f32) -> i16 {
    // Added to a float, this leaves its nearest whole number in the low bits; much faster than `round`, which is a call
    // into libm on processors without SSE4.
    const ROUNDING: f32 = 12_582_912.0;
    let clipped = if scaled > 32767.0 { 32767.0 } else { scaled };
    let clipped = if clipped < -32768.0 { -32768.0 } else { clipped };
    #[expect(clippy::as_conversions, reason = "the low 16 bits are the number")]
    let value = (clipped + ROUNDING).to_bits() as i16;
    value
}

/// A stored sample as a float.
pub(crate) fn from_i16(value: i16) -> f32 {
    f32::from(value) / 32768.0
}

/// A channel's samples, readable anywhere, shared between threads.
#[derive(Debug, Clone)]
pub struct Spool {
    file: Arc<File>,
    /// Where its sound begins; before it is silence that no file holds.
    begins: u64,
    /// How many samples the file has.
    sound: u64,
    samples: u64,
}

impl Spool {
    /// How many samples.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// The same sound `before` samples later, with silence in front of it, and behind it up to `samples` in all. Nothing
    /// is copied.
    #[must_use]
    pub(crate) fn placed(self, before: u64, samples: u64) -> Self {
        let begins = self.begins + before;
        Self { begins, samples: samples.max(begins + self.sound), ..self }
    }

    /// Reads `region` onto the end of `into`; what lies past the end is not there.
    ///
    /// # Errors
    /// [`AudioError::Spool`].
    pub fn read(&self, region: Region, into: &mut Vec<f32>) -> Result<(), AudioError> {
        let end = region.end.min(self.samples);
        let start = region.start.min(end);
        let sounds = self.begins.clamp(start, end)..(self.begins + self.sound).clamp(start, end);
        silence(sounds.start - start, into);
        self.read_sound(sounds.start - self.begins.min(sounds.start), sounds.end - self.begins.min(sounds.end), into)?;
        silence(end - sounds.end, into);
        Ok(())
    }

    /// Reads samples of the file.
    fn read_sound(&self, mut start: u64, end: u64, into: &mut Vec<f32>) -> Result<(), AudioError> {
        let mut bytes = [0_u8; 1 << 16];
        while start < end {
            let want = usize::try_from((end - start) * 2).unwrap_or(usize::MAX).min(bytes.len());
            self.file
                .read_exact_at(&mut bytes[..want], start * 2)
                .map_err(|source| AudioError::Spool { action: "read", source })?;
            into.extend(bytes[..want].chunks_exact(2).map(|pair| from_i16(i16::from_le_bytes([pair[0], pair[1]]))));
            start += wide(want / 2);
        }
        Ok(())
    }
}

fn silence(samples: u64, into: &mut Vec<f32>) {
    into.extend(std::iter::repeat_n(0.0, usize::try_from(samples).unwrap_or(usize::MAX)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_rounded_to_the_nearest_step_and_clipped() {
        let cases = [
            (0.0, 0),
            (1.0, 32767),
            (-1.0, -32768),
            (7.0, 32767),
            (-7.0, -32768),
            (f32::NAN, 0),
            (f32::INFINITY, 32767),
            (1.4 / 32768.0, 1),
            (-1.6 / 32768.0, -2),
        ];
        for (sample, expected) in cases {
            assert_eq!(to_i16(sample), expected, "{sample}");
        }
    }

    #[test]
    fn samples_come_back_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = SpoolWriter::create(folder.path()).unwrap();
        let written: Vec<f32> =
            (0..100_000).map(|i| f32::from(i16::try_from(i % 65_536 - 32_768).unwrap()) / 32768.0).collect();
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

    #[test]
    fn a_placed_spool_reads_as_if_its_silence_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = SpoolWriter::create(folder.path()).unwrap();
        writer.push(&[0.5, 0.25, -0.5]).unwrap();
        let placed = writer.finish().unwrap().placed(4, 12);
        let written = [0.0, 0.0, 0.0, 0.0, 0.5, 0.25, -0.5, 0.0, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(placed.samples(), 12);
        for start in 0..14_u64 {
            for end in 0..14_u64 {
                let (mut read, whole) = (vec![1.0], 0..12_u64);
                placed.read(Region { start, end }, &mut read).unwrap();
                let expected: Vec<f32> =
                    whole.zip(written).filter(|(at, _)| (start..end).contains(at)).map(|(_, sample)| sample).collect();
                assert_eq!(read[1..], expected, "{start}..{end}");
            }
        }
    }
}
