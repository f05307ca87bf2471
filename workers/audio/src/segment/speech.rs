//! From a probability for each frame to stretches of speech.

use earmark_core::{Region, ms_to_samples};

use super::frame::{FRAME, frames_of};
use super::level::{Level, nth_loudest};
use super::options::SegmentOptions;
use crate::wide::wide;

/// How far back the first sound of a stretch is looked for, and how much of the stretch says how loud it is: half a
/// second.
const ONSET_FRAMES: usize = 16;
/// What is less than this much quieter than the stretch's beginning may belong to it, in dB.
const ONSET_DB: f32 = 20.0;

/// A probability of speech in one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Probability(u8);

impl Probability {
    /// Certainly no speech.
    pub(super) const ZERO: Self = Self(0);

    /// From 0 to 1.
    pub(super) fn new(probability: f32) -> Self {
        #[expect(clippy::as_conversions, reason = "saturating, and clamped before")]
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
    let region = |(start, end)| Region { start: wide(start * FRAME), end: wide(end * FRAME).min(samples) };
    found.into_iter().map(region).filter(|region| region.start < region.end && region.samples() >= shortest).collect()
}

/// Each of `stretches` from where its first sound begins: the detector notices speech behind a long silence up to a
/// syllable late. Back over what is as loud as speech, up to half a second, not into the stretch before.
pub(super) fn from_first_sound(mut stretches: Vec<Region>, levels: &[Level]) -> Vec<Region> {
    let mut before = 0;
    for stretch in &mut stretches {
        let frames = frames_of(*stretch);
        let loud = nth_loudest(&levels[frames.start..(frames.start + ONSET_FRAMES).min(frames.end)], 2);
        let is_sound = |frame: &usize| levels[*frame].db() > loud.db() - ONSET_DB;
        let earliest = frames_of(Region { start: before, end: stretch.start })
            .start
            .max(frames.start.saturating_sub(ONSET_FRAMES));
        let sounding = (earliest..frames.start).rev().take_while(is_sound).count();
        // What never becomes quiet is the noise of the place, not the beginning of a word.
        if sounding < frames.start - earliest {
            stretch.start = stretch.start.saturating_sub(wide(sounding * FRAME)).max(before);
        }
        before = stretch.end;
    }
    stretches
}

/// Whole frames in a time, at least one.
fn frames(ms: u64) -> usize {
    usize::try_from(ms_to_samples(ms)).unwrap_or(usize::MAX).div_ceil(FRAME).max(1)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::as_conversions, reason = "small numbers of samples as floats and back")]

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
                .map(|(start, end): (usize, usize)| Region { start: wide(start * FRAME), end: wide(end * FRAME) })
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

    #[test]
    fn a_stretch_begins_with_its_first_sound_where_silence_lies_before_it() {
        // One digit a frame, tens of dB above -100.
        for (line, stretches, expected) in [
            ("333337777777", vec![(7, 12)], vec![(5, 12)]),
            ("333337763777", vec![(9, 12)], vec![(9, 12)]),
            ("777777777777", vec![(7, 12)], vec![(7, 12)]),
            ("337733377777", vec![(2, 4), (8, 12)], vec![(2, 4), (7, 12)]),
            ("337777777777", vec![(2, 6), (8, 12)], vec![(2, 6), (8, 12)]),
        ] {
            let levels: Vec<Level> =
                line.bytes().map(|digit| Level::from_db(f32::from(digit - b'0') * 10.0 - 100.0)).collect();
            let regions = |frames: Vec<(u64, u64)>| -> Vec<Region> {
                let frame = FRAME as u64;
                frames.into_iter().map(|(start, end)| Region { start: start * frame, end: end * frame }).collect()
            };
            assert_eq!(from_first_sound(regions(stretches), &levels), regions(expected), "{line}");
        }
    }
}
