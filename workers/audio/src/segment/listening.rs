//! The detector's hearing of every channel: all that is slow about segmenting.

use earmark_core::Region;

use super::channel_correlation::related;
use super::frame::FRAME;
use super::level::{Level, Raise};
use super::silero::{CONTEXT, Memory, SpeechModel};
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
    let relations = related(spools, is_cancelled)?;
    let survey = survey(spools, &relations, is_cancelled)?;
    let heard = spools.iter().enumerate().map(|(channel, spool)| match survey.same_as(channel) {
        Some(_) => Ok(Vec::new()),
        None => probabilities(spool, &survey.levels[channel], model, is_cancelled),
    });
    let probabilities = heard.collect::<Result<_, _>>()?;
    Ok(Listened { survey, probabilities })
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
        spool.read(Region { start: wide(first * FRAME), end: wide((first + block.len()) * FRAME) }, &mut heard)?;
        heard.resize(CONTEXT + block.len() * FRAME, 0.0);
        raise.apply(first, &mut heard[CONTEXT..]);
        probabilities.extend(model.probabilities(&heard, &mut memory).into_iter().map(Probability::new));
    }
    Ok(probabilities)
}
