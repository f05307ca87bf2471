//! From stretches of speech to clips: edges where it is quiet, nothing longer than the limit, neighbours packed.

use earmark_core::{Clip, ClipKey, Region, ms_to_samples};

use super::options::SegmentOptions;
use crate::AudioError;

/// Where a stretch of sound is quietest: a place in it, its ends included.
pub(super) type Quietest<'a> = dyn FnMut(Region) -> Result<u64, AudioError> + 'a;

/// The clips of a channel of `samples` samples whose speech is `speech` (in order, disjoint).
///
/// Their regions are in order and disjoint and hold every sample of speech; no clip is longer than the options allow.
///
/// # Errors
/// What `quietest` fails with.
pub(super) fn clips(
    channel: u16,
    speech: &[Region],
    samples: u64,
    options: &SegmentOptions,
    quietest: &mut Quietest<'_>,
) -> Result<Vec<Clip>, AudioError> {
    let mut pieces = Vec::new();
    for piece in edges(speech, samples, options, quietest)? {
        split(piece, options, quietest, &mut pieces)?;
    }
    let clips = pack(&pieces, options).into_iter().enumerate();
    Ok(clips
        .map(|(index, regions)| Clip {
            key: ClipKey { channel, index: u32::try_from(index).unwrap_or(u32::MAX) },
            regions,
        })
        .collect())
}

/// Every stretch with the quiet around it: up to the quietest point of a short pause, which it shares with its
/// neighbour, or to the quietest point of the padding in a long one.
fn edges(
    speech: &[Region],
    samples: u64,
    options: &SegmentOptions,
    quietest: &mut Quietest<'_>,
) -> Result<Vec<Region>, AudioError> {
    let (least, most) =
        (ms_to_samples(options.min_padding_ms), ms_to_samples(options.max_padding_ms.max(options.min_padding_ms)));
    let bridged = ms_to_samples(options.bridge_ms).max(2 * most);
    let mut pieces: Vec<Region> = Vec::with_capacity(speech.len());
    for (i, stretch) in speech.iter().enumerate() {
        let before = i.checked_sub(1).map(|i| speech[i].end);
        let start = match pieces.last() {
            Some(left) if stretch.start - before.unwrap_or(0) <= bridged => left.end,
            _ => {
                let room = stretch.start - before.unwrap_or(0).min(stretch.start);
                quietest(Region { start: stretch.start - most.min(room), end: stretch.start - least.min(room) })?
            }
        };
        let after = speech.get(i + 1).map(|next| next.start);
        let end = match after {
            // The middle of the pause keeps clear of the words on both sides.
            Some(next) if next - stretch.end <= bridged => {
                let margin = least.min((next - stretch.end) / 3);
                quietest(Region { start: stretch.end + margin, end: next - margin })?
            }
            _ => {
                let room = after.unwrap_or(samples).max(stretch.end) - stretch.end;
                quietest(Region { start: stretch.end + least.min(room), end: stretch.end + most.min(room) })?
            }
        };
        pieces.push(Region { start, end });
    }
    Ok(pieces)
}

/// Cuts a piece longer than the limit at the quietest point of the last seconds before the limit, again and again.
fn split(
    mut piece: Region,
    options: &SegmentOptions,
    quietest: &mut Quietest<'_>,
    pieces: &mut Vec<Region>,
) -> Result<(), AudioError> {
    let limit = ms_to_samples(options.max_clip_ms).max(1);
    // At least half a clip stays, else a cut could make no progress.
    let search = ms_to_samples(options.cut_search_ms).min(limit / 2);
    while piece.samples() > limit {
        let last = piece.start + limit;
        let at = quietest(Region { start: last - search, end: last })?;
        pieces.push(Region { start: piece.start, end: at });
        piece.start = at;
    }
    pieces.push(piece);
    Ok(())
}

/// Neighbouring pieces together up to the length asked for; when the next one does not fit, the clip ends at the
/// longest pause of its last seconds.
fn pack(pieces: &[Region], options: &SegmentOptions) -> Vec<Vec<Region>> {
    let most = ms_to_samples(options.pack_to_ms.min(options.max_clip_ms));
    let widest_gap = ms_to_samples(options.max_gap_ms);
    let search = ms_to_samples(options.cut_search_ms).min(most / 2);
    let mut packed = Vec::new();
    let mut first = 0;
    while first < pieces.len() {
        let mut length = pieces[first].samples();
        let mut next = first + 1;
        while next < pieces.len()
            && pieces[next].start - pieces[next - 1].end <= widest_gap
            && length + pieces[next].samples() <= most
        {
            length += pieces[next].samples();
            next += 1;
        }
        let is_full = next < pieces.len() && pieces[next].start - pieces[next - 1].end <= widest_gap;
        if is_full {
            next = longest_pause(pieces, first, next, search);
        }
        packed.push(joined(&pieces[first..next]));
        first = next;
    }
    packed
}

