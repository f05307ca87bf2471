//! The first pass: the level of each frame, and where a channel carries another's sound.

use std::cmp::Ordering;

use earmark_core::Region;

use super::channel_correlation::Relation;
use super::frame::FRAME;
use super::level::Level;
use crate::wide::wide;
use crate::{AudioError, Spool};

/// What the first pass finds.
#[derive(Debug)]
pub(super) struct Survey {
    /// For each channel the level of each frame.
    pub levels: Vec<Vec<Level>>,
    /// For each channel whose sound each frame is.
    pub origins: Vec<Vec<Origin>>,
    same: Vec<Option<(usize, f32)>>,
    leaks: Vec<Leak>,
}

/// Whose sound a frame of a channel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The channel's own, as far as one can tell.
    Own,
    /// The sound of this channel, which is louder.
    Copy(u8),
    /// Nobody's: there is next to nothing to hear in it or in the channel it was compared with.
    Quiet,
}

/// One channel's sound in another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leak {
    pub from: usize,
    pub into: usize,
    /// Its level there relative to the original.
    pub db: f32,
    /// How many samples later it is heard, the least and the most.
    pub lags: (i64, i64),
    /// All that is said on the one is heard on the other, at once.
    pub is_whole: bool,
}

impl Survey {
    /// The channel that `channel` repeats, and how much louder it is than that, in dB.
    pub(super) fn same_as(&self, channel: usize) -> Option<(usize, f32)> {
        self.same[channel]
    }

    /// Whether there are several channels and all repeat the first.
    pub(super) fn are_all_same(&self) -> bool {
        self.same.len() > 1 && self.same[1..].iter().all(Option::is_some)
    }

    /// The other channels' sound that is also in `channel`.
    pub(super) fn leaks_into(&self, channel: usize) -> impl Iterator<Item = &Leak> {
        self.leaks.iter().filter(move |leak| leak.into == channel)
    }

    /// The channels that frames of `channel` are taken for the sound of.
    pub(super) fn copied_by(&self, channel: usize) -> impl Iterator<Item = u8> {
        let mut others: Vec<u8> = self.origins[channel]
            .iter()
            .filter_map(|origin| if let Origin::Copy(other) = origin { Some(*other) } else { None })
            .collect();
        others.sort_unstable();
        others.dedup();
        others.into_iter()
    }

    /// Whether `channel` holds all of several others, as the recording of a bridge does beside its participants'.
    pub(super) fn is_mix(&self, channel: usize) -> bool {
        self.leaks_into(channel).filter(|leak| leak.is_whole).count() > 1
    }

    /// Enters whose sound the frames of `channel` are, by a closer look at what comes in over `leaks`.
    pub(super) fn settle(&mut self, channel: usize, origins: Vec<Origin>, leaks: Vec<Leak>) {
        self.origins[channel] = origins;
        self.leaks.retain(|leak| leak.into != channel);
        self.leaks.extend(leaks);
    }

    /// Takes back that frames of `channel` are the sound of `other`: it is the other way round.
    pub(super) fn give_back(&mut self, channel: usize, other: usize) {
        let mark = Origin::Copy(u8::try_from(other).unwrap_or(u8::MAX));
        for origin in self.origins[channel].iter_mut().filter(|origin| **origin == mark) {
            *origin = Origin::Own;
        }
        self.leaks.retain(|leak| (leak.from, leak.into) != (other, channel));
    }
}

/// Frames read at a time.
const BLOCK: usize = 512;

