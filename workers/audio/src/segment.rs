//! Where there is speech, and where to cut it.
//!
//! Two passes over the spools in blocks: the first notes the level of each 32 ms and what the channels have in common,
//! the second lets the detector hear each channel at a raised level. What is kept of a frame is three bytes.

mod channels;
mod cut;
mod dense;
mod level;
mod network;
mod quiet;
mod speech;
mod survey;
mod weights;

use earmark_core::{Clip, Region, Speech, Warning, samples_to_ms};

use self::level::{Level, Raise};
use self::network::{CONTEXT, FRAME, Memory};
use self::speech::Probability;
use self::survey::{Origin, Survey, survey};
use crate::{AudioError, Spool};

pub use self::network::SpeechModel;

/// How speech is found and cut.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentOptions {
    /// No clip is longer: the engine's limit.
    pub max_clip_ms: u64,
    /// Stretches of speech travel together up to this length; 0 sends each by itself.
    pub pack_to_ms: u64,
    /// Stretches further apart than this never travel together.
    pub max_gap_ms: u64,
    /// A pause up to this stays in the clip; of a longer one only the padding does.
    pub bridge_ms: u64,
    /// The least kept before and after a stretch of speech.
    pub min_padding_ms: u64,
    /// The most kept: the edge lies at the quietest point between the two.
    pub max_padding_ms: u64,
    /// A clip that reaches its limit is cut at the quietest point, or at the longest pause, of its last part this long.
    pub cut_search_ms: u64,
    /// The probability at which speech opens.
    pub speech_opens: f32,
    /// The probability below which it closes.
    pub speech_closes: f32,
    /// How long it must stay below to close.
    pub close_ms: u64,
    /// Shorter speech is taken for noise.
    pub min_speech_ms: u64,
}

impl Default for SegmentOptions {
    fn default() -> Self {
        Self {
            // GLM-ASR and Whisper both hear 30 s; two of them are for their idea of the length.
            max_clip_ms: 28_000,
            pack_to_ms: 28_000,
            max_gap_ms: 30_000,
            bridge_ms: 800,
            min_padding_ms: 100,
            max_padding_ms: 300,
            cut_search_ms: 6_000,
            // Silero's own thresholds; 0.15 apart so that a word does not flicker.
            speech_opens: 0.5,
            speech_closes: 0.35,
            close_ms: 200,
            min_speech_ms: 128,
        }
    }
}

/// The speech of a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Segmented {
    /// Clips of all channels by start time; their keys count within the channel.
    pub clips: Vec<Clip>,
    /// For each channel the factor that brings its speech to the usual level, at least 1; see [`samples`].
    pub gains: Vec<f32>,
    /// All channels carry the same sound, so only channel 0 gives clips.
    pub channels_are_same: bool,
    /// For each channel how much speech it carries.
    pub speech_ms: Vec<u64>,
    /// The stretches of speech of all channels by start time, before they are packed into clips; what leaked from another
    /// channel, and channels that repeat another, left out.
    pub speech: Vec<Speech>,
    /// `duplicate_channels`, `channel_leakage`.
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

/// What the detector heard: all that is slow about segmenting, and the same however the speech is cut.
#[derive(Debug)]
pub struct Listened {
    survey: Survey,
    /// By channel; none of one that repeats another.
    probabilities: Vec<Vec<Probability>>,
}

/// Lets the detector hear each channel (`spools`, from channel 0) that is not another's copy.
///
/// # Errors
/// As [`segment`].
pub fn listen(spools: &[Spool], model: &SpeechModel, is_cancelled: &dyn Fn() -> bool) -> Result<Listened, AudioError> {
    let relations = channels::related(spools, is_cancelled)?;
    let survey = survey(spools, &relations, is_cancelled)?;
    let heard = spools.iter().enumerate().map(|(channel, spool)| match survey.same_as(channel) {
        Some(_) => Ok(Vec::new()),
        None => probabilities(spool, &survey.levels[channel], model, is_cancelled),
    });
    let probabilities = heard.collect::<Result<_, _>>()?;
    Ok(Listened { survey, probabilities })
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
            found.clips.extend(cut::clips(number, &speech, spool.samples(), options, &mut |region| {
                quiet::quietest(spool, region)
            })?);
        }
        found.clips.sort_by_key(|clip| (clip.regions[0].start, clip.key));
        found.speech.sort_by_key(|stretch| (stretch.start_ms, stretch.channel));
        found.warnings = warnings(survey, &leaked);
        Ok(found)
    }
}

/// The sound of `clip` as a recogniser hears it: its regions one behind the other, each raised to the usual level on
/// the strength of `gain` (its channel's of [`Segmented::gains`]), peaks bent below 1; mono, 16 kHz.
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

/// Frames the detector hears at a time: two seconds keep its matrices busy and in the cache.
const BLOCK: usize = 64;
/// A block without a frame above this is silence, as on the listening side of a call: the detector need not hear it.
const SILENT_DB: f32 = -80.0;

/// The probability of speech in each frame of a channel.
fn probabilities(
    spool: &Spool,
    levels: &[Level],
    model: &SpeechModel,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Vec<Probability>, AudioError> {
    let raise = Raise::of(levels);
    let mut probabilities = Vec::with_capacity(levels.len());
    let mut memory = Memory::default();
    // The end of the block before, then the block.
    let mut heard = vec![0.0; CONTEXT];
    for (number, block) in levels.chunks(BLOCK).enumerate() {
        if is_cancelled() {
            return Err(AudioError::Cancelled);
        }
        if block.iter().all(|level| level.db() < SILENT_DB) {
            memory = Memory::default();
            heard.fill(0.0);
            probabilities.extend(block.iter().map(|_| Probability::ZERO));
            continue;
        }
        let first = number * BLOCK;
        heard.drain(..heard.len() - CONTEXT);
        spool
            .read(Region { start: (first * FRAME) as u64, end: ((first + block.len()) * FRAME) as u64 }, &mut heard)?;
        heard.resize(CONTEXT + block.len() * FRAME, 0.0);
        raise.apply(first, &mut heard[CONTEXT..]);
        probabilities.extend(model.probabilities(&heard, &mut memory).into_iter().map(Probability::new));
    }
    Ok(probabilities)
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

/// The frames of a stretch.
fn frames_of(stretch: Region) -> std::ops::Range<usize> {
    let frame = FRAME as u64;
    let number = |sample: u64| usize::try_from(sample).unwrap_or(usize::MAX);
    number(stretch.start / frame)..number(stretch.end.div_ceil(frame))
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
            warnings.push(Warning { code: "duplicate_channels".into(), detail });
        } else if *leaked >= WORTH_A_LINE {
            let leaks = survey
                .leaks_into(channel)
                .map(|(from, db)| format!("channel {from} at {db:.0} dB"))
                .collect::<Vec<_>>()
                .join(", ");
            let seconds = (leaked * FRAME) as f32 / 16_000.0;
            let detail = format!(
                "channel {channel} also carries {leaks}: {seconds:.1} s of speech are left to the channel they come from"
            );
            warnings.push(Warning { code: "channel_leakage".into(), detail });
        }
    }
    warnings
}
