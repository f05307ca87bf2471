//! What is known of a file that only the ffmpeg program decodes.

use super::amr::Band;

/// A file for ffmpeg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Foreign {
    /// For messages: `AMR`, `GSM in WAV`, …
    pub(super) format: String,
    /// Which of ffmpeg's demuxers, where the bytes do not tell.
    pub(super) demuxer: Option<&'static str>,
    /// How much sound there should be, where that is known better than ffmpeg knows it.
    pub(super) declared_ms: Option<u64>,
    /// AMR, whose silence must be put back.
    pub(super) amr: Option<Band>,
}

impl Foreign {
    /// A file that ffmpeg recognises by itself.
    pub(super) fn named(format: &str) -> Self {
        Self { format: format.into(), demuxer: None, declared_ms: None, amr: None }
    }
    /// An AMR file of one channel.
    pub(super) fn amr(band: Band) -> Self {
        let format = match band {
            Band::Narrow => "AMR",
            Band::Wide => "AMR-WB",
        };
        Self { demuxer: Some("amr"), amr: Some(band), ..Self::named(format) }
    }
}