/// Reads every spool once, and the related ones twice.
///
/// # Errors
/// [`AudioError::Spool`], [`AudioError::Cancelled`].
pub(super) fn survey(
    spools: &[Spool],
    relations: &[Relation],
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Survey, AudioError> {
    let frames: Vec<usize> =
        spools.iter().map(|spool| usize::try_from(spool.samples()).unwrap_or(usize::MAX).div_ceil(FRAME)).collect();
    let mut survey = Survey {
        levels: frames.iter().map(|frames| Vec::with_capacity(*frames)).collect(),
        origins: frames.iter().map(|frames| vec![Origin::Own; *frames]).collect(),
        same: vec![None; spools.len()],
        leaks: Vec::new(),
    };
    let mut compared: Vec<Compared> = relations
        .iter()
        .map(|relation| Compared { relation: *relation, likeness: Likeness::default(), leaked: [Mean::default(); 2] })
        .collect();
    let mut samples = Vec::new();
    for first in (0..frames.iter().copied().max().unwrap_or(0)).step_by(BLOCK) {
        if is_cancelled() {
            return Err(AudioError::Cancelled);
        }
        for (spool, levels) in spools.iter().zip(&mut survey.levels) {
            samples.clear();
            spool.read(Region { start: wide(first * FRAME), end: wide((first + BLOCK) * FRAME) }, &mut samples)?;
            levels.extend(samples.chunks(FRAME).map(Level::of));
        }
        for pair in &mut compared {
            pair.block(spools, first, &mut survey.origins)?;
        }
    }
    for pair in compared {
        let Relation { first, second, .. } = pair.relation;
        if let Some(difference_db) = pair.likeness.difference_db() {
            let original = survey.same[first].map_or(first, |(original, _)| original);
            survey.same[second].get_or_insert((original, difference_db));
            // The first channel speaks for both, even where it is the quieter one.
            let second = Origin::Copy(u8::try_from(second).unwrap_or(u8::MAX));
            for origin in survey.origins[first].iter_mut().filter(|origin| **origin == second) {
                *origin = Origin::Own;
            }
            continue;
        }
        for ((from, into), mean) in [(second, first), (first, second)].into_iter().zip(pair.leaked) {
            if let Some(db) = mean.value() {
                let lag = pair.relation.lag.abs();
                survey.leaks.push(Leak { from, into, db, lags: (lag, lag), is_whole: false });
            }
        }
    }
    Ok(survey)
}

/// For each frame whether it is a copy: what most frames around it are that can be told, since a single one says
/// little; in a pause what was heard before it, since the detector takes a while to notice that speech has ended.
pub(super) fn copies(origins: &[Origin]) -> Vec<bool> {
    const REACH: usize = 3;
    let mut is_copy = false;
    let judged = (0..origins.len()).map(|frame| {
        let around = &origins[frame.saturating_sub(REACH)..(frame + REACH + 1).min(origins.len())];
        let copied = around.iter().filter(|origin| matches!(origin, Origin::Copy(_))).count();
        let own = around.iter().filter(|origin| matches!(origin, Origin::Own)).count();
        match copied.cmp(&own) {
            Ordering::Greater => is_copy = true,
            Ordering::Less => is_copy = false,
            Ordering::Equal => {}
        }
        is_copy
    });
    let mut judged: Vec<bool> = judged.collect();
    // Somebody who is heard before and behind it speaks on under so short a copy.
    const BREATH: usize = 10;
    const BESIDE: usize = 6;
    let is_spoken = |frames: std::ops::Range<usize>| {
        2 * origins[frames.clone()].iter().filter(|origin| **origin == Origin::Own).count() > frames.len().max(1)
    };
    let mut start = 0;
    while let Some(at) = (start..judged.len()).find(|frame| judged[*frame]) {
        let end = (at..judged.len()).find(|frame| !judged[*frame]).unwrap_or(judged.len());
        if end - at < BREATH
            && is_spoken(at.saturating_sub(BESIDE)..at)
            && is_spoken(end..(end + BESIDE).min(judged.len()))
        {
            judged[at..end].fill(false);
        }
        start = end;
    }
    judged
}

/// The correlation from which one frame is a copy of another. Two people talking at once stay below 0.3; a copy under
/// somebody's own speech 2 dB louder than it falls below.
const COPY: f32 = 0.6;
/// Frames quieter than this are nobody's speech.
const HEARD_DB: f32 = -62.0;
/// With less between them, the channel with the lower number is taken for the original.
const TIE_DB: f32 = 2.0;

/// The comparison of two channels, frame by frame.
struct Compared {
    relation: Relation,
    likeness: Likeness,
    /// Level of the copy relative to the original: of the second's sound in the first, of the first's in the second.
    leaked: [Mean; 2],
}

impl Compared {
    /// Compares a block of frames.
    fn block(&mut self, spools: &[Spool], first_frame: usize, origins: &mut [Vec<Origin>]) -> Result<(), AudioError> {
        let Relation { first, second, lag } = self.relation;
        let start = wide(first_frame * FRAME);
        // The second channel is shifted onto the first one's time.
        let a = read_shifted(&spools[first], start, 0)?;
        let b = read_shifted(&spools[second], start, lag)?;
        let products: Vec<Products> = a.chunks(FRAME).zip(b.chunks(FRAME)).map(|(a, b)| Products::of(a, b)).collect();
        for second_of_sound in products.chunks(32) {
            self.likeness.add(Products::sum(second_of_sound));
        }
        // To the nearest frame.
        let frame = i64::try_from(FRAME).unwrap_or(i64::MAX);
        let shift = isize::try_from((lag + frame / 2).div_euclid(frame)).unwrap_or(0);
        for i in 0..products.len() {
            let frames = [Some(first_frame + i), (first_frame + i).checked_add_signed(shift)];
            let mut mark = |into: usize, origin: Origin| {
                let channel = [first, second][into];
                if let Some(mark) = frames[into]
                    .and_then(|frame| origins[channel].get_mut(frame))
                    .filter(|mark| !matches!(mark, Origin::Copy(_)))
                {
                    *mark = origin;
                }
            };
            let around = Products::sum(&products[i.saturating_sub(1)..(i + 2).min(products.len())]);
            if products[i].level_db() < HEARD_DB {
                mark(0, Origin::Quiet);
                mark(1, Origin::Quiet);
            } else if around.correlation() >= COPY {
                let difference_db = around.difference_db();
                let into = usize::from(difference_db <= TIE_DB);
                mark(into, Origin::Copy(u8::try_from([second, first][into]).unwrap_or(u8::MAX)));
                if difference_db.abs() > TIE_DB {
                    self.leaked[into].add(-difference_db.abs());
                }
            }
        }
        Ok(())
    }
}

/// A block of samples from `start + lag` on, with silence where the recording has none.
fn read_shifted(spool: &Spool, start: u64, lag: i64) -> Result<Vec<f32>, AudioError> {
    let length = wide(BLOCK * FRAME);
    let mut samples = Vec::with_capacity(BLOCK * FRAME);
    let from = start.checked_add_signed(lag);
    if from.is_none() {
        samples.resize(usize::try_from(lag.unsigned_abs() - start).unwrap_or(0), 0.0);
    }
    let end = start.saturating_add_signed(lag).saturating_add(length - wide(samples.len()));
    spool.read(Region { start: from.unwrap_or(0), end }, &mut samples)?;
    Ok(samples)
}

/// Energies of two sounds, and what they have in common.
#[derive(Debug, Clone, Copy, Default)]
struct Products {
    aa: f32,
    bb: f32,
    ab: f32,
    samples: f32,
}

impl Products {
    fn of(a: &[f32], b: &[f32]) -> Self {
        let mut products = Self::default();
        for (a, b) in a.iter().zip(b) {
            products.aa += a * a;
            products.bb += b * b;
            products.ab += a * b;
            products.samples += 1.0;
        }
        products
    }

    fn sum(parts: &[Self]) -> Self {
        parts.iter().fold(Self::default(), |sum, part| Self {
            aa: sum.aa + part.aa,
            bb: sum.bb + part.bb,
            ab: sum.ab + part.ab,
            samples: sum.samples + part.samples,
        })
    }

    /// Of the louder, in dBFS.
    fn level_db(self) -> f32 {
        10.0 * (self.aa.max(self.bb) / self.samples.max(1.0) + 1e-10).log10()
    }

    /// Of either sign, from 0 to 1.
    fn correlation(self) -> f32 {
        let both = (self.aa * self.bb).sqrt();
        if both > 0.0 { (self.ab / both).abs() } else { 0.0 }
    }

    /// How much louder the second is, in dB.
    fn difference_db(self) -> f32 {
        10.0 * ((self.bb + 1e-9) / (self.aa + 1e-9)).log10()
    }
}

/// A running mean.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: f64,
    count: u32,
}

