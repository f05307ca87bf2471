//! Where all ways of decoding meet: limits, resampling, counting, warnings.
//!
//! A strand is one track's way to its channels; most recordings have one. It takes frames at the track's own rate and gives
//! 16 kHz; rate and channels may change on the way. What is silence for want of sound is noted.

use std::time::{Duration, Instant};

use earmark_core::{Region, SAMPLE_RATE_HZ, Span, Warning, minutes_seconds, samples_to_ms};

use super::options::{MAX_CHANNELS, SAMPLE_RATES_HZ};
use super::resample::{Block, ChannelResampler};
use super::sink::{Sink, Streamed};
use crate::AudioError;
use crate::wide::wide;

/// Shorter than declared by less than this is no truncation, ms: containers round, encoders pad.
const SLACK_MS: u64 = 100;

/// Warnings of one kind, and stretches that one of them names.
const MOST_SAID: usize = 10;
const MOST_SPANS: usize = 100;

/// Frames of silence handed on at once.
const SILENCE: usize = 4096;

/// What ends a decoding early.
pub(super) struct Watch<'a> {
    pub(super) started: Instant,
    pub(super) limit: Duration,
    pub(super) max_duration_ms: u64,
    pub(super) is_cancelled: &'a dyn Fn() -> bool,
}

/// Takes frames at the recording's own rates and gives 16 kHz to the sink.
pub(super) struct Output<'a> {
    sink: &'a mut dyn Sink,
    watch: Watch<'a>,
    strands: Vec<Strand>,
    /// As the sink numbers them.
    channels: Vec<Channel>,
    warnings: Vec<Warning>,
}

/// One track's way to its channels.
struct Strand {
    /// Its channels, as the sink numbers them; those beyond the resamplers are silent at present.
    channels: Vec<usize>,
    /// One for each channel that sounds.
    resamplers: Vec<ChannelResampler>,
    rate_hz: u32,
    /// Samples at 16 kHz before the present rate began.
    base: u64,
    /// Frames at the present rate.
    frames: u64,
    /// Samples given at the present rate.
    given: u64,
    /// How many of its channels sound.
    sounding: usize,
}

/// What a channel has been given.
#[derive(Default)]
struct Channel {
    samples: u64,
    filled: Vec<Region>,
}

impl Strand {
    fn new() -> Self {
        Self { channels: Vec::new(), resamplers: Vec::new(), rate_hz: 0, base: 0, frames: 0, given: 0, sounding: 0 }
    }

    /// Samples at 16 kHz that its frames are.
    fn samples(&self) -> u64 {
        match self.rate_hz {
            0 => self.base,
            rate_hz => self.base + (self.frames * u64::from(SAMPLE_RATE_HZ)).div_ceil(u64::from(rate_hz)),
        }
    }
}

impl<'a> Output<'a> {
    pub(super) fn new(sink: &'a mut dyn Sink, watch: Watch<'a>) -> Self {
        Self { sink, watch, strands: vec![Strand::new()], channels: Vec::new(), warnings: Vec::new() }
    }

    /// Says what comes: `channels` at `rate_hz`. Said again when either changes.
    pub(super) fn open(&mut self, channels: usize, rate_hz: u32) -> Result<(), AudioError> {
        self.open_strand(0, channels, rate_hz)
    }

    /// The same for strand `number`; strands that were not there yet are.
    pub(super) fn open_strand(&mut self, number: usize, channels: usize, rate_hz: u32) -> Result<(), AudioError> {
        check_declared(wide(channels), rate_hz)?;
        while self.strands.len() <= number {
            self.strands.push(Strand::new());
        }
        self.settle(number)?;
        let at = self.strands[number].base;
        if at > 0 && self.strands[number].sounding != channels {
            self.warn_of_width(number, channels, at);
        }
        self.strands[number].sounding = channels;
        let missing = channels.saturating_sub(self.strands[number].channels.len());
        for _ in 0..missing {
            let channel = self.add_channel()?;
            self.fill_channel(channel, at)?;
            self.strands[number].channels.push(channel);
        }
        let strand = &mut self.strands[number];
        strand.rate_hz = rate_hz;
        strand.resamplers = (0..channels).map(|_| ChannelResampler::from_rate(rate_hz)).collect::<Result<_, _>>()?;
        Ok(())
    }

