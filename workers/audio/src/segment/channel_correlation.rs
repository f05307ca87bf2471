//! Which channels have sound in common, and how far apart in time.

use std::sync::Arc;

use earmark_core::Region;
use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner};

use super::frame::FRAME;
use super::level::Level;
use crate::wide::wide;
use crate::{AudioError, Spool};

/// Two channels that share sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Relation {
    /// The channel with the lower number.
    pub first: usize,
    /// The channel with the higher number.
    pub second: usize,
    /// How many samples later the shared sound comes in `second`.
    pub lag: i64,
}

/// A way on which one channel's sound may have come into another.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Path {
    /// The channel where the sound was first.
    pub from: usize,
    /// The channel where it is heard again.
    pub into: usize,
    /// How much later it comes, first of all the recording, then of each stretch of [`SPAN`] frames that says more.
    pub delays: Vec<Delay>,
    /// By [`SPAN`] of frames which of the delays holds.
    pub by_span: Vec<usize>,
}

/// How much later a sound comes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Delay {
    /// Samples until it is strongest.
    pub lag: i64,
    /// How the sound's energy is spread over the frames after it, from the frame itself on; together 1.
    pub taps: Vec<f32>,
}

impl Path {
    /// The delay at a frame.
    pub(super) fn at(&self, frame: usize) -> &Delay {
        let number = self.by_span.get(frame / SPAN).copied().unwrap_or(0);
        self.delays.get(number).unwrap_or(&self.delays[0])
    }

    /// Samples until the sound is strongest, over the whole recording.
    pub(super) fn lag(&self) -> i64 {
        self.delays[0].lag
    }

    /// The same, the least and the most of it in any stretch.
    pub(super) fn lags(&self) -> (i64, i64) {
        let used = self.by_span.iter().filter_map(|number| self.delays.get(*number)).map(|delay| delay.lag);
        (used.clone().min().unwrap_or(self.lag()), used.max().unwrap_or(self.lag()))
    }
}

/// Frames for which a delay is told by itself: 8 s.
const SPAN: usize = 256;
/// Blocks in a span.
const SPAN_BLOCKS: u64 = 8;

/// What channels have in common.
#[derive(Debug, Default)]
pub(super) struct Related {
    /// Pairs with the same sound at one lag of at most [`NEAR`] samples.
    pub relations: Vec<Relation>,
    /// Ways on which sound comes into a channel, at whatever lag, spread by a room or not.
    pub paths: Vec<Path>,
}

/// Samples compared at a time: a second.
const BLOCK: usize = 16_384;
/// Blocks compared, spread over the recording: what channels share they share throughout.
const BLOCKS: u64 = 400;
/// Blocks whose correlation is taken together: clocks that drift apart by 50 in a million have not moved far by then.
const GROUP: u32 = 4;
/// The furthest that one channel repeats another sample by sample: 64 ms. Bridges and codecs delay by less.
const NEAR: i64 = 1024;
/// The furthest that an echo is looked for: 400 ms.
const FURTHEST: usize = 6400;
/// How long a room goes on sounding: 200 ms.
const ROOM: usize = 3200;
/// Quieter blocks say nothing: the dither of a decoder may be the same in all channels.
const QUIET_DB: f32 = -65.0;
/// How much of the whitened spectrum of related channels must agree on one lag, of 1. Unrelated speech stays below 0.03.
const LEAST_AGREEMENT: f32 = 0.08;
/// Lines of the spectrum in which speech is compared: 200 to 3600 Hz, what every telephone carries.
const LINES: std::ops::Range<usize> = 410..7373;
/// Samples between two values of a group's correlation, which the lines' range allows.
const STEP: usize = 2;
/// The same, signed.
const STEP_I64: i64 = 2;

