//! The speech of a recording, cut into clips.

use earmark_core::{Clip, Region, Speech, Warning, samples_to_ms};

use super::frame::{FRAME, frames_of};
use super::listening::{Listened, listen};
use super::options::SegmentOptions;
use super::quietest_point::quietest;
use super::silero::SpeechModel;
use super::speech::Probability;
use super::survey::{Origin, Survey};
use super::{cut, level, speech, survey};
use crate::{AudioError, Spool};

/// The speech of a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Segmented {
    /// Clips of all channels by start time; their keys count within the channel.
    pub clips: Vec<Clip>,
    /// For each channel the factor that brings its speech to the usual level, at least 1; see
    /// [`samples`](super::samples).
    pub gains: Vec<f32>,
    /// All channels carry the same sound, so only channel 0 gives clips.
    pub channels_are_same: bool,
    /// For each channel how much speech it carries.
    pub speech_ms: Vec<u64>,
    /// The stretches of speech of all channels by start time, before they are packed into clips; what leaked from another
    /// channel, and channels that repeat another, left out.
    pub speech: Vec<Speech>,
    /// What the reader must know of the channels: `duplicate_channels`, `channel_leakage`.
    pub warnings: Vec<Warning>,
}

/// Finds the speech of each channel (`spools`, from channel 0) and cuts it into clips.
///
/// # Errors
/// [`AudioError::Spool`] when the samples cannot be read, [`AudioError::Cancelled`] soon after `is_cancelled` says so.
pub fn segment(
    spools: &[Spool],
    model: &SpeechModel,
    options: &SegmentOptions,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Segmented, AudioError> {
    listen(spools, model, is_cancelled)?.cut(spools, options)
}

impl Listened {
    /// Cuts the speech that was heard in `spools` into clips.
    ///
    /// # Errors
    /// [`AudioError::Spool`] when the samples cannot be read.
    pub fn cut(&self, spools: &[Spool], options: &SegmentOptions) -> Result<Segmented, AudioError> {
        let survey = &self.survey;
        let mut found = Segmented {
            clips: Vec::new(),
            gains: vec![1.0; spools.len()],
            channels_are_same: survey.are_all_same(),
            speech_ms: vec![0; spools.len()],
            speech: Vec::new(),
            warnings: Vec::new(),
        };
        let mut leaked = vec![0; spools.len()];
        for (channel, spool) in spools.iter().enumerate() {
            if survey.same_as(channel).is_some() {
                continue;
            }
            let levels = &survey.levels[channel];
            let mut probabilities = self.probabilities[channel].clone();
            leaked[channel] = silence_copies(&mut probabilities, &survey.origins[channel], options);
            let speech = speech::stretches(&probabilities, spool.samples(), options);
            let speech = speech::from_first_sound(speech, levels);
            found.gains[channel] =
                level::speech_gain(speech.iter().flat_map(|stretch| &levels[frames_of(*stretch)]).copied().collect());
            found.speech_ms[channel] = samples_to_ms(speech.iter().map(Region::samples).sum());
            let number = u16::try_from(channel).unwrap_or(u16::MAX);
            found.speech.extend(speech.iter().map(|stretch| Speech {
                channel: number,
                start_ms: samples_to_ms(stretch.start),
                end_ms: samples_to_ms(stretch.end),
                level_dbfs: level::mean_db(levels.get(frames_of(*stretch)).unwrap_or_default()),
            }));
            found
                .clips
                .extend(cut::clips(number, &speech, spool.samples(), options, &mut |region| quietest(spool, region))?);
        }
        found.clips.sort_by_key(|clip| (clip.regions[0].start, clip.key));
        found.speech.sort_by_key(|stretch| (stretch.start_ms, stretch.channel));
        found.warnings = warnings(survey, &leaked);
        Ok(found)
    }
}

/// Takes the speech out of frames that carry another channel's sound, and says how many frames of speech that were.
fn silence_copies(probabilities: &mut [Probability], origins: &[Origin], options: &SegmentOptions) -> usize {
    let opens = Probability::new(options.speech_opens);
    let mut silenced = 0;
    for (probability, is_copy) in probabilities.iter_mut().zip(survey::copies(origins)) {
        if is_copy {
            silenced += usize::from(*probability >= opens);
            *probability = Probability::ZERO;
        }
    }
    silenced
}

/// What the reader must know of the channels; `leaked` is how many frames of speech were taken out of each.
fn warnings(survey: &Survey, leaked: &[usize]) -> Vec<Warning> {
    /// Less than half a second of leaked speech is not worth a line.
    const WORTH_A_LINE: usize = 16;
    let mut warnings = Vec::new();
    for (channel, leaked) in leaked.iter().enumerate() {
        if let Some((original, difference_db)) = survey.same_as(channel) {
            let detail = format!(
                "channel {channel} carries the same sound as channel {original} ({difference_db:+.1} dB): only channel {original} is transcribed"
            );
            warnings.push(Warning::new("duplicate_channels", detail));
        } else if *leaked >= WORTH_A_LINE {
            let leaks = survey
                .leaks_into(channel)
                .map(|(from, db)| format!("channel {from} at {db:.0} dB"))
                .collect::<Vec<_>>()
                .join(", ");
            #[expect(clippy::as_conversions, reason = "for people, to a tenth of a second")]
            let seconds = (leaked * FRAME) as f32 / 16_000.0;
            let detail = format!(
                "channel {channel} also carries {leaks}: {seconds:.1} s of speech are left to the channel they come from"
            );
            warnings.push(Warning::new("channel_leakage", detail));
        }
    }
    warnings
}
