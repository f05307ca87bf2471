//! What is done differently for a clip that holds a word or two.

use earmark_core::{ms_to_samples, samples_to_ms};

/// Up to here a clip is short: the model was trained on windows full of speech, and of an answer between two silences
/// it makes loops, the text twice, or nothing.
const SHORT_MS: u64 = 2500;
/// Silence in front of a short clip on its second try; behind it the window has two seconds anyway.
pub(crate) const SILENCE_MS: u64 = 500;
/// Steps in which loudness is looked at.
const STEP_MS: u64 = 10;
/// Sound so far below the loudest step, in power, belongs to the silence around speech: 30 dB.
const QUIET: f32 = 0.001;

/// Whether a clip of so many samples is short.
pub(crate) fn is_short(samples: &[f32]) -> bool {
    length_ms(samples) <= SHORT_MS
}

/// The clip behind [`SILENCE_MS`] of silence.
pub(crate) fn behind_silence(samples: &[f32]) -> Vec<f32> {
    let mut padded = vec![0.0; usize::try_from(ms_to_samples(SILENCE_MS)).unwrap_or_default()];
    padded.extend_from_slice(samples);
    padded
}

/// From the first to the last sound that is not silence beside the loudest, in ms.
pub(crate) fn spoken_ms(samples: &[f32]) -> u64 {
    let step = usize::try_from(ms_to_samples(STEP_MS)).unwrap_or(usize::MAX);
    let powers: Vec<f32> =
        samples.chunks(step).map(|part| part.iter().map(|sample| sample * sample).sum::<f32>()).collect();
    let least = powers.iter().copied().fold(0.0, f32::max) * QUIET;
    let is_loud = |power: &f32| *power > least;
    let (first, last) = (powers.iter().position(is_loud), powers.iter().rposition(is_loud));
    first.zip(last).map_or(0, |(first, last)| u64::try_from(last - first + 1).unwrap_or(u64::MAX) * STEP_MS)
}

/// How long a clip is, in ms.
pub(crate) fn length_ms(samples: &[f32]) -> u64 {
    samples_to_ms(u64::try_from(samples.len()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_around_speech_is_not_spoken() {
        let speech = vec![0.3; 16_000];
        let faint = vec![0.001; 8000];
        assert_eq!(spoken_ms(&[faint.clone(), speech.clone(), faint].concat()), 1000);
        assert_eq!(spoken_ms(&speech), 1000);
        assert_eq!(spoken_ms(&[0.0; 1600]), 0);
        assert_eq!(spoken_ms(&[]), 0);
        assert_eq!(length_ms(&behind_silence(&speech)), 1500);
    }
}