/// What the channels have in common.
///
/// # Errors
/// [`AudioError::Spool`], [`AudioError::Cancelled`].
pub(super) fn related(spools: &[Spool], is_cancelled: &dyn Fn() -> bool) -> Result<Related, AudioError> {
    let mut pairs: Vec<Agreement> = (0..spools.len())
        .flat_map(|first| (first + 1..spools.len()).map(move |second| Agreement::new(first, second)))
        .collect();
    if pairs.is_empty() {
        return Ok(Related::default());
    }
    let mut planner = RealFftPlanner::<f32>::new();
    let forward = planner.plan_fft_forward(2 * BLOCK);
    let mut correlate = Correlate::new(&mut planner);
    let blocks = spools.iter().map(Spool::samples).max().unwrap_or(0).div_ceil(wide(BLOCK));
    let stride = blocks.div_ceil(BLOCKS).max(1);
    let mut spectrum = forward.make_output_vec();
    let mut scratch = forward.make_scratch_vec();
    let mut samples = Vec::with_capacity(2 * BLOCK);
    let mut block = 0;
    while block < blocks {
        if is_cancelled() {
            return Err(AudioError::Cancelled);
        }
        let start = block * wide(BLOCK);
        let mut spectra = Vec::with_capacity(spools.len());
        for spool in spools {
            samples.clear();
            spool.read(Region { start, end: start + wide(BLOCK) }, &mut samples)?;
            if Level::of(&samples).db() <= QUIET_DB {
                spectra.push(None);
                continue;
            }
            // As much silence behind it keeps the correlation from wrapping around.
            samples.resize(2 * BLOCK, 0.0);
            let transformed = forward.process_with_scratch(&mut samples, &mut spectrum, &mut scratch);
            debug_assert!(transformed.is_ok(), "buffers made for the plan fit it");
            spectra.push(Some(whitened(&spectrum[LINES])));
        }
        for pair in &mut pairs {
            if let (Some(first), Some(second)) = (&spectra[pair.first], &spectra[pair.second]) {
                pair.add(block, first, second, &mut correlate);
            }
        }
        block += stride;
    }
    let mut found = Related::default();
    for pair in pairs {
        pair.judge(&mut planner, &mut correlate, &mut found);
    }
    Ok(found)
}

/// The phases of a spectrum: each line as large as any other, so that neither the loudest block nor the pitch of a
/// voice decides the lag.
fn whitened(spectrum: &[Complex<f32>]) -> Vec<Complex<f32>> {
    spectrum
        .iter()
        .map(|line| {
            let size = line.norm_sqr();
            if size > 0.0 { line / size.sqrt() } else { Complex::default() }
        })
        .collect()
}

/// From a cross-spectrum to the correlation at each lag, in steps of [`STEP`].
struct Correlate {
    inverse: Arc<dyn ComplexToReal<f32>>,
    spectrum: Vec<Complex<f32>>,
    correlation: Vec<f32>,
    scratch: Vec<Complex<f32>>,
}

impl Correlate {
    fn new(planner: &mut RealFftPlanner<f32>) -> Self {
        let inverse = planner.plan_fft_inverse(2 * BLOCK / STEP);
        let (spectrum, correlation) = (inverse.make_input_vec(), inverse.make_output_vec());
        let scratch = inverse.make_scratch_vec();
        Self { inverse, spectrum, correlation, scratch }
    }

    /// Of `lines`, the sum of so many blocks' cross-spectra; 1 is perfect agreement.
    #[expect(clippy::as_conversions, reason = "thousands of lines, hundreds of blocks")]
    fn at_lags(&mut self, lines: &[Complex<f32>], blocks: u32) -> &[f32] {
        let scale = 1.0 / (2.0 * lines.len() as f32 * blocks as f32);
        self.spectrum.fill(Complex::default());
        for (to, from) in self.spectrum[LINES].iter_mut().zip(lines) {
            *to = from * scale;
        }
        let transformed =
            self.inverse.process_with_scratch(&mut self.spectrum, &mut self.correlation, &mut self.scratch);
        debug_assert!(transformed.is_ok(), "buffers made for the plan fit it");
        &self.correlation
    }
}

/// Two channels' whitened cross-spectrum.
struct Agreement {
    first: usize,
    second: usize,
    /// Of all blocks.
    sum: Vec<Complex<f32>>,
    blocks: u32,
    /// Of the group that is being gathered.
    group: Vec<Complex<f32>>,
    grouped: u32,
    /// Over groups: the square of the correlation at each lag, in steps of [`STEP`].
    energy: Vec<f32>,
    groups: Vec<Group>,
    first_block: u64,
}

impl Agreement {
    fn new(first: usize, second: usize) -> Self {
        let none = || vec![Complex::default(); LINES.len()];
        Self {
            first,
            second,
            sum: none(),
            blocks: 0,
            group: none(),
            grouped: 0,
            energy: vec![0.0; 2 * BLOCK / STEP],
            groups: Vec::new(),
            first_block: 0,
        }
    }

