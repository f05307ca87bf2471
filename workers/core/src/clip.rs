//! A clip: what one request to a recogniser carries.

use serde::{Deserialize, Serialize};

/// Every decoded sample stream has this rate; GLM-ASR, Whisper and Silero all take it.
pub const SAMPLE_RATE_HZ: u32 = 16_000;

/// The most channels that a recording has, however it comes: more than the largest conference bridges write.
pub const MAX_CHANNELS: u16 = 16;

/// Samples in milliseconds, rounded to the nearest.
pub fn samples_to_ms(samples: u64) -> u64 {
    let rate = u64::from(SAMPLE_RATE_HZ);
    (samples * 1000 + rate / 2) / rate
}

/// Milliseconds in samples.
pub fn ms_to_samples(ms: u64) -> u64 {
    ms * u64::from(SAMPLE_RATE_HZ) / 1000
}

/// A stretch of one channel, in samples from the start of the recording; `end` is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// The first sample that belongs to it.
    pub start: u64,
    /// One past the last sample.
    pub end: u64,
}

impl Region {
    /// How many samples.
    pub fn samples(&self) -> u64 {
        self.end - self.start
    }
}

/// Which clip of a job: stable for the same audio and the same cutting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClipKey {
    /// Channel of the recording, from 0.
    pub channel: u16,
    /// Place within the channel, from 0.
    pub index: u32,
}

/// Neighbouring stretches of speech of one channel that travel in one request, one behind the other with nothing
/// between them. Never empty, in order, not overlapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clip {
    /// Which clip of the job it is.
    pub key: ClipKey,
    /// The stretches it is made of.
    pub regions: Vec<Region>,
}

impl Clip {
    /// Samples of audio in the clip.
    pub fn samples(&self) -> u64 {
        self.regions.iter().map(Region::samples).sum()
    }

    /// Length in milliseconds.
    pub fn duration_ms(&self) -> u64 {
        samples_to_ms(self.samples())
    }

    /// Where a time inside the clip (ms from the clip's start) lies in the recording (ms from its start).
    ///
    /// A time on the seam of two regions belongs to the later one when it `opens` something, to the earlier when it
    /// closes it; times past the end give the end.
    pub fn to_recording_ms(&self, clip_ms: u64, opens: bool) -> u64 {
        let mut at = ms_to_samples(clip_ms);
        let mut last = 0;
        for region in &self.regions {
            let is_inside = if opens { at < region.samples() } else { at <= region.samples() };
            if is_inside {
                return samples_to_ms(region.start + at);
            }
            at -= region.samples();
            last = region.end;
        }
        samples_to_ms(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_inside_a_clip_find_their_place_in_the_recording() {
        let clip = Clip {
            key: ClipKey { channel: 0, index: 0 },
            regions: vec![Region { start: 16_000, end: 32_000 }, Region { start: 160_000, end: 176_000 }],
        };
        assert_eq!(clip.duration_ms(), 2000);
        for (clip_ms, opens, expected) in [
            (0, true, 1000),
            (500, true, 1500),
            (1000, false, 2000),
            (1000, true, 10_000),
            (1500, true, 10_500),
            (9000, false, 11_000),
        ] {
            assert_eq!(clip.to_recording_ms(clip_ms, opens), expected, "{clip_ms} {opens}");
        }
    }
}
