//! Where all ways of decoding meet: limits, trimming, resampling, counting, warnings.

use std::time::{Duration, Instant};

use earmark_core::{SAMPLE_RATE_HZ, Warning};

use super::options::{MAX_CHANNELS, SAMPLE_RATES_HZ};
use super::resample::{Block, ChannelResampler};
use super::sink::{Sink, Streamed};
use crate::AudioError;
use crate::wide::wide;

/// Shorter than declared by less than this is no truncation, ms: containers round, encoders pad.
const SLACK_MS: u64 = 100;

/// Frames of silence handed on at once.
const SILENCE: usize = 4096;

/// What ends a decoding early.
pub(super) struct Watch<'a> {
    pub(super) started: Instant,
    pub(super) limit: Duration,
    pub(super) max_duration_ms: u64,
    pub(super) is_cancelled: &'a dyn Fn() -> bool,
}

/// Takes frames at the recording's own rate and gives 16 kHz to the sink.
pub(super) struct Output<'a> {
    sink: &'a mut dyn Sink,
    watch: Watch<'a>,
    resamplers: Vec<ChannelResampler>,
    rate_hz: u32,
    /// Frames still to be dropped from the start.
    skip: u64,
    /// Frames to keep in all, where known.
    keep: u64,
    /// Frames kept so far.
    frames: u64,
    /// Samples given per channel.
    samples: u64,
    warnings: Vec<Warning>,
}

impl<'a> Output<'a> {
    pub(super) fn new(sink: &'a mut dyn Sink, watch: Watch<'a>) -> Self {
        Self {
            sink,
            watch,
            resamplers: Vec::new(),
            rate_hz: 0,
            skip: 0,
            keep: u64::MAX,
            frames: 0,
            samples: 0,
            warnings: Vec::new(),
        }
    }

    /// Says what comes: `channels` at `rate_hz`.
    pub(super) fn open(&mut self, channels: usize, rate_hz: u32) -> Result<(), AudioError> {
        check_declared(wide(channels), rate_hz)?;
        self.rate_hz = rate_hz;
        self.resamplers = (0..channels).map(|_| ChannelResampler::from_rate(rate_hz)).collect::<Result<_, _>>()?;
        self.sink.open(u16::try_from(channels).expect("checked against MAX_CHANNELS"))
    }

    /// Drops the first `skip` frames and all that follow the `keep` after them: what an encoder put around the sound.
    pub(super) fn trim(&mut self, skip: u64, keep: Option<u64>) {
        self.skip = skip;
        self.keep = keep.unwrap_or(u64::MAX);
    }

    /// Frames kept so far.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// The rate of the frames, in Hz; 0 before [`open`](Self::open).
    pub(super) fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// How many channels; 0 before [`open`](Self::open).
    pub(super) fn channels(&self) -> usize {
        self.resamplers.len()
    }

    pub(super) fn warn(&mut self, code: &str, detail: String) {
        self.warnings.push(Warning::new(code, detail));
    }

    /// Takes one plane per channel, all of one length.
    pub(super) fn push(&mut self, planes: &[Vec<f32>]) -> Result<(), AudioError> {
        let range = self.take(planes[0].len())?;
        for (channel, plane) in planes.iter().enumerate() {
            self.give(channel, Block::Float(&plane[range.clone()]))?;
        }
        self.frames += wide(range.len());
        Ok(())
    }

    /// As [`push`](Self::push), for sound that has 16 bits from the start.
    pub(super) fn push_pcm16(&mut self, planes: &[Vec<i16>]) -> Result<(), AudioError> {
        let range = self.take(planes[0].len())?;
        for (channel, plane) in planes.iter().enumerate() {
            self.give(channel, Block::Pcm16(&plane[range.clone()]))?;
        }
        self.frames += wide(range.len());
        Ok(())
    }

    /// Keeps the time where sound is missing.
    pub(super) fn push_silence(&mut self, mut frames: u64) -> Result<(), AudioError> {
        let silence = [0; SILENCE];
        while frames > 0 {
            let some = usize::try_from(frames).unwrap_or(SILENCE).min(SILENCE);
            let range = self.take(some)?;
            for channel in 0..self.resamplers.len() {
                self.give(channel, Block::Pcm16(&silence[range.clone()]))?;
            }
            self.frames += wide(range.len());
            frames -= wide(some);
        }
        Ok(())
    }