    fn add(&mut self, block: u64, first: &[Complex<f32>], second: &[Complex<f32>], correlate: &mut Correlate) {
        if self.grouped == 0 {
            self.first_block = block;
        }
        for ((sum, a), b) in self.group.iter_mut().zip(first).zip(second) {
            *sum += a.conj() * b;
        }
        self.grouped += 1;
        if self.grouped == GROUP {
            self.end_group(block, correlate);
        }
    }

    fn end_group(&mut self, last_block: u64, correlate: &mut Correlate) {
        if self.grouped == 0 {
            return;
        }
        let correlation = correlate.at_lags(&self.group, self.grouped);
        for (energy, value) in self.energy.iter_mut().zip(correlation) {
            *energy += value * value;
        }
        let squares = |cell: std::ops::Range<usize>, is_later: bool| -> f32 {
            let length = correlation.len();
            cell.map(|step| correlation[if is_later { step } else { (length - step) % length }].powi(2)).sum()
        };
        let cells = [true, false].map(|is_later| {
            (0..CELLS).map(|cell| squares(cell * CELL / STEP..(cell + 1) * CELL / STEP, is_later)).collect()
        });
        self.groups.push(Group { blocks: self.first_block..last_block + 1, cells });
        for (sum, line) in self.sum.iter_mut().zip(&mut self.group) {
            *sum += std::mem::take(line);
        }
        self.blocks += self.grouped;
        self.grouped = 0;
    }

    /// Adds to `found` what the channels have in common.
    fn judge(mut self, planner: &mut RealFftPlanner<f32>, correlate: &mut Correlate, found: &mut Related) {
        self.end_group(u64::MAX - 1, correlate);
        if self.blocks == 0 {
            return;
        }
        if let Some(lag) = self.near_lag(planner, correlate) {
            found.relations.push(Relation { first: self.first, second: self.second, lag });
        }
        let (first, second) = (self.first, self.second);
        for (side, from, into) in [(0, first, second), (1, second, first)] {
            if let Some(path) = self.path(side, from, into) {
                tracing::debug!(from, into, lag = path.lag(), "one channel may come into another");
                found.paths.push(path);
            }
        }
    }

    /// The way from one channel into the other, where the sound comes later in the second (side 0) or the first (1).
    #[expect(clippy::as_conversions, reason = "hundreds of groups, thousands of lags")]
    fn path(&self, side: usize, from: usize, into: usize) -> Option<Path> {
        let groups = self.groups.len() as f32;
        // Further off than any echo there is nothing but chance.
        let chance = &self.energy[12_000 / STEP..self.energy.len() - 12_000 / STEP];
        let floor = (CELL / STEP) as f32 * chance.iter().sum::<f32>() / (chance.len() as f32 * groups);
        let of = |groups: &[&Group]| -> Vec<f32> {
            let mut cells = vec![-floor; CELLS];
            for group in groups {
                for (sum, cell) in cells.iter_mut().zip(&group.cells[side]) {
                    *sum += cell / groups.len() as f32;
                }
            }
            cells
        };
        // Of an unrelated pair the energy of 32 ms stays below 0.012 in every group; a group in which one channel has
        // nothing but the other's sound has 0.4 to 1.
        let whole = delay(&of(&self.groups.iter().collect::<Vec<_>>()), floor, 0.015 + 0.12 / groups)?;
        let mut delays = vec![whole];
        let last = self.groups.iter().map(|group| group.blocks.start).max().unwrap_or(0);
        let by_span = (0..=last / SPAN_BLOCKS)
            .map(|span| {
                let blocks =
                    (span * SPAN_BLOCKS).saturating_sub(GROUP.into())..(span + 1) * SPAN_BLOCKS + u64::from(GROUP);
                let near: Vec<&Group> = self
                    .groups
                    .iter()
                    .filter(|group| group.blocks.start < blocks.end && group.blocks.end > blocks.start)
                    .collect();
                delay(&of(&near), floor, 0.1).map_or(0, |delay| {
                    delays.push(delay);
                    delays.len() - 1
                })
            })
            .collect();
        Some(Path { from, into, delays, by_span })
    }

