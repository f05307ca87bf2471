//! The detector's hearing of every channel: all that is slow about segmenting.

use earmark_core::Region;

use super::bands::Bands;
use super::channel_correlation::{Path, related};
use super::copied::trace;
use super::echo::Channel;
use super::frame::FRAME;
use super::level::{Level, Raise};
use super::silero::{BINS, CONTEXT, Memory, SpeechModel};
use super::speech::Probability;
use super::survey::{Survey, survey};
use crate::wide::wide;
use crate::{AudioError, Spool};

/// What the detector heard: all that is slow about segmenting, and the same however the speech is cut.
#[derive(Debug)]
pub struct Listened {
    pub(super) survey: Survey,
    /// By channel; none of one that repeats another.
    pub(super) probabilities: Vec<Vec<Probability>>,
}

/// Lets the detector hear each channel (`spools`, from channel 0) that is not another's copy.
///
/// # Errors
/// As [`segment`](super::segment).
pub fn listen(spools: &[Spool], model: &SpeechModel, is_cancelled: &dyn Fn() -> bool) -> Result<Listened, AudioError> {
    let related = related(spools, is_cancelled)?;
    let mut survey = survey(spools, &related.relations, is_cancelled)?;
    let paths: Vec<&Path> = related
        .paths
        .iter()
        .filter(|path| survey.same_as(path.from).is_none() && survey.same_as(path.into).is_none())
        .collect();
    let mut probabilities = Vec::with_capacity(spools.len());
    let mut channels = Vec::with_capacity(spools.len());
    for (channel, spool) in spools.iter().enumerate() {
        let is_compared = paths.iter().any(|path| path.from == channel || path.into == channel);
        let mut bands = Vec::new();
        probabilities.push(match survey.same_as(channel) {
            Some(_) => Vec::new(),
            None => heard(spool, &survey.levels[channel], model, is_compared.then_some(&mut bands), is_cancelled)?,
        });
        channels.push(is_compared.then(|| Channel::new(bands)));
    }
    trace(&paths, &channels, &mut survey);
    Ok(Listened { survey, probabilities })
}

/// Frames the detector hears at a time: two seconds keep its matrices busy and in the cache.
const BLOCK: usize = 64;
/// A block without a frame above this is silence, as on the listening side of a call: the detector need not hear it.
const SILENT_DB: f32 = -80.0;

/// The probability of speech in each frame of a channel; how strong it is in each band goes to `bands`, where asked for.
fn heard(
    spool: &Spool,
    levels: &[Level],
    model: &SpeechModel,
    mut bands: Option<&mut Vec<Bands>>,
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
            if let Some(bands) = &mut bands {
                bands.extend(block.iter().map(|_| Bands::SILENCE));
            }
            continue;
        }
        let first = number * BLOCK;
        heard.drain(..heard.len() - CONTEXT);
        spool.read(Region { start: wide(first * FRAME), end: wide((first + block.len()) * FRAME) }, &mut heard)?;
        heard.resize(CONTEXT + block.len() * FRAME, 0.0);
        raise.apply(first, &mut heard[CONTEXT..]);
        let mut see = |spectra: &[Vec<f32>]| {
            if let Some(bands) = &mut bands {
                bands.extend((0..block.len()).map(|frame| {
                    let lines = spectra.iter().map(|spectra| &spectra[frame * BINS..(frame + 1) * BINS]);
                    Bands::of(lines, raise.at(first + frame))
                }));
            }
        };
        probabilities.extend(model.probabilities(&heard, &mut memory, &mut see).into_iter().map(Probability::new));
    }
    Ok(probabilities)
}
