//! The ledger of a recording's time: every second that was decoded was heard, judged silent, or filled.

use serde::{Deserialize, Serialize};

use crate::{Region, Span, samples_to_ms};

/// Where the time of a recording went, all channels together: `decoded_ms` is the sum of the three below it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounting {
    /// Length of all channels.
    pub decoded_ms: u64,
    /// Taken to the recogniser.
    pub heard_ms: u64,
    /// Judged to hold no speech of the channel's own: silence, noise, tones, or what another channel carries too.
    pub silent_ms: u64,
    /// Silence for want of sound: no packets, none that could be decoded, a track that begins later or ends earlier.
    pub filled_ms: u64,
    /// Of `silent_ms`: speech that another channel carries too, and that is left to it.
    pub left_ms: u64,
    /// The same by channel.
    pub channels: Vec<ChannelAccounting>,
}

/// Where the time of one channel went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelAccounting {
    /// From 0.
    pub channel: u16,
    /// Its length.
    pub decoded_ms: u64,
    /// Taken to the recogniser.
    pub heard_ms: u64,
    /// Judged to hold no speech of its own.
    pub silent_ms: u64,
    /// Silence for want of sound.
    pub filled_ms: u64,
    /// Of `silent_ms`: speech that is left to another channel.
    pub left_ms: u64,
    /// Where there is silence for want of sound, in order; what of it lies at the edge of a clip was heard all the same.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub filled: Vec<Span>,
}

impl Accounting {
    /// The sum of `channels`.
    pub fn of(channels: Vec<ChannelAccounting>) -> Self {
        let sum = |part: fn(&ChannelAccounting) -> u64| channels.iter().map(part).sum();
        Self {
            decoded_ms: sum(|channel| channel.decoded_ms),
            heard_ms: sum(|channel| channel.heard_ms),
            silent_ms: sum(|channel| channel.silent_ms),
            filled_ms: sum(|channel| channel.filled_ms),
            left_ms: sum(|channel| channel.left_ms),
            channels,
        }
    }
}

impl ChannelAccounting {
    /// Of a channel of `samples`, of which the stretches `heard` were taken to the recogniser and `filled` hold no sound,
    /// both in any order; `left_ms` of its speech is left to another channel.
    pub fn of(channel: u16, samples: u64, heard: &[Region], filled: &[Region], left_ms: u64) -> Self {
        let heard = union(heard, samples);
        let silence = union(filled, samples);
        let either = union(&[heard.as_slice(), silence.as_slice()].concat(), samples);
        let (heard_samples, either_samples) = (total(&heard), total(&either));
        // Rounded at the seams, not one by one: the parts are together as long as the whole.
        let (heard_ms, touched_ms, decoded_ms) =
            (samples_to_ms(heard_samples), samples_to_ms(either_samples), samples_to_ms(samples));
        let silent_ms = decoded_ms - touched_ms;
        Self {
            channel,
            decoded_ms,
            heard_ms,
            silent_ms,
            filled_ms: touched_ms - heard_ms,
            left_ms: left_ms.min(silent_ms),
            filled: silence
                .iter()
                .map(|region| Span { start_ms: samples_to_ms(region.start), end_ms: samples_to_ms(region.end) })
                .collect(),
        }
    }
}

fn total(regions: &[Region]) -> u64 {
    regions.iter().map(Region::samples).sum()
}

/// `regions` in order and apart, within `samples`.
fn union(regions: &[Region], samples: u64) -> Vec<Region> {
    let mut sorted: Vec<Region> = regions
        .iter()
        .map(|region| Region { start: region.start.min(samples), end: region.end.min(samples) })
        .filter(|region| region.start < region.end)
        .collect();
    sorted.sort_by_key(|region| region.start);
    let mut joined: Vec<Region> = Vec::with_capacity(sorted.len());
    for region in sorted {
        match joined.last_mut() {
            Some(last) if last.end >= region.start => last.end = last.end.max(region.end),
            _ => joined.push(region),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_heard_silent_or_filled_and_only_one_of_them() {
        let second = |from: u64, to: u64| Region { start: from * 16_000, end: to * 16_000 };
        // Length in s, heard, filled; then heard, silent and filled in s.
        type Case<'a> = (u64, &'a [Region], &'a [Region], [u64; 3]);
        let cases: [Case<'_>; 7] = [
            (10, &[], &[], [0, 10, 0]),
            (10, &[second(2, 4)], &[], [2, 8, 0]),
            (10, &[second(0, 10)], &[], [10, 0, 0]),
            (10, &[second(2, 4)], &[second(6, 9)], [2, 5, 3]),
            (10, &[second(2, 4), second(3, 5)], &[second(4, 7)], [3, 5, 2]),
            (10, &[second(8, 12)], &[second(11, 20)], [2, 8, 0]),
            (10, &[second(5, 6), second(1, 2)], &[second(0, 10)], [2, 0, 8]),
        ];
        for (length, heard, filled, expected) in cases {
            let told = ChannelAccounting::of(0, length * 16_000, heard, filled, 0);
            assert_eq!(
                [told.heard_ms, told.silent_ms, told.filled_ms],
                expected.map(|seconds| seconds * 1000),
                "{heard:?} {filled:?}"
            );
            assert_eq!(told.decoded_ms, length * 1000);
        }
    }

    #[test]
    fn rounding_loses_no_millisecond() {
        for samples in [1, 7, 8, 23, 24, 12_345, 160_001] {
            let third = samples / 3;
            let heard = [Region { start: 0, end: third }];
            let filled = [Region { start: third, end: 2 * third }];
            let told = ChannelAccounting::of(0, samples, &heard, &filled, 0);
            assert_eq!(told.decoded_ms, told.heard_ms + told.silent_ms + told.filled_ms, "{samples}");
        }
    }
}
