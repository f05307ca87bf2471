//! The speech of a recording, cut into clips.

use earmark_core::{Clip, Region, Span, Speech, Warning, samples_to_ms};

use super::frame::{FRAME, frames_of};
use super::listening::{Listened, listen};
use super::options::SegmentOptions;
use super::quietest_point::quietest;
use super::silero::SpeechModel;
use super::speech::Probability;
use super::survey::{Leak, Origin, Survey};
use super::{cut, level, speech, survey};
use crate::wide::wide;
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
    /// For each channel how much of its speech was left to another channel, of which it is a copy.
    pub left_ms: Vec<u64>,
    /// The channels that are neither the same as another nor a mix of others, in order.
    pub own_channels: Vec<u16>,
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
            left_ms: vec![0; spools.len()],
            own_channels: Vec::new(),
            warnings: Vec::new(),
        };
        let mut left = vec![Vec::new(); spools.len()];
        for (channel, spool) in spools.iter().enumerate() {
            if let Some((original, _)) = survey.same_as(channel) {
                found.left_ms[channel] = found.speech_ms[original];
                continue;
            }
            let number = u16::try_from(channel).unwrap_or(u16::MAX);
            if !survey.is_mix(channel) {
                found.own_channels.push(number);
            }
            let levels = &survey.levels[channel];
            let mut probabilities = self.probabilities[channel].clone();
            left[channel] = silence_copies(&mut probabilities, &survey.origins[channel], options);
            found.left_ms[channel] = samples_to_ms(wide(left[channel].len() * FRAME));
            let speech = speech::stretches(&probabilities, spool.samples(), options);
            let speech = speech::from_first_sound(speech, levels);
            found.gains[channel] =
                level::speech_gain(speech.iter().flat_map(|stretch| &levels[frames_of(*stretch)]).copied().collect());
            found.speech_ms[channel] = samples_to_ms(speech.iter().map(Region::samples).sum());
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
        found.warnings = warnings(survey, &left);
        Ok(found)
    }
}

/// Takes the speech out of frames that carry another channel's sound, and says which frames of speech that were.
fn silence_copies(probabilities: &mut [Probability], origins: &[Origin], options: &SegmentOptions) -> Vec<usize> {
    let opens = Probability::new(options.speech_opens);
    let mut silenced = Vec::new();
    for (frame, (probability, is_copy)) in probabilities.iter_mut().zip(survey::copies(origins)).enumerate() {
        if is_copy {
            if *probability >= opens {
                silenced.push(frame);
            }
            *probability = Probability::ZERO;
        }
    }
    silenced
}

/// What the reader must know of the channels; `left` are the frames of speech that were taken out of each.
fn warnings(survey: &Survey, left: &[Vec<usize>]) -> Vec<Warning> {
    /// Less than half a second of leaked speech is not worth a line.
    const WORTH_A_LINE: usize = 16;
    let mut warnings = Vec::new();
    for (channel, left) in left.iter().enumerate() {
        let number = u16::try_from(channel).unwrap_or(u16::MAX);
        if let Some((original, difference_db)) = survey.same_as(channel) {
            let detail = format!(
                "channel {channel} carries the same sound as channel {original} ({difference_db:+.1} dB): only channel {original} is transcribed"
            );
            let all = Span { start_ms: 0, end_ms: ms(survey.levels[channel].len()) };
            warnings.push(Warning::new("duplicate_channels", detail).on(number).within(vec![all]));
        } else if left.len() >= WORTH_A_LINE {
            let spans = spans(left);
            warnings
                .push(Warning::new("channel_leakage", leakage(survey, channel, left, &spans)).on(number).within(spans));
        }
    }
    warnings
}

/// In words what `channel` carries of others, and which speech is left to them.
fn leakage(survey: &Survey, channel: usize, left: &[usize], spans: &[Span]) -> String {
    let parts: Vec<String> = survey.leaks_into(channel).map(part).collect();
    let carried = match parts.split_last() {
        // Channels that are the same here and there, and as loud.
        None => survey.copied_by(channel).map(|other| format!("channel {other}")).collect::<Vec<_>>().join(", "),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    };
    let verb = if survey.is_mix(channel) { "is a mix of" } else { "also carries" };
    let (first_ms, last_ms) =
        (spans.first().map_or(0, |span| span.start_ms), spans.last().map_or(0, |span| span.end_ms));
    format!(
        "channel {channel} {verb} {carried}: {} s of speech between {} s and {} s are left to the channel they come from",
        secs(ms(left.len())),
        secs(first_ms),
        secs(last_ms)
    )
}

/// A channel that is heard in another, with how loud it is there, and how late.
fn part(leak: &Leak) -> String {
    let Leak { from, db, lags: (least, most), .. } = leak;
    let [least_ms, most_ms] = [least, most].map(|lag| samples_to_ms(lag.unsigned_abs()));
    match (least_ms, most_ms) {
        (_, 0) => format!("channel {from} at {db:.0} dB"),
        (least, most) if most - least <= 20 => format!("channel {from} at {db:.0} dB, {most} ms later"),
        (least, most) => format!("channel {from} at {db:.0} dB, {least} to {most} ms later"),
    }
}

/// The stretches that `frames` lie in, of those closer than half a second together one.
fn spans(frames: &[usize]) -> Vec<Span> {
    const TOGETHER: usize = 16;
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for frame in frames {
        match spans.last_mut() {
            Some((_, end)) if *frame <= *end + TOGETHER => *end = frame + 1,
            _ => spans.push((*frame, frame + 1)),
        }
    }
    spans.into_iter().map(|(start, end)| Span { start_ms: ms(start), end_ms: ms(end) }).collect()
}

/// How long so many frames are.
fn ms(frames: usize) -> u64 {
    samples_to_ms(wide(frames * FRAME))
}

/// Seconds to a tenth, for people.
fn secs(ms: u64) -> String {
    let tenths = (ms + 50) / 100;
    format!("{}.{}", tenths / 10, tenths % 10)
}
