//! 8 kHz to 16 kHz, the telephone's case: a half-band filter over whole numbers.
//!
//! Every other sample of the output is the input itself; the ones between come from [`TAPS`] neighbours. Flat to
//! 3.4 kHz, where the telephone ends, images from 4.6 kHz up at least 60 dB down.

use std::sync::LazyLock;

/// Neighbours that make a sample in between.
const TAPS: usize = 24;

/// Neighbours on one side.
const HALF: usize = TAPS / 2;

/// Bits behind the point of a coefficient. One less than 16 bits allow: the sum over a block of full-scale samples
/// must fit 32 bits.
const FRACTION_BITS: u32 = 14;

static COEFFICIENTS: LazyLock<[i16; TAPS]> = LazyLock::new(|| {
    // A windowed sinc at half-sample distances. Kaiser's beta of 5.6 gives 60 dB.
    let at = |k: usize| k as f64 - (HALF as f64 - 0.5);
    let sinc = |t: f64| (std::f64::consts::PI * t).sin() / (std::f64::consts::PI * t);
    let window = |t: f64| bessel_i0(5.6 * (1.0 - (t / HALF as f64).powi(2)).sqrt()) / bessel_i0(5.6);
    let raw: [f64; TAPS] = std::array::from_fn(|k| sinc(at(k)) * window(at(k)));
    let sum: f64 = raw.iter().sum();
    #[expect(clippy::cast_possible_truncation, reason = "below 1 in 14 bits")]
    let coefficients = raw.map(|value| (value / sum * f64::from(1 << FRACTION_BITS)).round() as i16);
    coefficients
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
    output: Vec<i16>,
}

impl Doubler {
    pub(super) fn new() -> Self {
        // What was before the recording is silence.
        Self { input: vec![0; HALF - 1], output: Vec::new() }
    }

    /// The samples that can be told now; the last few of `samples` wait for their neighbours.
    pub(super) fn push(&mut self, samples: &[i16]) -> &[i16] {
        self.input.extend_from_slice(samples);
        let ready = (self.input.len() + 1).saturating_sub(TAPS);
        self.output.resize(ready * 2, 0);
        let coefficients = *COEFFICIENTS;
        for (window, pair) in self.input.windows(TAPS).zip(self.output.chunks_exact_mut(2)) {
            let sum: i32 = window.iter().zip(&coefficients).map(|(sample, h)| i32::from(*sample) * i32::from(*h)).sum();
            pair[0] = window[HALF - 1];
            #[expect(clippy::cast_possible_truncation, reason = "clamped")]
            let between = ((sum + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS).clamp(-32768, 32767) as i16;
            pair[1] = between;
        }
        self.input.drain(..ready);
        &self.output
    }

    /// The rest, as if silence followed.
    pub(super) fn finish(&mut self) -> &[i16] {
        self.push(&[0; HALF])
    }
}
