//! Which of several ways to read the same bytes is right, by what they sound like.

use super::ear;

/// A reading this many times as rough as the smoothest is out.
const ROUGHER: f64 = 2.0;

/// Which of the `readings` of the same sound is the likeliest; the first where there is nothing to hear.
pub(super) fn likeliest(readings: &[Vec<i16>]) -> usize {
    let rough: Vec<f64> = readings.iter().map(|samples| ear::roughness(samples).unwrap_or(f64::INFINITY)).collect();
    let smoothest = rough.iter().copied().fold(f64::INFINITY, f64::min);
    if !smoothest.is_finite() {
        return 0;
    }
    let mut best = (0, f64::INFINITY);
    for (index, samples) in readings.iter().enumerate() {
        if rough[index] <= smoothest * ROUGHER {
            let left = ear::unpredictable(samples);
            if left < best.1 {
                best = (index, left);
            }
        }
    }
    best.0
}