    /// Frames of the strand so far, at its present rate; 0 before it is open.
    pub(super) fn position(&self, strand: usize) -> u64 {
        self.strands
            .get(strand)
            .map_or(0, |strand| strand.base * u64::from(strand.rate_hz) / u64::from(SAMPLE_RATE_HZ) + strand.frames)
    }

    /// Frames kept so far on the first strand, at its present rate.
    pub(super) fn frames(&self) -> u64 {
        self.position(0)
    }

    /// The rate of the first strand's frames, in Hz; 0 before [`open`](Self::open).
    pub(super) fn rate_hz(&self) -> u32 {
        self.strands[0].rate_hz
    }

    /// How many channels sound on a strand at present; 0 before it is open.
    pub(super) fn channels_of(&self, strand: usize) -> usize {
        self.strands.get(strand).map_or(0, |strand| strand.resamplers.len())
    }

    /// The rate of a strand's frames at present, in Hz; 0 before it is open.
    pub(super) fn rate_of(&self, strand: usize) -> u32 {
        self.strands.get(strand).map_or(0, |strand| strand.rate_hz)
    }

    /// How many channels a strand has had.
    pub(super) fn width(&self, strand: usize) -> usize {
        self.strands.get(strand).map_or(0, |strand| strand.channels.len())
    }

    pub(super) fn warn(&mut self, code: &str, detail: String) {
        self.warn_within(code, detail, Vec::new());
    }

    /// How many channels all strands have together.
    pub(super) fn channels(&self) -> usize {
        self.channels.len()
    }

    /// Whether a strand may have `frames` more at its present rate and is no longer than recordings may be.
    pub(super) fn has_room(&self, strand: usize, frames: u64) -> bool {
        let rate_hz = u64::from(self.rate_of(strand).max(1));
        self.strand_ms(strand).saturating_add((frames / rate_hz).saturating_mul(1000)) <= self.watch.max_duration_ms
    }

    /// As [`warn`](Self::warn), about these stretches. What a file gives cause to say again and again is said so often, and
    /// then only counted by its places.
    pub(super) fn warn_within(&mut self, code: &str, detail: String, spans: Vec<Span>) {
        let mut said = self.warnings.iter_mut().filter(|warning| warning.code == code);
        match said.nth(MOST_SAID - 1) {
            Some(last) if last.spans.len() < MOST_SPANS => last.spans.extend(spans),
            Some(_) => {}
            None => self.warnings.push(Warning::new(code, detail).within(spans)),
        }
    }

    /// Takes one plane per channel, all of one length.
    pub(super) fn push(&mut self, planes: &[Vec<f32>]) -> Result<(), AudioError> {
        self.push_strand(0, planes, 0..planes[0].len())
    }

    /// Takes a part of one plane per channel of a strand.
    pub(super) fn push_strand(
        &mut self,
        strand: usize,
        planes: &[Vec<f32>],
        part: std::ops::Range<usize>,
    ) -> Result<(), AudioError> {
        self.check()?;
        for (place, plane) in planes.iter().enumerate() {
            self.give(strand, place, Block::Float(&plane[part.clone()]))?;
        }
        self.strands[strand].frames += wide(part.len());
        Ok(())
    }

    /// As [`push`](Self::push), for sound that has 16 bits from the start.
    pub(super) fn push_pcm16(&mut self, planes: &[Vec<i16>]) -> Result<(), AudioError> {
        self.check()?;
        for (place, plane) in planes.iter().enumerate() {
            self.give(0, place, Block::Pcm16(plane))?;
        }
        self.strands[0].frames += wide(planes[0].len());
        Ok(())
    }

