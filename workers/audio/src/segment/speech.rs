//! From a probability for each frame to stretches of speech.

use earmark_core::{Region, ms_to_samples};

use super::SegmentOptions;
use super::network::FRAME;

/// A probability of speech in one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Probability(u8);

impl Probability {
    /// Certainly not.
    pub(super) const ZERO: Self = Self(0);

    /// From 0 to 1.
    pub(super) fn new(probability: f32) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturating, and clamped before")]
        let byte = (probability.clamp(0.0, 1.0) * 255.0).round() as u8;
        Self(byte)
    }
}

/// The stretches of speech in a channel of `samples` samples: each opens at the first frame that reaches
/// `speech_opens`, closes after the last frame before the probability stays below `speech_closes` for `close_ms`, and
/// is at least `min_speech_ms` long. In order, disjoint.
pub(super) fn stretches(probabilities: &[Probability], samples: u64, options: &SegmentOptions) -> Vec<Region> {
    let (opens, closes) = (Probability::new(options.speech_opens), Probability::new(options.speech_closes));
    let patience = frames(options.close_ms);
    let mut found = Vec::new();
    let mut open: Option<(usize, usize)> = None;
    for (frame, probability) in probabilities.iter().enumerate() {
        open = match open {
            None if *probability >= opens => Some((frame, frame + 1)),
            Some((start, _)) if *probability >= closes => Some((start, frame + 1)),
            Some((start, end)) if frame + 1 - end >= patience => {
                found.push((start, end));
                None
            }
            unchanged => unchanged,
        };
    }
    found.extend(open);
    let shortest = ms_to_samples(options.min_speech_ms);
    let region = |(start, end)| Region { start: (start * FRAME) as u64, end: ((end * FRAME) as u64).min(samples) };
    found.into_iter().map(region).filter(|region| region.start < region.end && region.samples() >= shortest).collect()
}

/// Whole frames in a time, at least one.
fn frames(ms: u64) -> usize {
    usize::try_from(ms_to_samples(ms)).unwrap_or(usize::MAX).div_ceil(FRAME).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speech_opens_high_closes_low_and_bridges_what_is_shorter_than_the_patience() {
        // One digit a frame, tenths; opens at 5, closes below 3, patience 3 frames, at least 2 frames long.
        let options = SegmentOptions {
            speech_opens: 0.5,
            speech_closes: 0.3,
            close_ms: 96,
            min_speech_ms: 64,
            ..SegmentOptions::default()
        };
        for (line, expected) in [
            ("0000000", vec![]),
            ("0044440", vec![]),
            ("0054430", vec![(2, 6)]),
            ("0055005500", vec![(2, 8)]),
            ("00550005500", vec![(2, 4), (7, 9)]),
            ("0050000", vec![]),
            ("0000099", vec![(5, 7)]),
            ("99", vec![(0, 2)]),
        ] {
            let probabilities: Vec<Probability> =
                line.bytes().map(|digit| Probability::new(f32::from(digit - b'0') / 10.0)).collect();
            let found = stretches(&probabilities, (line.len() * FRAME) as u64, &options);
            let expected: Vec<Region> = expected
                .into_iter()
                .map(|(start, end): (usize, usize)| Region { start: (start * FRAME) as u64, end: (end * FRAME) as u64 })
                .collect();
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn the_last_frame_ends_with_the_recording() {
        let options = SegmentOptions { min_speech_ms: 0, ..SegmentOptions::default() };
        let found = stretches(&[Probability::new(1.0); 3], 1100, &options);
        assert_eq!(found, [Region { start: 0, end: 1100 }]);
    }
}
