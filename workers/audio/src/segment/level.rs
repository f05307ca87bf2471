//! How loud each frame is, and how far to raise what is quiet.

use super::frame::FRAME;

/// The level of a frame in half decibels above -100 dBFS: one byte, since a 36-hour channel has four million frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Level(u8);

impl Level {
    /// The level of a frame without its constant part, which telephone lines add and nobody hears.
    pub(super) fn of(samples: &[f32]) -> Self {
        #[expect(clippy::as_conversions, reason = "a frame's 512 samples, or a block's")]
        let count = samples.len().max(1) as f32;
        let mean = samples.iter().sum::<f32>() / count;
        let power = samples.iter().map(|sample| (sample - mean) * (sample - mean)).sum::<f32>() / count;
        Self::from_db(10.0 * (power + 1e-10).log10())
    }

    pub(super) fn from_db(db: f32) -> Self {
        #[expect(clippy::as_conversions, reason = "saturating, and clamped before")]
        let code = ((db + 100.0) * 2.0).round().clamp(0.0, 200.0) as u8;
        Self(code)
    }

    /// In dBFS of the root mean square.
    pub(super) fn db(self) -> f32 {
        f32::from(self.0) / 2.0 - 100.0
    }
}

/// The level of frames together, in dBFS to a tenth, of their mean power; none of no frames.
pub(super) fn mean_db(levels: &[Level]) -> Option<f32> {
    if levels.is_empty() {
        return None;
    }
    let power = levels.iter().map(|level| 10_f64.powf(f64::from(level.db()) / 10.0)).sum::<f64>();
    #[expect(clippy::as_conversions, reason = "far below 2^52 frames")]
    let mean_db = 10.0 * (power / levels.len() as f64).log10();
    #[expect(clippy::as_conversions, reason = "-100 to 0")]
    let tenths = (mean_db * 10.0).round().min(0.0) as f32;
    Some(tenths / 10.0)
}

/// Where the loud frames of speech are brought before the detector hears them, in dBFS.
const TARGET_DB: f32 = -20.0;
/// Nothing is raised further than this: below -65 dBFS lies the noise of 8-bit telephony.
const MOST_GAIN_DB: f32 = 45.0;
/// A passage is raised at most this much further than the channel's loud passages ask for, so that the far voice in a
/// meeting is heard but the noise of a long pause is not made as loud as speech.
const MOST_LOCAL_DB: f32 = 15.0;
/// Frames looked at together: about a second.
const BLOCK: usize = 32;
/// Blocks on either side whose loudest tell a passage's level.
const REACH: usize = 3;

/// How far the detector's input is raised, passage by passage.
#[derive(Debug)]
pub(super) struct Raise {
    /// At the middle of each block, in dB.
    blocks_db: Vec<f32>,
}

impl Raise {
    /// For a channel of these frames.
    pub(super) fn of(levels: &[Level]) -> Self {
        // The third loudest frame of a second: a click has one or two.
        let loud: Vec<Level> = levels.chunks(BLOCK).map(|block| nth_loudest(block, 2)).collect();
        let channel_db = nth_loudest(&loud, loud.len() / 20).db();
        let channel_gain = (TARGET_DB - channel_db).clamp(0.0, MOST_GAIN_DB);
        let blocks_db = (0..loud.len())
            .map(|block| {
                let around = &loud[block.saturating_sub(REACH)..(block + REACH + 1).min(loud.len())];
                (TARGET_DB - nth_loudest(around, 1).db()).clamp(0.0, (channel_gain + MOST_LOCAL_DB).min(MOST_GAIN_DB))
            })
            .collect();
        Self { blocks_db }
    }

    /// Raises whole frames of `samples`, the first of them frame `first` of the channel, gliding from block to block.
    pub(super) fn apply(&self, first: usize, samples: &mut [f32]) {
        for (frame, samples) in (first..).zip(samples.chunks_mut(FRAME)) {
            let gain = gain(self.at(frame));
            for sample in samples {
                *sample = soft_limit(*sample * gain);
            }
        }
    }

    /// In dB at a frame, at least 0.
    #[expect(clippy::as_conversions, reason = "numbers of frames and blocks, far below 2^24; none is negative")]
    pub(super) fn at(&self, frame: usize) -> f32 {
        let Some(last) = self.blocks_db.len().checked_sub(1) else { return 0.0 };
        let place = (frame as f32 - BLOCK as f32 / 2.0) / BLOCK as f32;
        let before = (place.max(0.0) as usize).min(last);
        let after = (before + 1).min(last);
        let share = (place - before as f32).clamp(0.0, 1.0);
        self.blocks_db[before] * (1.0 - share) + self.blocks_db[after] * share
    }
}

