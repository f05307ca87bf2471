//! 8 kHz to 16 kHz, the telephone's case: a half-band filter.
//!
//! Every other sample of the output is the input itself; the ones between come from [`TAPS`] neighbours. Flat to
//! 3.4 kHz, where the telephone ends, images from 4.6 kHz up at least 60 dB down.

use std::sync::LazyLock;

use crate::spool::round_to_i16;

/// Neighbours that make a sample in between.
const TAPS: usize = 24;

/// Neighbours on one side.
const HALF: usize = TAPS / 2;

/// Samples made at once: as many sums as fit the registers of the least processor.
const LANES: usize = 16;

/// Coefficients of the nearest neighbour but `HALF - 1 - k`, both sides alike.
#[expect(clippy::as_conversions, reason = "small numbers as floats, and 24 bits are plenty for 16")]
static COEFFICIENTS: LazyLock<[f32; HALF]> = LazyLock::new(|| {
    // A windowed sinc at half-sample distances. Kaiser's beta of 5.6 gives 60 dB.
    let at = |k: usize| k as f64 - (HALF as f64 - 0.5);
    let sinc = |t: f64| (std::f64::consts::PI * t).sin() / (std::f64::consts::PI * t);
    let window = |t: f64| bessel_i0(5.6 * (1.0 - (t / HALF as f64).powi(2)).sqrt()) / bessel_i0(5.6);
    let raw: [f64; HALF] = std::array::from_fn(|k| sinc(at(k)) * window(at(k)));
    let sum: f64 = raw.iter().sum::<f64>() * 2.0;
    raw.map(|value| (value / sum) as f32)
});

/// Modified Bessel function of the first kind, order 0.
fn bessel_i0(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    for k in 1..30 {
        term *= (x / 2.0 / f64::from(k)).powi(2);
        sum += term;
    }
    sum
}

/// Doubles the rate of one channel, without delay: sample `n` comes out as sample `2n`.
#[derive(Debug)]
pub(super) struct Doubler {
    /// Neighbours of the next sample, then new samples.
    input: Vec<i16>,
    /// The same as floats.
    floats: Vec<f32>,
    output: Vec<i16>,
}

impl Doubler {
    pub(super) fn new() -> Self {
        // What was before the recording is silence.
        Self { input: vec![0; HALF - 1], floats: Vec::new(), output: Vec::new() }
    }

    /// The samples that can be told now; the last few of `samples` wait for their neighbours.
    pub(super) fn push(&mut self, samples: &[i16]) -> &[i16] {
        self.input.extend_from_slice(samples);
        self.floats.clear();
        self.floats.extend(self.input.iter().map(|sample| f32::from(*sample)));
        let ready = (self.input.len() + 1).saturating_sub(TAPS);
        self.output.resize(ready * 2, 0);
        let coefficients = *COEFFICIENTS;
        let blocks = ready / LANES;
        for i in 0..blocks {
            double::<LANES, { LANES + TAPS - 1 }>(
                &self.input,
                &self.floats,
                i * LANES,
                &mut self.output,
                &coefficients,
            );
        }
        for i in blocks * LANES..ready {
            double::<1, TAPS>(&self.input, &self.floats, i, &mut self.output, &coefficients);
        }
        self.input.drain(..ready);
        &self.output
    }

    /// The rest, as if silence followed.
    pub(super) fn finish(&mut self) -> &[i16] {
        self.push(&[0; HALF])
    }
}

/// Makes `N` pairs of samples from the `W` neighbours that begin at `at`. The sums run side by side and always in the
/// same order, so it does not show in how many pieces a recording came.
#[inline]
fn double<const N: usize, const W: usize>(
    input: &[i16],
    floats: &[f32],
    at: usize,
    output: &mut [i16],
    coefficients: &[f32; HALF],
) {
    let near: &[f32; W] = floats[at..at + W].try_into().expect("W of them");
    let mut sums = [0.0_f32; N];
    for (k, h) in coefficients.iter().enumerate() {
        for (n, sum) in sums.iter_mut().enumerate() {
            *sum += (near[n + k] + near[n + TAPS - 1 - k]) * h;
        }
    }
    let own = &input[at + HALF - 1..at + HALF - 1 + N];
    for ((pair, own), sum) in output[2 * at..2 * (at + N)].chunks_exact_mut(2).zip(own).zip(sums) {
        pair[0] = *own;
        pair[1] = round_to_i16(sum);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::as_conversions, reason = "small numbers of samples as floats and back")]

    use super::*;

    #[test]
    fn a_tone_of_the_telephone_band_comes_out_as_if_sampled_twice_as_often() {
        for hz in [50.0, 300.0, 1000.0, 3000.0, 3400.0] {
            let tone = |rate: f64, n: usize| 20_000.0 * (std::f64::consts::TAU * hz * n as f64 / rate).sin();
            let samples: Vec<i16> = (0..8000).map(|n| tone(8000.0, n).round() as i16).collect();
            let mut doubler = Doubler::new();
            let mut doubled = Vec::new();
            for block in samples.chunks(777) {
                doubled.extend_from_slice(doubler.push(block));
            }
            doubled.extend_from_slice(doubler.finish());
            assert_eq!(doubled.len(), 16_000);
            let worst = (100..15_900).map(|n| (f64::from(doubled[n]) - tone(16_000.0, n)).abs()).fold(0.0, f64::max);
            assert!(worst < 60.0, "{hz} Hz: off by {worst} of 20000");
        }
    }
}
