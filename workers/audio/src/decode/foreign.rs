//! What is known of a file that only the ffmpeg program decodes.

use super::amr::Band;

/// A file for ffmpeg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Foreign {
    /// For messages: `AMR`, `GSM in WAV`, …
    pub(super) format: String,
    /// Which of ffmpeg's demuxers, where the bytes do not tell.
    pub(super) demuxer: Option<&'static str>,
    /// What the demuxer has to be told: `-code_size`, `4`.
    pub(super) arguments: Vec<String>,
    /// Other demuxers, with what they have to be told, that fit as well as the one above: the sound has to tell which.
    pub(super) rivals: Vec<(&'static str, Vec<String>)>,
    /// How much sound there should be, where that is known better than ffmpeg knows it.
    pub(super) declared_ms: Option<u64>,
    /// AMR, whose silence must be put back.
    pub(super) amr: Option<Band>,
    /// What to do if ffmpeg cannot decode it after all, where that is no surprise.
    pub(super) advice: Option<&'static str>,
}

impl Foreign {
    /// A file that ffmpeg recognises by itself.
    pub(super) fn named(format: &str) -> Self {
        Self {
            format: format.into(),
            demuxer: None,
            arguments: Vec::new(),
            rivals: Vec::new(),
            declared_ms: None,
            amr: None,
            advice: None,
        }
    }

    /// A file without a mark.
    pub(super) fn raw(format: &str, demuxer: &'static str) -> Self {
        Self { demuxer: Some(demuxer), ..Self::named(format) }
    }

    /// The same, with what the demuxer has to be told, word for word.
    pub(super) fn told(self, arguments: &[&str]) -> Self {
        Self { arguments: arguments.iter().map(|word| (*word).to_owned()).collect(), ..self }
    }

    /// An AMR file of one channel.
    pub(super) fn amr(band: Band) -> Self {
        let format = match band {
            Band::Narrow => "AMR",
            Band::Wide => "AMR-WB",
        };
        Self { amr: Some(band), ..Self::raw(format, "amr") }
    }
}
