//! Which channels have sound in common, and how far apart in time.

use earmark_core::Region;
use realfft::RealFftPlanner;
use realfft::num_complex::Complex;

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

/// Samples compared at a time: a second.
const BLOCK: usize = 16_384;
/// Blocks compared, spread over the recording: what channels share they share throughout.
const BLOCKS: u64 = 400;
/// The furthest the shared sound is looked for, in samples: 64 ms. Bridges and codecs delay by less.
const FURTHEST: usize = 1024;
/// Quieter blocks say nothing: the dither of a decoder may be the same in all channels.
const QUIET_DB: f32 = -65.0;
/// How much of the whitened spectrum of related channels must agree on one lag, of 1. Unrelated speech stays below 0.03.
const LEAST_AGREEMENT: f32 = 0.08;

/// The pairs of channels with shared sound.
///
/// # Errors
/// [`AudioError::Spool`], [`AudioError::Cancelled`].
pub(super) fn related(spools: &[Spool], is_cancelled: &dyn Fn() -> bool) -> Result<Vec<Relation>, AudioError> {
    let mut pairs: Vec<Agreement> = (0..spools.len())
        .flat_map(|first| (first + 1..spools.len()).map(move |second| Agreement::new(first, second)))
        .collect();
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let mut planner = RealFftPlanner::<f32>::new();
    let (forward, inverse) = (planner.plan_fft_forward(2 * BLOCK), planner.plan_fft_inverse(2 * BLOCK));
    let blocks = spools.iter().map(Spool::samples).max().unwrap_or(0).div_ceil(wide(BLOCK));
    let stride = blocks.div_ceil(BLOCKS).max(1);
    let mut block = 0;
    while block < blocks {
        if is_cancelled() {
            return Err(AudioError::Cancelled);
        }
        let start = block * wide(BLOCK);
        let mut spectra = Vec::with_capacity(spools.len());
        for spool in spools {
            let mut samples = Vec::with_capacity(2 * BLOCK);
            spool.read(Region { start, end: start + wide(BLOCK) }, &mut samples)?;
            let is_heard = Level::of(&samples).db() > QUIET_DB;
            // As much silence behind it keeps the correlation from wrapping around.
            samples.resize(2 * BLOCK, 0.0);
            let mut spectrum = forward.make_output_vec();
            let transformed = forward.process(&mut samples, &mut spectrum);
            debug_assert!(transformed.is_ok(), "buffers made for the plan fit it");
            spectra.push(is_heard.then_some(spectrum));
        }
        for pair in &mut pairs {
            if let (Some(first), Some(second)) = (&spectra[pair.first], &spectra[pair.second]) {
                pair.add(first, second);
            }
        }
        block += stride;
    }
    let relations = pairs.into_iter().filter(|pair| pair.blocks > 0).filter_map(|pair| {
        let mut whitened = pair.spectrum;
        // A real signal has real ends.
        whitened[0].im = 0.0;
        whitened[BLOCK].im = 0.0;
        let mut correlation = inverse.make_output_vec();
        let transformed = inverse.process(&mut whitened, &mut correlation);
        debug_assert!(transformed.is_ok(), "buffers made for the plan fit it");
        let (lag, peak) = peak(&correlation)?;
        #[expect(clippy::as_conversions, reason = "at most 400 blocks")]
        let agreement = peak / (2.0 * BLOCK as f32 * pair.blocks as f32);
        tracing::debug!(first = pair.first, second = pair.second, lag, agreement, "compared channels");
        (agreement >= LEAST_AGREEMENT).then_some(Relation { first: pair.first, second: pair.second, lag })
    });
    Ok(relations.collect())
}

/// The sum over blocks of two channels' whitened cross-spectrum: only phases count, so that neither the loudest block
/// nor the pitch of a voice decides the lag.
struct Agreement {
    first: usize,
    second: usize,
    spectrum: Vec<Complex<f32>>,
    blocks: u32,
}

impl Agreement {
    fn new(first: usize, second: usize) -> Self {
        Self { first, second, spectrum: vec![Complex::default(); BLOCK + 1], blocks: 0 }
    }

    fn add(&mut self, first: &[Complex<f32>], second: &[Complex<f32>]) {
        for ((sum, a), b) in self.spectrum.iter_mut().zip(first).zip(second) {
            let cross = a.conj() * b;
            let size = cross.norm();
            if size > 0.0 {
                *sum += cross / size;
            }
        }
        self.blocks += 1;
    }
}

/// The lag with the largest correlation of either sign, and its size.
fn peak(correlation: &[f32]) -> Option<(i64, f32)> {
    let later = correlation.iter().take(FURTHEST + 1).zip(0_i64..).map(|(value, lag)| (lag, value.abs()));
    let earlier = correlation.iter().rev().take(FURTHEST).zip(1_i64..).map(|(value, lag)| (-lag, value.abs()));
    later.chain(earlier).max_by(|a, b| a.1.total_cmp(&b.1))
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
            let found = related(&[spool(&a), spool(&other)], &|| false).unwrap();
            assert_eq!(found.first().map(|relation| relation.lag), lag);
            let turned = related(&[spool(&other), spool(&a)], &|| false).unwrap();
            assert_eq!(turned.first().map(|relation| relation.lag), lag.map(|lag| -lag));
        }
    }
}
