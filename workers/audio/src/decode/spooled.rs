//! A recording decoded to disk: one spool per channel.

use std::path::Path;

use earmark_core::{Region, Warning, samples_to_ms};

use super::options::DecodeOptions;
use super::sink::Sink;
use super::stream::stream;
use crate::{AudioError, Spool, SpoolWriter};

/// A recording on disk as 16 kHz samples.
#[derive(Debug)]
pub struct Decoded {
    /// `pcm_alaw`, `mp3`, `opus`, …: the names ffmpeg uses.
    pub codec: String,
    /// How many channels, 1 to 16.
    pub channels: u16,
    /// The recording's own rate, before resampling.
    pub sample_rate_hz: u32,
    /// One per channel, all of one length.
    pub spools: Vec<Spool>,
    /// Of the audio that could be decoded.
    pub duration_ms: u64,
    /// By channel: where its samples are silence for want of sound.
    pub filled: Vec<Vec<Region>>,
    /// `recording_truncated`, `decode_errors`, …
    pub warnings: Vec<Warning>,
}

/// Decodes the file at `path` into one spool per channel. `name` is the recording's own file name; it counts only for
/// formats without a mark (`.gsm`, `.g722`, `.g726-32`, `.ulaw`, `.sln16`, …). `is_cancelled` is asked many times a second.
///
/// # Errors
/// [`AudioError`], every variant.
pub fn decode(
    path: &Path,
    name: &str,
    options: &DecodeOptions,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Decoded, AudioError> {
    let mut spools = Spools { folder: &options.temp_dir, writers: Vec::new() };
    let streamed = stream(path, name, options, is_cancelled, &mut spools)?;
    let made = spools.writers.into_iter().map(SpoolWriter::finish).collect::<Result<Vec<_>, _>>()?;
    let spools = streamed.order.iter().map(|channel| made[*channel].clone()).collect();
    Ok(Decoded {
        codec: streamed.codec,
        channels: streamed.channels,
        sample_rate_hz: streamed.sample_rate_hz,
        spools,
        duration_ms: samples_to_ms(streamed.samples),
        filled: streamed.filled,
        warnings: streamed.warnings,
    })
}

struct Spools<'a> {
    folder: &'a Path,
    writers: Vec<SpoolWriter>,
}

impl Sink for Spools<'_> {
    fn open(&mut self, channels: u16) -> Result<(), AudioError> {
        while self.writers.len() < usize::from(channels) {
            self.writers.push(SpoolWriter::create(self.folder)?);
        }
        Ok(())
    }

    fn push(&mut self, channel: usize, samples: &[f32]) -> Result<(), AudioError> {
        self.writers[channel].push(samples)
    }

    fn push_pcm16(&mut self, channel: usize, samples: &[i16]) -> Result<(), AudioError> {
        self.writers[channel].push_pcm16(samples)
    }
}
