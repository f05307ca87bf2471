//! Sound to the log-mel windows that Whisper was trained on.

use std::f64::consts::PI;
use std::sync::Arc;

use earmark_audio::real_fft;
use earmark_core::SAMPLE_RATE_HZ;
use realfft::RealToComplex;
use realfft::num_complex::Complex32;

/// Samples from one frame to the next: 10 ms.
const HOP: usize = 160;
/// Samples under one frame: 25 ms.
const FRAME: usize = 400;
/// Energies below this are silence.
const FLOOR: f32 = 1e-10;
/// What lies this far below the loudest point of the window, as a power of ten, is cut off.
const RANGE: f32 = 8.0;

/// Log-mel spectrograms with a given number of bands.
pub(crate) struct LogMel {
    bands: Vec<Band>,
    taper: Vec<f32>,
    fft: Arc<dyn RealToComplex<f32>>,
}

/// One triangular filter: weights of neighbouring spectrum bins.
struct Band {
    first_bin: usize,
    weights: Vec<f32>,
}

impl LogMel {
    /// `n_bands` triangles on the Slaney mel scale from 0 to 8 kHz, each of area one.
    pub(crate) fn new(n_bands: usize) -> Self {
        #[expect(clippy::as_conversions, reason = "small numbers as floats; the window is computed as float32")]
        let taper = (0..FRAME).map(|i| (0.5 - 0.5 * (2.0 * PI * i as f64 / FRAME as f64).cos()) as f32).collect();
        Self { bands: bands(n_bands), taper, fft: real_fft(FRAME) }
    }

    /// The window of `frames` frames that begins with `samples` (mono, 16 kHz, -1 to 1) and goes on with silence,
    /// row by row: `bands × frames`, written to `window`. Scaled against the loudest point of the window; samples
    /// past its end are not looked at.
    pub(crate) fn write(&self, samples: &[f32], frames: usize, window: &mut [f32]) {
        assert_eq!(window.len(), self.bands.len() * frames, "a window has bands × frames values");
        let samples = &samples[..samples.len().min(frames * HOP)];
        let padded = centred(samples);
        // Later frames see nothing but silence.
        let heard = frames.min((FRAME / 2 + samples.len()).div_ceil(HOP));
        window.fill(FLOOR.log10());

        let mut frame = self.fft.make_input_vec();
        let mut spectrum = self.fft.make_output_vec();
        let mut scratch = self.fft.make_scratch_vec();
        let mut loudest = FLOOR.log10();
        for t in 0..heard {
            for (value, (sample, taper)) in frame.iter_mut().zip(padded[t * HOP..].iter().zip(&self.taper)) {
                *value = sample * taper;
            }
            self.fft
                .process_with_scratch(&mut frame, &mut spectrum, &mut scratch)
                .expect("the buffers are the plan's own");
            for (row, band) in self.bands.iter().enumerate() {
                let level = band.energy(&spectrum).max(FLOOR).log10();
                window[row * frames + t] = level;
                loudest = loudest.max(level);
            }
        }
        for level in window {
            *level = (level.max(loudest - RANGE) + 4.0) / 4.0;
        }
    }
}

impl Band {
    fn energy(&self, spectrum: &[Complex32]) -> f32 {
        self.weights.iter().zip(&spectrum[self.first_bin..]).map(|(weight, bin)| weight * bin.norm_sqr()).sum()
    }
}

/// `samples` with half a frame before them (mirrored) and a whole frame of silence behind.
fn centred(samples: &[f32]) -> Vec<f32> {
    let half = FRAME / 2;
    let mut padded = vec![0.0; half];
    for (i, value) in padded.iter_mut().rev().enumerate() {
        *value = samples.get(i + 1).copied().unwrap_or(0.0);
    }
    padded.extend_from_slice(samples);
    padded.resize(padded.len() + FRAME, 0.0);
    padded
}

#[expect(clippy::as_conversions, reason = "numbers of bands and bins as floats")]
fn bands(n_bands: usize) -> Vec<Band> {
    let bin_hz = f64::from(SAMPLE_RATE_HZ) / FRAME as f64;
    let top = mel(f64::from(SAMPLE_RATE_HZ) / 2.0);
    let corners: Vec<f64> = (0..n_bands + 2).map(|i| hertz(top * i as f64 / (n_bands + 1) as f64)).collect();
    corners.windows(3).map(|corner| triangle(corner[0], corner[1], corner[2], bin_hz)).collect()
}