    /// Keeps the time where sound is missing.
    pub(super) fn push_silence(&mut self, frames: u64) -> Result<(), AudioError> {
        self.push_silence_strand(0, frames)
    }

    /// The same on a strand.
    pub(super) fn push_silence_strand(&mut self, number: usize, mut frames: u64) -> Result<(), AudioError> {
        if frames == 0 {
            return Ok(());
        }
        let silence = [0; SILENCE];
        let start = self.strands[number].samples();
        // What a clock claims is not written first and refused then.
        if !self.has_room(number, frames) {
            return Err(AudioError::TooLong { limit_ms: self.watch.max_duration_ms });
        }
        while frames > 0 {
            self.check()?;
            let some = usize::try_from(frames).unwrap_or(SILENCE).min(SILENCE);
            for place in 0..self.strands[number].resamplers.len() {
                self.give(number, place, Block::Pcm16(&silence[..some]))?;
            }
            self.strands[number].frames += wide(some);
            frames -= wide(some);
        }
        let strand = &self.strands[number];
        let filled = Region { start, end: strand.samples() };
        for channel in &strand.channels[..strand.resamplers.len()] {
            note(&mut self.channels[*channel].filled, filled);
        }
        Ok(())
    }

    /// Says that a clock jumped where a strand is now; `leap` is whose, and how: `track 1 leaps back by 7 s`.
    pub(super) fn warn_of_leap(&mut self, strand: usize, leap: &str) {
        let at_ms = self.strand_ms(strand);
        let detail = format!(
            "the clock of {leap} at {}: what follows is placed right behind what came before",
            minutes_seconds(at_ms)
        );
        self.warn_within("clock_leap", detail, vec![Span { start_ms: at_ms, end_ms: at_ms }]);
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

    /// How much sound there is, in ms: of the longest strand.
    pub(super) fn reached_ms(&self) -> u64 {
        samples_to_ms(self.strands.iter().map(Strand::samples).max().unwrap_or(0))
    }

    /// How far strand `number` is, in ms.
    pub(super) fn strand_ms(&self, number: usize) -> u64 {
        self.strands.get(number).map_or(0, |strand| samples_to_ms(strand.samples()))
    }

    /// Brings every strand to the length of the longest: what follows begins there on all of them.
    pub(super) fn level(&mut self) -> Result<(), AudioError> {
        let longest = self.strands.iter().map(Strand::samples).max().unwrap_or(0);
        for number in 0..self.strands.len() {
            self.settle(number)?;
            let strand = &mut self.strands[number];
            strand.base = longest;
            for channel in self.strands[number].channels.clone() {
                self.fill_channel(channel, longest)?;
            }
        }
        Ok(())
    }

    /// Warns where a strand is shorter than its container says; `declared_ms` is what that says.
    pub(super) fn compare(&mut self, strand: usize, format: &str, declared_ms: u64) {
        let reached_ms = self.strand_ms(strand);
        if declared_ms > reached_ms + SLACK_MS {
            let detail =
                format!("the {format} file declares {declared_ms} ms of audio, {reached_ms} ms could be decoded");
            self.warn_within(
                "recording_truncated",
                detail,
                vec![Span {
                    start_ms: reached_ms,
                    end_ms: declared_ms.min(self.watch.max_duration_ms.max(reached_ms)),
                }],
            );
        }
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
        if self.strands.iter().all(|strand| strand.samples() == 0) {
            let what = match declared {
                Some(frames) if frames > 0 => format!("its header promises {frames} frames, none of them is there"),
                _ => "it ends after its header".into(),
            };
            return Err(AudioError::NoSamples { format, what });
        }
        if let Some(frames) = declared
            && self.rate_hz() > 0
        {
            self.compare(0, &format, frames.saturating_mul(1000) / u64::from(self.rate_hz()));
        }
        self.level()?;
        // The first strand's channels come first, whichever strand sounded first.
        let order: Vec<usize> = self.strands.iter().flat_map(|strand| strand.channels.iter().copied()).collect();
        let samples = self.strands[0].base;
        Ok(Streamed {
            codec,
            channels: u16::try_from(order.len()).expect("checked against MAX_CHANNELS"),
            sample_rate_hz: rate_hz,
            samples,
            filled: order.iter().map(|channel| std::mem::take(&mut self.channels[*channel].filled)).collect(),
            order,
            warnings: std::mem::take(&mut self.warnings),
        })
    }

    /// Says that the number of channels changes: who speaks where there are fewer cannot be told.
    fn warn_of_width(&mut self, strand: usize, channels: usize, at: u64) {
        let at_ms = samples_to_ms(at);
        let detail = format!(
            "the recording goes on with {channels} channels instead of {} at {}: where there are fewer the others are silent, and who speaks on the first is not known",
            self.strands[strand].sounding,
            minutes_seconds(at_ms)
        );
        self.warn_within("channels_changed", detail, vec![Span { start_ms: at_ms, end_ms: at_ms }]);
    }

    fn add_channel(&mut self) -> Result<usize, AudioError> {
        check_declared(wide(self.channels.len()) + 1, SAMPLE_RATE_HZ)?;
        self.channels.push(Channel::default());
        self.sink.open(u16::try_from(self.channels.len()).expect("checked against MAX_CHANNELS"))?;
        Ok(self.channels.len() - 1)
    }

    /// Silence on `channel` until it has `until` samples.
    fn fill_channel(&mut self, channel: usize, until: u64) -> Result<(), AudioError> {
        let silence = [0; SILENCE];
        let start = self.channels[channel].samples;
        while self.channels[channel].samples < until {
            let missing = usize::try_from(until - self.channels[channel].samples).unwrap_or(SILENCE).min(SILENCE);
            self.sink.push_pcm16(channel, &silence[..missing])?;
            self.channels[channel].samples += wide(missing);
        }
        if start < until {
            note(&mut self.channels[channel].filled, Region { start, end: until });
        }
        Ok(())
    }

    fn give(&mut self, strand: usize, place: usize, block: Block<'_>) -> Result<(), AudioError> {
        let strand = &mut self.strands[strand];
        let channel = strand.channels[place];
        let block = strand.resamplers[place].push(block)?;
        hand_on(self.sink, channel, &block)?;
        self.channels[channel].samples += wide(block.len());
        if place == 0 {
            strand.given += wide(block.len());
        }
        Ok(())
    }

    /// Ends what a strand has at its present rate: drains the resamplers until every channel has all its samples.
    fn settle(&mut self, number: usize) -> Result<(), AudioError> {
        let strand = &mut self.strands[number];
        let until = strand.samples();
        let wanted = until - strand.base;
        for (place, resampler) in strand.resamplers.iter_mut().enumerate() {
            let channel = strand.channels[place];
            let mut given = strand.given;
            while given < wanted {
                let block = resampler.drain()?.cut(usize::try_from(wanted - given).unwrap_or(usize::MAX));
                given += wide(block.len());
                hand_on(self.sink, channel, &block)?;
                self.channels[channel].samples += wide(block.len());
            }
        }
        strand.resamplers.clear();
        (strand.base, strand.frames, strand.given) = (until, 0, 0);
        for channel in strand.channels.clone() {
            self.fill_channel(channel, until)?;
        }
        Ok(())
    }
}

/// Adds `region` to those noted, as one with the last where they touch.
fn note(regions: &mut Vec<Region>, region: Region) {
    match regions.last_mut() {
        _ if region.start >= region.end => {}
        Some(last) if last.end >= region.start => last.end = region.end,
        _ => regions.push(region),
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
