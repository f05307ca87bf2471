//! Any container, streaming, channel by channel, to 16 kHz mono.
//!
//! The bytes decide which way a file goes, never its name (but for formats that have no mark of their own):
//! plain PCM, A-law and mu-law through `plain`, what symphonia and libopus know through `packets`, the rest through
//! the ffmpeg program in `ffmpeg`. All of them feed `Output`, which resamples, counts, and keeps the limits.

mod amr;
mod ffmpeg;
mod laws;
mod mp4;
mod mpeg;
mod names;
mod not_audio;
mod ogg;
mod opus;
mod output;
mod packets;
mod plain;
mod resample;
mod sniff;
mod source;
mod upsample;
mod wave;

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use earmark_core::{Warning, samples_to_ms};

use crate::{AudioError, Spool, SpoolWriter};
use output::{Output, Watch};
use sniff::Route;

/// More channels than this are refused. A meeting room's array has eight.
pub const MAX_CHANNELS: u64 = 8;

/// Sample rates that are taken, in Hz: from the slowest dictation machine to the fastest sound card.
pub const SAMPLE_RATES_HZ: std::ops::RangeInclusive<u32> = 4_000..=384_000;

/// What bounds a decoding.
#[derive(Debug, Clone)]
pub struct DecodeOptions {
    /// Where the spools go; it must exist.
    pub temp_dir: PathBuf,
    /// The longest recording taken.
    pub max_duration_ms: u64,
    /// How long decoding may take, wall clock.
    pub deadline: Duration,
    /// How much memory the ffmpeg child may allocate, and the largest index of a container read in process.
    pub memory_bytes: u64,
    /// The ffmpeg program; none where it is not installed.
    pub ffmpeg: Option<PathBuf>,
}

/// A recording on disk as 16 kHz samples.
#[derive(Debug)]
pub struct Decoded {
    /// `pcm_alaw`, `mp3`, `opus`, …: the names ffmpeg uses.
    pub codec: String,
    /// How many channels, 1 to [`MAX_CHANNELS`].
    pub channels: u16,
    /// Before resampling.
    pub sample_rate_hz: u32,
    /// One per channel, all of one length.
    pub spools: Vec<Spool>,
    /// Of the audio that could be decoded.
    pub duration_ms: u64,
    /// `recording_truncated`, `decode_errors`, …
    pub warnings: Vec<Warning>,
}

/// Facts of a recording that went to a [`Sink`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Streamed {
    /// `pcm_alaw`, `mp3`, `opus`, …: the names ffmpeg uses.
    pub codec: String,
    /// How many channels.
    pub channels: u16,
    /// Before resampling.
    pub sample_rate_hz: u32,
    /// Samples given per channel, at 16 kHz.
    pub samples: u64,
    /// `recording_truncated`, `decode_errors`, …
    pub warnings: Vec<Warning>,
}

/// Where decoded samples go: mono, 16 kHz, a block at a time, all channels in step within a block.
pub trait Sink {
    /// Called once, before any samples, with 1 to [`MAX_CHANNELS`].
    ///
    /// # Errors
    /// The sink's own; decoding ends with it.
    fn open(&mut self, channels: u16) -> Result<(), AudioError>;

    /// Takes a block of `channel`, samples between -1 and 1 (beyond where the recording itself clips).
    ///
    /// # Errors
    /// The sink's own; decoding ends with it.
    fn push(&mut self, channel: usize, samples: &[f32]) -> Result<(), AudioError>;

    /// The same for sound that has 16 bits from the start. Telephone formats come this way, with no detour over floats.
    ///
    /// # Errors
    /// The sink's own; decoding ends with it.
    fn push_pcm16(&mut self, channel: usize, samples: &[i16]) -> Result<(), AudioError> {
        let samples: Vec<f32> = samples.iter().map(|sample| f32::from(*sample) / 32768.0).collect();
        self.push(channel, &samples)
    }
}

/// Decodes the file at `path` into one spool per channel. `name` is the recording's own file name; it counts only for
/// formats without a mark (`.gsm`, `.g722`, `.g726`, `.ulaw`, `.alaw`). `is_cancelled` is asked many times a second.
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
    let spools = spools.writers.into_iter().map(SpoolWriter::finish).collect::<Result<Vec<_>, _>>()?;
    Ok(Decoded {
        codec: streamed.codec,
        channels: streamed.channels,
        sample_rate_hz: streamed.sample_rate_hz,
        spools,
        duration_ms: samples_to_ms(streamed.samples),
        warnings: streamed.warnings,
    })
}

/// As [`decode`], but hands the samples to `sink` as they come.
///
/// # Errors
/// [`AudioError`], every variant, and whatever `sink` returns.
pub fn stream(
    path: &Path,
    name: &str,
    options: &DecodeOptions,
    is_cancelled: &dyn Fn() -> bool,
    sink: &mut dyn Sink,
) -> Result<Streamed, AudioError> {
    // A decoder that panics leaves its own state broken, nothing of ours: the sink is thrown away with the error.
    catch_unwind(AssertUnwindSafe(|| route(path, name, options, is_cancelled, sink)))
        .unwrap_or_else(|panic| Err(AudioError::Panicked { message: panic_message(panic.as_ref()) }))
}

fn route(
    path: &Path,
    name: &str,
    options: &DecodeOptions,
    is_cancelled: &dyn Fn() -> bool,
    sink: &mut dyn Sink,
) -> Result<Streamed, AudioError> {
    let watch = Watch {
        started: Instant::now(),
        limit: options.deadline,
        max_duration_ms: options.max_duration_ms,
        is_cancelled,
    };
    let mut output = Output::new(sink, watch);
    let file = File::open(path).map_err(|source| AudioError::Read { source })?;
    match sniff::sniff(&file, name)? {
        Route::Plain(sound) => plain::decode(file, &sound, &mut output),
        Route::Packets(found) => match packets::decode(&file, &found, options, &mut output)? {
            packets::Outcome::Done(streamed) => Ok(streamed),
            packets::Outcome::Elsewhere(foreign) => ffmpeg::decode(path, &foreign, options, &mut output),
        },
        Route::Ffmpeg(foreign) => ffmpeg::decode(path, &foreign, options, &mut output),
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no message").chars().take(200).collect()
}

struct Spools<'a> {
    folder: &'a Path,
    writers: Vec<SpoolWriter>,
}

impl Sink for Spools<'_> {
    fn open(&mut self, channels: u16) -> Result<(), AudioError> {
        self.writers = (0..channels).map(|_| SpoolWriter::create(self.folder)).collect::<Result<_, _>>()?;
        Ok(())
    }

    fn push(&mut self, channel: usize, samples: &[f32]) -> Result<(), AudioError> {
        self.writers[channel].push(samples)
    }

    fn push_pcm16(&mut self, channel: usize, samples: &[i16]) -> Result<(), AudioError> {
        self.writers[channel].push_pcm16(samples)
    }
}
