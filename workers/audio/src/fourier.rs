//! Plans of Fourier transforms. They are made here for the engine too: the library is generic, and each crate that plans
//! one compiles all of it, which takes longer than the rest of the engine.

use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex};

/// The transform of `length` real samples to the `length / 2 + 1` values of their spectrum.
pub fn real_fft(length: usize) -> Arc<dyn RealToComplex<f32>> {
    RealFftPlanner::new().plan_fft_forward(length)
}