    /// Fails when the time is up or nobody wants the result any more.
    pub(super) fn check(&self) -> Result<(), AudioError> {
        let reached_ms = self.reached_ms();
        if (self.watch.is_cancelled)() {
            return Err(AudioError::Cancelled);
        }
        if self.watch.started.elapsed() > self.watch.limit {
            return Err(AudioError::Deadline { limit: self.watch.limit, reached_ms });
        }
        if reached_ms > self.watch.max_duration_ms {
            return Err(AudioError::TooLong { limit_ms: self.watch.max_duration_ms });
        }
        Ok(())
    }

    /// The instant at which the time is up.
    pub(super) fn deadline(&self) -> Instant {
        self.watch.started + self.watch.limit
    }

    /// How much of the time limit is left; zero when it is up.
    pub(super) fn time_left(&self) -> Duration {
        self.watch.limit.saturating_sub(self.watch.started.elapsed())
    }

    /// How much sound there is, in ms.
    pub(super) fn reached_ms(&self) -> u64 {
        if self.rate_hz == 0 { 0 } else { self.frames * 1000 / u64::from(self.rate_hz) }
    }

    /// Gives the rest, compares the length with the `declared` one, in frames. `rate_hz` is what the report says.
    pub(super) fn finish(
        &mut self,
        codec: String,
        rate_hz: u32,
        format: impl Into<String>,
        declared: Option<u64>,
    ) -> Result<Streamed, AudioError> {
        let format = format.into();
        if self.frames == 0 {
            let what = match declared {
                Some(frames) if frames > 0 => format!("its header promises {frames} frames, none of them is there"),
                _ => "it ends after its header".into(),
            };
            return Err(AudioError::NoSamples { format, what });
        }
        let wanted = (self.frames * u64::from(SAMPLE_RATE_HZ)).div_ceil(u64::from(self.rate_hz));
        self.flush(wanted)?;
        let declared_ms = declared.unwrap_or(0).saturating_mul(1000) / u64::from(self.rate_hz);
        let reached_ms = self.reached_ms();
        if declared_ms > reached_ms + SLACK_MS {
            let detail =
                format!("the {format} file declares {declared_ms} ms of audio, {reached_ms} ms could be decoded");
            self.warn("recording_truncated", detail);
        }
        let channels = u16::try_from(self.resamplers.len()).expect("checked against MAX_CHANNELS");
        Ok(Streamed {
            codec,
            channels,
            sample_rate_hz: rate_hz,
            samples: wanted,
            warnings: std::mem::take(&mut self.warnings),
        })
    }

    /// Which part of the next `frames` is kept.
    fn take(&mut self, frames: usize) -> Result<std::ops::Range<usize>, AudioError> {
        self.check()?;
        let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(frames);
        self.skip -= wide(skipped);
        let room = usize::try_from(self.keep.saturating_sub(self.frames)).unwrap_or(usize::MAX);
        Ok(skipped..skipped + room.min(frames - skipped))
    }

    fn give(&mut self, channel: usize, block: Block<'_>) -> Result<(), AudioError> {
        let block = self.resamplers[channel].push(block)?;
        hand_on(self.sink, channel, &block)?;
        if channel == 0 {
            self.samples += wide(block.len());
        }
        Ok(())
    }

    /// Drains the resamplers until every channel has `wanted` samples.
    fn flush(&mut self, wanted: u64) -> Result<(), AudioError> {
        for (channel, resampler) in self.resamplers.iter_mut().enumerate() {
            let mut given = self.samples;
            while given < wanted {
                let block = resampler.drain()?.cut(usize::try_from(wanted - given).unwrap_or(usize::MAX));
                given += wide(block.len());
                hand_on(self.sink, channel, &block)?;
            }
        }
        Ok(())
    }
}

fn hand_on(sink: &mut dyn Sink, channel: usize, block: &Block<'_>) -> Result<(), AudioError> {
    match block {
        Block::Float(samples) => sink.push(channel, samples),
        Block::Pcm16(samples) => sink.push_pcm16(channel, samples),
    }
}

/// Refuses what no recorder writes.
pub(super) fn check_declared(channels: u64, rate_hz: u32) -> Result<(), AudioError> {
    if !(1..=MAX_CHANNELS).contains(&channels) {
        return Err(AudioError::OutOfRange {
            what: "a number of channels of",
            value: channels,
            min: 1,
            max: MAX_CHANNELS,
        });
    }
    if !SAMPLE_RATES_HZ.contains(&rate_hz) {
        let (min, max) = (u64::from(*SAMPLE_RATES_HZ.start()), u64::from(*SAMPLE_RATES_HZ.end()));
        return Err(AudioError::OutOfRange { what: "a sample rate (Hz) of", value: u64::from(rate_hz), min, max });
    }
    Ok(())
}