/// Where speech is brought before the recogniser hears it, in dBFS: the median frame of speech.
const SPEECH_DB: f32 = -26.0;

/// The factor that raises a channel whose frames of speech are `speech` to the usual level; 1 where it is loud enough.
pub(super) fn speech_gain(mut speech: Vec<Level>) -> f32 {
    if speech.is_empty() {
        return 1.0;
    }
    let middle = speech.len() / 2;
    let median = *speech.select_nth_unstable(middle).1;
    gain((SPEECH_DB - median.db()).clamp(0.0, MOST_GAIN_DB))
}

/// Raises a region of speech whose channel asks for the factor `channel_gain` until its loud frames are as loud as
/// those of usual speech, within [`MOST_LOCAL_DB`] of what the channel asks for.
pub(super) fn raise_region(samples: &mut [f32], channel_gain: f32) {
    let levels: Vec<Level> = samples.chunks(FRAME).map(Level::of).collect();
    let loud = nth_loudest(&levels, levels.len() / 10);
    let most = (20.0 * channel_gain.max(1.0).log10() + MOST_LOCAL_DB).min(MOST_GAIN_DB);
    let gain = gain((TARGET_DB - loud.db()).clamp(0.0, most));
    if gain > 1.0 {
        for sample in samples {
            *sample = soft_limit(*sample * gain);
        }
    }
}

fn gain(db: f32) -> f32 {
    10.0_f32.powf(db / 20.0)
}

/// A sample as it is up to 0.8, bent towards 1 above, so that raised peaks do not clip.
pub(super) fn soft_limit(sample: f32) -> f32 {
    const KNEE: f32 = 0.8;
    let size = sample.abs();
    if size <= KNEE { sample } else { (KNEE + (1.0 - KNEE) * ((size - KNEE) / (1.0 - KNEE)).tanh()).copysign(sample) }
}

/// The `n`th loudest, from 0; of fewer the quietest, of none silence.
pub(super) fn nth_loudest(levels: &[Level], n: usize) -> Level {
    let mut sorted = levels.to_vec();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    sorted.get(n).or(sorted.last()).copied().unwrap_or(Level(0))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::as_conversions, reason = "small numbers of samples as floats and back")]

    use super::*;

    #[test]
    fn a_level_is_that_of_what_is_heard() {
        let sine = |amplitude: f32, offset: f32| -> Vec<f32> {
            (0..FRAME).map(|i| offset + amplitude * (i as f32 * 0.3).sin()).collect()
        };
        for (samples, db) in [
            (sine(1.0, 0.0), -3.0),
            (sine(0.01, 0.0), -43.0),
            (sine(0.01, 0.2), -43.0),
            (vec![0.0; FRAME], -100.0),
            (vec![0.3; FRAME], -100.0),
        ] {
            assert!((Level::of(&samples).db() - db).abs() <= 0.5, "{} for {db}", Level::of(&samples).db());
        }
    }

    #[test]
    fn quiet_speech_is_raised_and_silence_is_not_made_noise() {
        let gain_at = |levels: &[f32], frame| {
            Raise::of(&levels.iter().map(|db| Level::from_db(*db)).collect::<Vec<_>>()).at(frame)
        };
        let mut pause = vec![-20.0; 1000];
        pause.extend([-70.0; 2000]);
        for (levels, frame, expected) in [
            (vec![-45.0; 500], 250, 25.0),
            (vec![-15.0; 500], 250, 0.0),
            (vec![-100.0; 500], 250, MOST_GAIN_DB),
            (pause, 2500, MOST_LOCAL_DB),
        ] {
            assert_eq!(gain_at(&levels, frame), expected);
        }
        assert_eq!(gain_at(&[], 0), 0.0);
    }

    #[test]
    fn the_limiter_leaves_speech_alone_and_never_exceeds_one() {
        for (sample, expected) in [(0.5, 0.5), (-0.8, -0.8), (50.0, 1.0), (-50.0, -1.0)] {
            assert!((soft_limit(sample) - expected).abs() < 1e-6);
        }
        assert!(soft_limit(0.9) < 0.9 && soft_limit(0.9) > 0.8);
    }
}
