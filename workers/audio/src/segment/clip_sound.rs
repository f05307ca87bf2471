//! A clip's samples, as loud as a recogniser wants them.

use earmark_core::Clip;

use super::level;
use crate::{AudioError, Spool};

/// The sound of `clip` as a recogniser hears it: its regions one behind the other, each raised to the usual level on
/// the strength of `gain` (its channel's of [`Segmented::gains`](super::Segmented::gains)), peaks bent below 1; mono, 16 kHz.
///
/// A region is raised by at most 15 dB more than its channel, so that somebody far from the microphone is heard.
///
/// # Errors
/// [`AudioError::Spool`] when the samples cannot be read.
pub fn samples(spools: &[Spool], clip: &Clip, gain: f32) -> Result<Vec<f32>, AudioError> {
    let mut samples = Vec::with_capacity(usize::try_from(clip.samples()).unwrap_or(0));
    for region in &clip.regions {
        let start = samples.len();
        spools[usize::from(clip.key.channel)].read(*region, &mut samples)?;
        level::raise_region(&mut samples[start..], gain);
    }
    Ok(samples)
}
