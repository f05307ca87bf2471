//! What was said, by whom, when.

use serde::{Deserialize, Serialize};

use crate::words::words;

words! {
    /// How a time was found.
    #[derive(PartialOrd, Ord)]
    pub enum TimePrecision: "precision of times" {
        /// The recogniser aligned every word.
        Word = "word",
        /// The recogniser gave the segment's times.
        Segment = "segment",
        /// Spread over the clip's speech by punctuation and syllables.
        Estimated = "estimated",
    }
}

/// Who speaks: `agent`, `customer`, `unknown`, or another name given by the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Speaker(pub String);

impl Speaker {
    /// The company's side of a call.
    pub const AGENT: &'static str = "agent";
    /// The other side of a call.
    pub const CUSTOMER: &'static str = "customer";
    /// Nobody can tell.
    pub const UNKNOWN: &'static str = "unknown";

    /// Nobody can tell.
    pub fn unknown() -> Self {
        Self(Self::UNKNOWN.into())
    }
}

/// A word with its times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// In the clip's time while in a [`TimedText`], in the recording's while in an [`Utterance`].
    pub start_ms: u64,
    /// Where it ends, in the same time as `start_ms`.
    pub end_ms: u64,
    /// Where its text begins in the text around it, in Unicode scalar values.
    pub offset: usize,
    /// Its text, as it stands in the text around it.
    pub text: String,
}

/// A piece of a clip's text with times in the clip (milliseconds from the clip's start).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimedText {
    /// From the clip's start.
    pub start_ms: u64,
    /// From the clip's start, not before `start_ms`.
    pub end_ms: u64,
    /// What was heard; not empty.
    pub text: String,
    /// How sure the recogniser is, 0 to 1, where it says.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub confidence: Option<f32>,
    /// Word times, where they were asked for and the recogniser has them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub words: Vec<Word>,
}

/// Text that a recogniser gave and earmark did not believe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dropped {
    /// From the clip's start.
    pub start_ms: u64,
    /// From the clip's start; `None` where nobody can tell, and in what was saved before it was noted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub end_ms: Option<u64>,
    /// Why: `loop`, `no_speech`, `no_time`, `other_language`, `prompt_echo`.
    pub reason: String,
    /// How many characters were dropped. (Not the text: it was never said.)
    pub characters: usize,
}

/// A language that a clip may be in, none of those that were to be chosen among.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OtherLanguage {
    /// ISO 639-1 (and Whisper's few longer ones): the most probable of the others.
    pub language: String,
    /// How probable it is, 0 to 1.
    pub probability: f32,
    /// How probable those to be chosen among are, together.
    pub candidates: f32,
}

/// A recogniser's whole answer for one clip; what is kept of a clip after a crash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClipText {
    /// ISO 639-1 (`zh`, `en`), given or detected; `None` where the engine does not say.
    pub language: Option<String>,
    /// In order of time.
    pub segments: Vec<TimedText>,
    /// How the segments' times were found.
    pub time_precision: TimePrecision,
    /// What was not believed.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub dropped: Vec<Dropped>,
    /// Seconds of audio the request was billed for, in milliseconds; 0 for the built-in engine.
    #[serde(default)]
    pub billed_ms: u64,
    /// Set when the provider refused the clip as sensitive; the text, if any, is then another engine's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refused: Option<Refusal>,
    /// Set where the clip sounds like a language that was not to be chosen; whether it is in that is told from all clips
    /// of its channel, for a short one is often misjudged.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub other_language: Option<OtherLanguage>,
}

/// A provider's refusal to transcribe what it finds sensitive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// In the provider's numbers, where it gave one.
    pub code: Option<String>,
    /// In the provider's words.
    pub message: String,
    /// Who transcribed the clip instead, where somebody did.
    pub instead: Option<String>,
}

/// A stretch of speech on one channel, as the segmenter found it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Speech {
    /// Channel of the recording, from 0.
    pub channel: u16,
    /// From the recording's start.
    pub start_ms: u64,
    /// From the recording's start, not before `start_ms`.
    pub end_ms: u64,
    /// Mean level in dB below full scale (0 or less), where it was measured.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub level_dbfs: Option<f32>,
}

/// A stretch of one speaker's speech, in recording time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Utterance {
    /// From 0, in order of time.
    pub id: u32,
    /// Channel of the recording, from 0.
    pub channel: u16,
    /// Who spoke, told from the channel.
    pub speaker: Speaker,
    /// From the recording's start.
    pub start_ms: u64,
    /// From the recording's start, not before `start_ms`.
    pub end_ms: u64,
    /// How the times were found.
    pub time_precision: TimePrecision,
    /// ISO 639-1, where known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub language: Option<String>,
    /// What was said.
    pub text: String,
    /// Word times, where the engine gave them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub words: Vec<Word>,
}