impl Mean {
    fn add(&mut self, value: f32) {
        self.sum += f64::from(value);
        self.count += 1;
    }

    fn value(self) -> Option<f32> {
        #[expect(clippy::as_conversions, reason = "a mean of single-precision values")]
        (self.count > 0).then(|| (self.sum / f64::from(self.count)) as f32)
    }
}

/// Whether two channels are the same throughout, second by second.
#[derive(Debug, Default)]
struct Likeness {
    /// How much louder the second channel is in each second that is alike, in dB.
    differences_db: Vec<f32>,
    unlike: usize,
}

impl Likeness {
    /// How alike a second of the same sound is after two runs of a lossy codec.
    const SAME: f32 = 0.85;
    /// How far the difference in level may move.
    const STEADY_DB: f32 = 3.0;
    /// A channel further below the other is no copy that somebody would have made: it is where the other leaks to.
    const MOST_DB: f32 = 6.0;

    fn add(&mut self, second: Products) {
        if second.level_db() < HEARD_DB {
            return;
        }
        if second.correlation() >= Self::SAME {
            self.differences_db.push(second.difference_db());
        } else {
            self.unlike += 1;
        }
    }

    /// How much louder the second channel is, in dB, when the channels are the same.
    fn difference_db(mut self) -> Option<f32> {
        if self.differences_db.is_empty() {
            return None;
        }
        let heard = self.differences_db.len() + self.unlike;
        let middle = self.differences_db.len() / 2;
        let median = *self.differences_db.select_nth_unstable_by(middle, f32::total_cmp).1;
        let unsteady = self.differences_db.iter().filter(|db| (*db - median).abs() > Self::STEADY_DB).count();
        // One second in two hundred may differ: a click on one line.
        (median.abs() <= Self::MOST_DB && self.unlike + unsteady <= heard / 200).then_some(median)
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![expect(clippy::as_conversions, reason = "small numbers of samples as floats and back")]

    use super::*;
    use crate::SpoolWriter;

    /// A spool of these samples.
    pub(in crate::segment) fn spool(samples: &[f32]) -> Spool {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = SpoolWriter::create(folder.path()).unwrap();
        writer.push(samples).unwrap();
        writer.finish().unwrap()
    }

    /// White noise, the same for the same seed.
    pub(in crate::segment) fn noise(seed: u64, samples: usize, amplitude: f32) -> Vec<f32> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / 8_388_608.0 - 1.0
        };
        (0..samples).map(|_| amplitude * next()).collect()
    }

    fn mix(a: &[f32], gain: f32, b: &[f32]) -> Vec<f32> {
        a.iter().zip(b).map(|(a, b)| a * gain + b).collect()
    }

    /// A surveyed pair at lag 0.
    fn pair(first: &[f32], second: &[f32]) -> Survey {
        survey(&[spool(first), spool(second)], &[Relation { first: 0, second: 1, lag: 0 }], &|| false).unwrap()
    }

    #[test]
    fn channels_are_the_same_only_when_they_are_throughout() {
        let (a, b) = (noise(1, 160_000, 0.2), noise(2, 160_000, 0.2));
        let hiss = noise(3, 160_000, 0.002);
        let half: Vec<f32> = a[..80_000].iter().chain(&b[80_000..]).copied().collect();
        for (name, other, same) in [
            ("a copy", a.clone(), true),
            ("a copy 4 dB down with hiss", mix(&a, 0.63, &hiss), true),
            ("a leak 11 dB down", mix(&a, 0.28, &hiss), false),
            ("another voice", b.clone(), false),
            ("half a copy", half, false),
            ("nothing", vec![0.0; 160_000], false),
        ] {
            assert_eq!(pair(&a, &other).are_all_same(), same, "{name}");
        }
    }

    #[test]
    fn a_copy_is_marked_in_the_quieter_channel_and_double_talk_in_neither() {
        let (a, b) = (noise(1, 160_000, 0.2), noise(2, 160_000, 0.2));
        let silence = vec![0.0; 160_000];
        // Channel 0 speaks for four seconds, then both, then channel 1; each leaks into the other at -11 dB.
        let part = |from: &[f32], range: std::ops::Range<usize>| -> Vec<f32> {
            (0..160_000).map(|i| if range.contains(&i) { from[i] } else { 0.0 }).collect()
        };
        let (spoken, answered) = (part(&a, 0..96_000), part(&b, 64_000..160_000));
        let found = pair(&mix(&answered, 0.28, &spoken), &mix(&spoken, 0.28, &answered));
        let copies = [copies(&found.origins[0]), copies(&found.origins[1])];
        let at = |channel: usize, second: usize| copies[channel][second * 16_000 / FRAME];
        for (second, copied) in [(2, [false, true]), (5, [false, false]), (8, [true, false])] {
            assert_eq!([at(0, second), at(1, second)], copied, "at {second} s");
        }
        let db = found.leaks_into(1).next().unwrap().db;
        assert!((db + 11.0).abs() < 1.5, "{db}");
        assert!(pair(&a, &silence).origins.iter().flatten().all(|origin| *origin == Origin::Own));
    }

    #[test]
    fn a_pause_belongs_to_what_was_heard_before_it() {
        for (line, expected) in [
            ("ooooooo", "ooooooo"),
            ("oooocoooo", "ooooooooo"),
            ("ccccccqqqqqqqqoooooo", "ccccccccccccccoooooo"),
            ("ooooooqqqqqqqqcccccc", "oooooooooooooocccccc"),
            ("qqqq", "oooo"),
        ] {
            let origins: Vec<Origin> = line
                .chars()
                .map(|letter| match letter {
                    'c' => Origin::Copy(1),
                    'q' => Origin::Quiet,
                    _ => Origin::Own,
                })
                .collect();
            let judged: String = copies(&origins).into_iter().map(|is_copy| if is_copy { 'c' } else { 'o' }).collect();
            // The edge may lie as far off as a judgement reaches.
            let differing = judged.chars().zip(expected.chars()).filter(|(a, b)| a != b).count();
            assert!(differing <= 3, "{line}: {judged}");
        }
    }

    #[test]
    fn a_delayed_copy_is_marked_where_it_is_heard() {
        let a = noise(1, 160_000, 0.2);
        let burst: Vec<f32> =
            a.iter().enumerate().map(|(i, sample)| if (32_000..64_000).contains(&i) { *sample } else { 0.0 }).collect();
        for lag in [-900_i64, -1, 0, 500, 1000] {
            let late: Vec<f32> = (0..160_000_i64)
                .map(|i| usize::try_from(i - lag).ok().and_then(|i| burst.get(i)).map_or(0.0, |sample| 0.2 * sample))
                .collect();
            let found =
                survey(&[spool(&burst), spool(&late)], &[Relation { first: 0, second: 1, lag }], &|| false).unwrap();
            let marked: Vec<usize> =
                (0..found.origins[1].len()).filter(|frame| found.origins[1][*frame] == Origin::Copy(0)).collect();
            assert!(marked[0].abs_diff(usize::try_from(32_000 + lag).unwrap() / FRAME) <= 2, "{lag}");
            assert!(found.origins[0].iter().all(|origin| !matches!(origin, Origin::Copy(_))), "{lag}");
        }
    }
}
