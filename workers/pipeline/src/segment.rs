//! Where there is speech: the clips to be transcribed.

use earmark_audio::decode::Decoded;
use earmark_audio::segment::{SegmentOptions, Segmented};
use earmark_core::{Clip, Speaker, Speech, Stage, Warning};

use crate::context::Context;
use crate::error::JobError;
use crate::stitch::Speakers;

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
    /// Those that are neither the same as another nor a mix of others.
    own_channels: Vec<u16>,
    /// What a reader of the report must know.
    pub warnings: Vec<Warning>,
}

impl Cut {
    /// Channels with sound of their own.
    pub fn different_channels(&self) -> usize {
        if self.channels_are_same { 1 } else { self.channels }
    }

    /// Who speaks on the channels of this recording, where `configured` says who speaks on those of any.
    ///
    /// With more channels than names a channel that repeats another or is a mix of others takes none: the names are
    /// those of the channels that remain, in order.
    pub fn speakers(&self, configured: &Speakers) -> Speakers {
        if self.channels <= configured.by_channel.len() || self.own_channels.len() == self.channels {
            return configured.clone();
        }
        let mut by_channel = vec![Speaker::unknown(); self.channels];
        for (channel, speaker) in self.own_channels.iter().zip(&configured.by_channel) {
            by_channel[usize::from(*channel)] = speaker.clone();
        }
        Speakers { by_channel, mono: configured.mono.clone() }
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
    let Segmented { clips, gains, speech, channels_are_same, own_channels, left_ms, warnings, .. } =
        segmented.map_err(JobError::Segment)?;
    Ok(Cut { clips, gains, speech, channels_are_same, channels: decoded.spools.len(), own_channels, left_ms, warnings })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_to_the_channels_that_are_somebodys_own() {
        let names = |of: &[&str]| of.iter().map(|name| Speaker((*name).into())).collect::<Vec<_>>();
        for (channels, own_channels, configured, expected) in [
            (2, vec![0, 1], names(&["agent", "customer"]), names(&["agent", "customer"])),
            (3, vec![1, 2], names(&["agent", "customer"]), names(&["unknown", "agent", "customer"])),
            (3, vec![0, 2], names(&["agent", "customer"]), names(&["agent", "unknown", "customer"])),
            (3, vec![0, 1], names(&["agent", "customer"]), names(&["agent", "customer", "unknown"])),
            (3, vec![1, 2], names(&["room", "agent", "customer"]), names(&["room", "agent", "customer"])),
            (4, vec![1, 2, 3], names(&["agent", "customer"]), names(&["unknown", "agent", "customer", "unknown"])),
            (3, vec![0, 1, 2], names(&["agent", "customer"]), names(&["agent", "customer"])),
        ] {
            let cut = Cut {
                clips: Vec::new(),
                gains: Vec::new(),
                speech: Vec::new(),
                channels_are_same: false,
                channels,
                own_channels,
                left_ms: Vec::new(),
                warnings: Vec::new(),
            };
            let speakers = Speakers { by_channel: configured, mono: Speaker::unknown() };
            assert_eq!(cut.speakers(&speakers).by_channel, expected);
        }
    }
}
