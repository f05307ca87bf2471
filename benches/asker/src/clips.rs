//! Sound that no two clips share.

use std::sync::Arc;

/// Loud enough for speech, and never silent.
const PEAK: f32 = 0.25;

/// `samples` samples of noise (mono, 16 kHz, at most a quarter of full scale); another `seed` gives other noise. About a
/// millisecond for 28 s.
pub(crate) fn clip(seed: u64, samples: usize) -> Arc<[f32]> {
    // Seeds that differ by one must not give the same numbers one step apart.
    let mut state = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (0..samples)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let noise = u16::try_from(state >> 48).unwrap_or(u16::MAX);
            PEAK * (f32::from(noise) / 32_768.0 - 1.0)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clips_are_as_long_as_asked_for_and_all_different() {
        let clips: Vec<_> = (0..100).map(|seed| clip(seed, 1600)).collect();
        assert!(clips.iter().all(|clip| clip.len() == 1600 && clip.iter().all(|sample| sample.abs() <= PEAK)));
        assert!((1..100).all(|at| clips[..at].iter().all(|before| before[..8] != clips[at][..8])));
        assert_eq!(clip(7, 1600), clips[7]);
    }
}