#[expect(clippy::as_conversions, reason = "a bin's number as a float; weights are float32")]
fn triangle(low: f64, peak: f64, high: f64, bin_hz: f64) -> Band {
    let mut band = Band { first_bin: 0, weights: Vec::new() };
    for bin in 0..=FRAME / 2 {
        let hz = bin as f64 * bin_hz;
        let height = ((hz - low) / (peak - low)).min((high - hz) / (high - peak));
        if height > 0.0 {
            if band.weights.is_empty() {
                band.first_bin = bin;
            }
            band.weights.push((height * 2.0 / (high - low)) as f32);
        }
    }
    band
}

/// Slaney's mel scale: linear to 1 kHz (15 mel), logarithmic above, 27 steps for a factor of 6.4.
fn mel(hertz: f64) -> f64 {
    if hertz < 1000.0 { hertz * 0.015 } else { 15.0 + 27.0 * (hertz / 1000.0).ln() / 6.4_f64.ln() }
}

fn hertz(mel: f64) -> f64 {
    if mel < 15.0 { mel / 0.015 } else { 1000.0 * ((mel - 15.0) * 6.4_f64.ln() / 27.0).exp() }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::as_conversions, reason = "small numbers of samples as floats and back")]

    use super::*;

    const BANDS: usize = 80;

    fn spectrogram(samples: &[f32], frames: usize) -> Vec<f32> {
        let mut window = vec![0.0; BANDS * frames];
        LogMel::new(BANDS).write(samples, frames, &mut window);
        window
    }

    fn sine(hertz: f64, samples: usize) -> Vec<f32> {
        (0..samples).map(|i| (2.0 * PI * hertz * i as f64 / 16_000.0).sin() as f32).collect()
    }

    #[test]
    fn a_tone_is_loudest_in_the_band_around_its_pitch() {
        for (hertz, low, high) in [(200.0, 3, 6), (1000.0, 25, 28), (4000.0, 59, 62)] {
            let window = spectrogram(&sine(hertz, 16_000), 100);
            let row = (0..BANDS).max_by(|a, b| window[a * 100 + 50].total_cmp(&window[b * 100 + 50])).unwrap();
            assert!((low..=high).contains(&row), "{hertz} Hz is loudest in band {row}");
        }
    }

    #[test]
    fn values_span_two_below_the_loudest_point_and_silence_lies_at_the_bottom() {
        let window = spectrogram(&sine(440.0, 8_000), 300);
        let loudest = window.iter().copied().fold(f32::MIN, f32::max);
        assert!(window.iter().all(|value| (loudest - 2.0..=loudest).contains(value)));
        assert!((0..BANDS).all(|row| window[row * 300 + 299] == loudest - 2.0));
    }

    #[test]
    fn silence_is_the_floor_everywhere() {
        assert!(spectrogram(&[0.0; 1600], 50).iter().all(|value| (value - -1.5).abs() < 1e-6));
        assert!(spectrogram(&[], 50).iter().all(|value| (value - -1.5).abs() < 1e-6));
    }

    #[test]
    fn a_tenfold_amplitude_lifts_every_band_by_half() {
        let quiet: Vec<f32> = sine(700.0, 16_000).iter().map(|sample| sample * 0.05).collect();
        let loud: Vec<f32> = quiet.iter().map(|sample| sample * 10.0).collect();
        let (quiet, loud) = (spectrogram(&quiet, 100), spectrogram(&loud, 100));
        assert!(quiet.iter().zip(&loud).all(|(quiet, loud)| (loud - quiet - 0.5).abs() < 1e-3));
    }

    #[test]
    fn each_filter_has_area_one() {
        for n_bands in [80, 128] {
            for (row, band) in bands(n_bands).iter().enumerate().skip(n_bands / 2) {
                let area: f32 = band.weights.iter().sum::<f32>() * 40.0;
                assert!((area - 1.0).abs() < 0.15, "band {row} of {n_bands}: {area}");
            }
        }
    }

    #[test]
    fn the_window_length_does_not_change_what_was_heard() {
        let samples = sine(300.0, 16_000);
        let (short, long) = (spectrogram(&samples, 150), spectrogram(&samples, 3000));
        assert!((0..BANDS).all(|row| (0..150).all(|t| short[row * 150 + t] == long[row * 3000 + t])));
    }
}