    /// The lag of at most [`NEAR`] at which the channels have the same sound, where there is one.
    #[expect(clippy::as_conversions, reason = "thousands of lines, hundreds of blocks")]
    fn near_lag(&self, planner: &mut RealFftPlanner<f32>, correlate: &mut Correlate) -> Option<i64> {
        let (_, coarse) = peak(correlate.at_lags(&self.sum, self.blocks), NEAR / STEP_I64)?;
        if coarse < LEAST_AGREEMENT / 2.0 {
            return None;
        }
        let inverse = planner.plan_fft_inverse(2 * BLOCK);
        let mut lines = inverse.make_input_vec();
        lines[LINES].copy_from_slice(&self.sum);
        let mut correlation = inverse.make_output_vec();
        let transformed = inverse.process(&mut lines, &mut correlation);
        debug_assert!(transformed.is_ok(), "buffers made for the plan fit it");
        let (lag, peak) = peak(&correlation, NEAR)?;
        let agreement = peak / (2.0 * LINES.len() as f32 * self.blocks as f32);
        tracing::debug!(first = self.first, second = self.second, lag, agreement, "compared channels");
        (agreement >= LEAST_AGREEMENT).then_some(lag)
    }
}

/// The lag of at most `furthest` with the largest correlation of either sign, and its size.
fn peak(correlation: &[f32], furthest: i64) -> Option<(i64, f32)> {
    let reach = usize::try_from(furthest).unwrap_or(0);
    let later = correlation.iter().take(reach + 1).zip(0_i64..).map(|(value, lag)| (lag, value.abs()));
    let earlier = correlation.iter().rev().take(reach).zip(1_i64..).map(|(value, lag)| (-lag, value.abs()));
    later.chain(earlier).max_by(|a, b| a.1.total_cmp(&b.1))
}

/// Lags whose energy is taken together: 4 ms.
const CELL: usize = 64;
/// Cells of one echo's beginning: 32 ms.
const WIDTH: usize = 8;
/// Cells in which an echo is looked for.
const CELLS: usize = (FURTHEST + ROOM) / CELL;

/// Some blocks whose correlation was taken together.
struct Group {
    blocks: std::ops::Range<u64>,
    /// Its energy by [`CELL`], where the second channel's sound comes after the first one's, and where before.
    cells: [Vec<f32>; 2],
}

/// The delay that the energies of `cells` tell; none where 32 ms of them have less than `least`.
#[expect(clippy::as_conversions, reason = "numbers of samples in a frame")]
fn delay(cells: &[f32], floor: f32, least: f32) -> Option<Delay> {
    let (start, most) = cells[..FURTHEST / CELL]
        .windows(WIDTH)
        .map(|cells| cells.iter().sum::<f32>())
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    if most < least {
        return None;
    }
    let at = |cell: usize| cell * CELL + CELL / 2;
    let strongest = (start..start + WIDTH).max_by(|a, b| cells[*a].total_cmp(&cells[*b]))?;
    let chance = (floor / 2.0).max(0.02 * cells[strongest]);
    let mut taps = vec![0.0; (FURTHEST + ROOM) / FRAME + 2];
    for (cell, energy) in cells.iter().enumerate().filter(|(_, energy)| **energy > chance) {
        // A frame of the copy holds parts of two frames of the original.
        let later = (at(cell) % FRAME) as f32 / FRAME as f32;
        taps[at(cell) / FRAME] += energy * (1.0 - later);
        taps[at(cell) / FRAME + 1] += energy * later;
    }
    let all: f32 = taps.iter().sum();
    for tap in &mut taps {
        *tap /= all;
    }
    // To the cell, which is enough for people; sound that is there at once is not half a cell late.
    let lag = if strongest == 0 { 0 } else { at(strongest) };
    Some(Delay { lag: i64::try_from(lag).unwrap_or(i64::MAX), taps })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::survey::tests::{noise, spool};

    #[test]
    fn shared_sound_is_found_at_its_lag_and_separate_sound_is_not() {
        let (a, b) = (noise(1, 60_000, 0.1), noise(2, 60_000, 0.1));
        let delayed = |by: usize, gain: f32| -> Vec<f32> {
            (0_usize..60_000).map(|i| gain * i.checked_sub(by).map_or(0.0, |i| a[i])).collect()
        };
        let mixed: Vec<f32> = b.iter().zip(delayed(100, 0.3)).map(|(own, leaked)| own + leaked).collect();
        for (other, lag) in [
            (b.clone(), None),
            (delayed(0, 1.0), Some(0)),
            (delayed(37, -0.5), Some(37)),
            (mixed, Some(100)),
            (vec![0.0; 60_000], None),
        ] {
            let found = related(&[spool(&a), spool(&other)], &|| false).unwrap().relations;
            assert_eq!(found.first().map(|relation| relation.lag), lag);
            let turned = related(&[spool(&other), spool(&a)], &|| false).unwrap().relations;
            assert_eq!(turned.first().map(|relation| relation.lag), lag.map(|lag| -lag));
        }
    }
}