/// The piece, after `first` and not after `next`, before which the pause is longest among those within `search`
/// samples of sound of the end; the later of equals.
fn longest_pause(pieces: &[Region], first: usize, next: usize, search: u64) -> usize {
    let pause = |piece: usize| pieces[piece].start - pieces[piece - 1].end;
    let mut best = next;
    let mut given_up = 0;
    for piece in (first + 1..next).rev() {
        given_up += pieces[piece].samples();
        if given_up > search {
            break;
        }
        if pause(piece) > pause(best) {
            best = piece;
        }
    }
    best
}

/// Pieces that touch made one.
fn joined(pieces: &[Region]) -> Vec<Region> {
    let mut regions: Vec<Region> = Vec::new();
    for piece in pieces {
        match regions.last_mut() {
            Some(last) if last.end == piece.start => last.end = piece.end,
            _ => regions.push(*piece),
        }
    }
    regions
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Stretches from (pause, length) pairs, in samples.
    fn stretches(pairs: &[(u64, u64)]) -> (Vec<Region>, u64) {
        let mut at = 0;
        let speech = pairs
            .iter()
            .map(|(pause, length)| {
                let start = at + pause;
                at = start + length;
                Region { start, end: at }
            })
            .collect();
        (speech, at)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn joined_again_the_clips_hold_all_speech_once_and_none_is_too_long(
            pairs in prop::collection::vec((1_u64..200_000, 1_u64..900_000), 0..40),
            tail in 0_u64..20_000,
            max_clip_ms in 1_000_u64..30_000,
            pack_to_ms in 0_u64..40_000,
            max_gap_ms in 0_u64..20_000,
            bridge_ms in 0_u64..2_000,
            place in 0_u64..=100,
        ) {
            let (speech, end) = stretches(&pairs);
            let samples = end + tail;
            let options = SegmentOptions { max_clip_ms, pack_to_ms, max_gap_ms, bridge_ms, ..SegmentOptions::default() };
            let mut quietest = |region: Region| {
                assert!(region.start <= region.end && region.end <= samples);
                Ok(region.start + region.samples() * place / 100)
            };
            let clips = clips(3, &speech, samples, &options, &mut quietest).unwrap();

            let regions: Vec<Region> = clips.iter().flat_map(|clip| clip.regions.clone()).collect();
            prop_assert!(regions.iter().all(|region| region.start < region.end && region.end <= samples));
            prop_assert!(regions.windows(2).all(|pair| pair[0].end <= pair[1].start));
            for clip in &clips {
                prop_assert!(!clip.regions.is_empty());
                prop_assert!(clip.samples() <= ms_to_samples(max_clip_ms));
            }
            for (index, clip) in clips.iter().enumerate() {
                prop_assert_eq!(clip.key, ClipKey { channel: 3, index: u32::try_from(index).unwrap() });
            }
            for stretch in &speech {
                let held: u64 = regions.iter().map(|region| region.end.min(stretch.end).saturating_sub(region.start.max(stretch.start))).sum();
                prop_assert_eq!(held, stretch.samples());
            }
        }
    }

    #[test]
    fn a_full_clip_ends_at_the_longest_pause_of_its_last_seconds() {
        let second = 16_000;
        let options = SegmentOptions {
            max_clip_ms: 10_000,
            pack_to_ms: 10_000,
            cut_search_ms: 4_000,
            bridge_ms: 0,
            min_padding_ms: 0,
            max_padding_ms: 0,
            max_gap_ms: 60_000,
            ..SegmentOptions::default()
        };
        // Two seconds of speech each, after pauses of these lengths.
        let (speech, samples) = stretches(&[1, 2, 1, 3, 1, 2, 1].map(|pause| (pause * second, 2 * second)));
        let clips = clips(0, &speech, samples, &options, &mut |region: Region| Ok(region.start)).unwrap();
        let counts: Vec<usize> = clips.iter().map(|clip| clip.regions.len()).collect();
        assert_eq!(counts, [3, 4], "the pause of three seconds parts them, not the limit of five stretches");
    }

    #[test]
    fn a_wide_gap_and_a_short_aim_part_clips() {
        let second = 16_000;
        let (speech, samples) =
            stretches(&[(second, second), (2 * second, second), (9 * second, second), (2 * second, second)]);
        for (max_gap_ms, pack_to_ms, expected) in
            [(60_000, 28_000, vec![4]), (5_000, 28_000, vec![2, 2]), (60_000, 0, vec![1, 1, 1, 1])]
        {
            let options = SegmentOptions { max_gap_ms, pack_to_ms, ..SegmentOptions::default() };
            let clips = clips(0, &speech, samples, &options, &mut |region: Region| Ok(region.start)).unwrap();
            assert_eq!(clips.iter().map(|clip| clip.regions.len()).collect::<Vec<_>>(), expected);
        }
    }
}
