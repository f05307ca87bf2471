//! Where there is speech: the clips to be transcribed.

use earmark_audio::decode::Decoded;
use earmark_audio::segment::{SegmentOptions, Segmented};
use earmark_core::{Clip, Speech, Warning};
use tokio_util::sync::CancellationToken;

use crate::watched::Watched;
use crate::{JobError, Pipeline};

/// The recording, cut.
pub struct Cut {
    /// In order of time.
    pub clips: Vec<Clip>,
    /// By channel: what its samples are multiplied with.
    pub gains: Vec<f32>,
    /// Where there is speech, by start time.
    pub speech: Vec<Speech>,
    /// The same sound on all channels.
    pub channels_are_same: bool,
    /// Channels in the recording.
    channels: usize,
    /// What a reader must know.
    pub warnings: Vec<Warning>,
}

impl Cut {
    /// Channels with sound of their own.
    pub fn different_channels(&self) -> usize {
        if self.channels_are_same { 1 } else { self.channels }
    }
}

pub async fn segment(
    pipeline: &Pipeline,
    watched: &Watched,
    decoded: &Decoded,
    stop: &CancellationToken,
) -> Result<Cut, JobError> {
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
    let segmented = watched.blocking("segment", pipeline.settings.segment_timeout, segmenting).await?;
    if stop.is_cancelled() {
        return Err(JobError::Stopped);
    }
    let Segmented { clips, gains, speech, channels_are_same, warnings, .. } = segmented.map_err(JobError::Segment)?;
    Ok(Cut { clips, gains, speech, channels_are_same, channels: decoded.spools.len(), warnings })
}
