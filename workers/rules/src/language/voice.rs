//! What a rule asks of the voices apart from their words.

use crate::recording::within::Within;

/// A property of the voices.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Voice {
    /// Each time nobody speaks for longer, if need be after somebody spoke.
    Silence { longer_ms: u64, after: Option<String>, within: Option<Within> },
    /// Of all speech (percent).
    TalkShare { speaker: Option<String>, bound: Bound },
    /// Each time several speak at once for longer.
    Overlap { longer_ms: u64, within: Option<Within> },
    /// Several speak at once for more of the time in which anybody speaks (percent).
    OverlapShare(f64),
    /// Somebody begins to speak while another does, and both go on for longer; so many times.
    Interruption { by: Option<String>, least: usize, longer_ms: u64, within: Option<Within> },
    /// Chinese characters, or English words, in a minute of speech.
    SpeechRate { speaker: Option<String>, bound: Bound },
    /// How loud somebody speaks, within a part of the recording.
    Energy { speaker: Option<String>, level: Level, within: Option<Within> },
    /// Of the recording, in seconds.
    Duration(Bound),
    /// The recording ends so soon after a word.
    AbruptEnd { within_ms: u64, by: Option<String> },
}

/// A limit that a measure must be beyond.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    MoreThan(f64),
    LessThan(f64),
}

/// A limit to the level, in dB.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Level {
    /// Each stretch of speech above it.
    LouderThan(f64),
    /// All speech together below it.
    QuieterThan(f64),
    /// Each stretch of speech so much above the speaker's usual level.
    Rise(f64),
}

impl Voice {
    /// Whether the places that show it belong together: so many of them, or the whole.
    pub(crate) fn is_of_the_whole(&self) -> bool {
        !matches!(self, Self::Silence { .. } | Self::Overlap { .. })
    }
}
