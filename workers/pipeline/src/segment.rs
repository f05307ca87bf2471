//! Where there is speech: the clips to be transcribed.

use earmark_audio::decode::Decoded;
use earmark_audio::segment::{SegmentOptions, Segmented};
use earmark_core::{Clip, Speech, Stage, Warning};

use crate::context::Context;
use crate::error::JobError;

/// The recording, cut.
pub(crate) struct Cut {
    /// In order of time.
    pub clips: Vec<Clip>,
    /// By channel: what its samples are multiplied with.
    pub gains: Vec<f32>,
    /// Where there is speech, by start time.
    pub speech: Vec<Speech>,
    /// Whether all channels have the same sound.
    pub channels_are_same: bool,
    /// How many channels the recording has.
    channels: usize,
    /// By channel: how much speech is left to another channel that carries it too, in ms.
    pub left_ms: Vec<u64>,
    /// What a reader of the report must know.
    pub warnings: Vec<Warning>,
}

impl Cut {
    /// Channels with sound of their own.
    pub fn different_channels(&self) -> usize {
        if self.channels_are_same { 1 } else { self.channels }
    }
}

/// Looks for speech on a blocking thread and cuts it into clips, none longer than the usual account takes.
///
/// # Errors
/// [`JobError::Segment`], [`JobError::Deadline`], [`JobError::Panicked`], [`JobError::Stopped`].
pub(crate) async fn segment(context: &Context<'_>, decoded: &Decoded) -> Result<Cut, JobError> {
    context.enter(Stage::Segment);
    let (pipeline, stop) = (context.pipeline, context.stop);
    let options = SegmentOptions {
        max_clip_ms: pipeline.settings.segment.max_clip_ms.min(pipeline.accounts.usual.transcriber.limits().max_ms),
        ..pipeline.settings.segment.clone()
    };
    let (spools, model) = (decoded.spools.clone(), pipeline.speech.clone());
    // Whoever stops waiting for the thread tells it so.
    let is_cancelled = stop.child_token();
    let _waiting = is_cancelled.clone().drop_guard();
    let segmenting =
        move || earmark_audio::segment::segment(&spools, &model, &options, &|| is_cancelled.is_cancelled());
    let segmented = context.running.compute(pipeline.settings.segment_timeout, segmenting).await?;
    if stop.is_cancelled() {
        return Err(JobError::Stopped);
    }
    let Segmented { clips, gains, speech, channels_are_same, warnings, .. } = segmented.map_err(JobError::Segment)?;
    let left_ms = Vec::new();
    Ok(Cut { clips, gains, speech, channels_are_same, channels: decoded.spools.len(), left_ms, warnings })
}
