//! The quietest point of a passage.

use earmark_core::Region;

use crate::wide::wide;
use crate::{AudioError, Spool};

/// Samples a candidate moves on by: 5 ms.
const STEP: usize = 80;
/// Steps whose energy is taken together: 20 ms, more than a period of a low voice.
const WIDTH: usize = 4;

/// The middle of the 20 ms of `region` with the least energy, or the region's own middle when it is shorter.
///
/// # Errors
/// [`AudioError::Spool`] when the samples cannot be read.
pub(super) fn quietest(spool: &Spool, region: Region) -> Result<u64, AudioError> {
    let mut samples = Vec::new();
    spool.read(region, &mut samples)?;
    Ok(region.start + offset(&samples).unwrap_or(region.samples() / 2))
}

/// The middle of the quietest 20 ms, in samples from the start; the one nearest to the middle among equals.
fn offset(samples: &[f32]) -> Option<u64> {
    #[expect(clippy::as_conversions, reason = "a passage of seconds")]
    let mean = samples.iter().sum::<f32>() / samples.len().max(1) as f32;
    let steps: Vec<f32> = samples
        .chunks_exact(STEP)
        .map(|step| step.iter().map(|sample| (sample - mean) * (sample - mean)).sum())
        .collect();
    let energies: Vec<f32> = steps.windows(WIDTH).map(|window| window.iter().sum()).collect();
    let from_middle = |place: usize| (2 * place).abs_diff(energies.len().saturating_sub(1));
    let best = (0..energies.len())
        .min_by(|a, b| energies[*a].total_cmp(&energies[*b]).then(from_middle(*a).cmp(&from_middle(*b))))?;
    Some(wide(best * STEP + WIDTH * STEP / 2))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::as_conversions, reason = "small numbers of samples as floats and back")]

    use super::*;

    #[test]
    fn the_quietest_point_lies_in_the_pause() {
        let loud = |samples: usize| (0..samples).map(|i| (i as f32).sin());
        let with_pause: Vec<f32> =
            loud(8000).chain((0..800).map(|i| 0.01 * (i as f32).sin())).chain(loud(4000)).collect();
        let at = offset(&with_pause).unwrap();
        assert!((8160..=8640).contains(&at), "{at}");
        assert_eq!(offset(&[0.0; 1600]), Some(800), "silence is parted in the middle");
        assert_eq!(offset(&[0.0; 319]), None);
    }
}
