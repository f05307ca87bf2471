//! Whether samples sound like anything: speech changes little from one sample to the next, sound that was read in a wrong way
//! leaps about.

/// Samples a window has; windows are judged one by one, so that one crack does not decide.
const WINDOW: usize = 400;

/// Windows quieter than this say nothing: a mean square of full scale's millionth.
const QUIET: f64 = 1000.0;

/// How rough `samples` are: the energy of the differences between neighbours over the energy of the samples, the middle of
/// all windows that are not silent. White noise has 2, speech at 8 kHz mostly less than 0.6. None if all is silent.
pub(super) fn roughness(samples: &[i16]) -> Option<f64> {
    let mut found: Vec<f64> = samples.chunks_exact(WINDOW).filter_map(window).collect();
    found.sort_by(f64::total_cmp);
    found.get(found.len() / 2).copied()
}

fn window(samples: &[i16]) -> Option<f64> {
    let square = |value: f64| value * value;
    let energy: f64 = samples.iter().map(|sample| square(f64::from(*sample))).sum();
    let leaps: f64 = samples.windows(2).map(|two| square(f64::from(two[1]) - f64::from(two[0]))).sum();
    let len = f64::from(u32::try_from(samples.len()).unwrap_or(u32::MAX));
    (energy / len >= QUIET).then(|| leaps / energy)
}

/// Samples of a window that is predicted.
const PREDICTED: usize = 240;

/// How many samples a prediction goes by.
const ORDER: usize = 10;

/// What is unpredictable in `samples`: the middling logarithm of what is left of them when each is predicted from those
/// before. Of two readings of the same ADPCM the right one leaves less, by a tenth to a half.
pub(super) fn unpredictable(samples: &[i16]) -> f64 {
    let windows = samples.chunks_exact(PREDICTED);
    let count = f64::from(u32::try_from(windows.len().max(1)).unwrap_or(u32::MAX));
    windows.map(|window| (left(window) + QUIET).ln()).sum::<f64>() / count
}

/// The energy of a window that a linear prediction leaves: Levinson's recursion over the autocorrelation.
fn left(samples: &[i16]) -> f64 {
    let last = f64::from(u32::try_from(PREDICTED - 1).unwrap_or(1));
    let faded: Vec<f64> = (0_u32..)
        .zip(samples)
        .map(|(n, sample)| f64::from(*sample) * (0.54 - 0.46 * (std::f64::consts::TAU * f64::from(n) / last).cos()))
        .collect();
    let alike = |lag: usize| faded.iter().skip(lag).zip(&faded).map(|(a, b)| a * b).sum::<f64>();
    let alike: Vec<f64> = (0..=ORDER).map(alike).collect();
    let mut left = alike[0] * 1.0001;
    if left <= 0.0 {
        return 0.0;
    }
    let mut weights: Vec<f64> = Vec::with_capacity(ORDER);
    for order in 0..ORDER {
        let explained: f64 = weights.iter().enumerate().map(|(at, weight)| weight * alike[order - at]).sum();
        let reflection = (alike[order + 1] - explained) / left;
        let mirrored: Vec<f64> = weights.iter().rev().copied().collect();
        for (weight, other) in weights.iter_mut().zip(mirrored) {
            *weight -= reflection * other;
        }
        weights.push(reflection);
        left *= 1.0 - reflection * reflection;
    }
    left.max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_rough_and_unpredictable_and_a_voice_is_neither() {
        let mut state = 1_u32;
        let noise: Vec<i16> = (0..8000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                i16::try_from(state >> 18).unwrap() - 8192
            })
            .collect();
        let voice: Vec<i16> = noise
            .iter()
            .scan(0, |last, new| {
                *last = (*last * 19 + i32::from(*new) * 4) / 20;
                i16::try_from(*last).ok()
            })
            .collect();
        assert!(roughness(&noise).unwrap() > 1.8);
        assert!(roughness(&voice).unwrap() < 0.3);
        assert!(unpredictable(&voice) < unpredictable(&noise) - 1.0);
        assert_eq!(roughness(&[0; 8000]), None);
    }
}
