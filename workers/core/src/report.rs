//! The report: the one result format. Its JSON Schema is `docs/report.schema.json`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::hex;
use crate::{Accounting, Finding, JobId, Lane, RecordingUri, Span, Speech, Tenant, Utterance};

/// Everything known of one finished job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The job whose report it is.
    pub job_id: JobId,
    /// The tenant it belongs to.
    pub tenant: Tenant,
    /// How urgent it was.
    pub lane: Lane,
    /// The producer's own key, if one was given.
    pub key: Option<String>,
    /// What the producer gave along.
    pub metadata: Map<String, Value>,
    /// RFC 3339, UTC.
    pub accepted_at: String,
    /// RFC 3339, UTC.
    pub finished_at: String,
    /// ISO 639-1 of most of the speech; `und` where nothing was said.
    pub language: String,
    /// What was listened to.
    pub recording: Recording,
    /// The recogniser that turned the sound into text.
    pub engine: Engine,
    /// What it was judged by.
    pub rule_set: RuleSetId,
    /// What was said.
    pub utterances: Vec<Utterance>,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What rules on trial found: recorded, never told.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub shadow_findings: Vec<Finding>,
    /// Where there is speech, by channel, in order of time; what rules on silence, overlap and interruption go by.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub speech: Vec<Speech>,
    /// What it cost.
    pub cost: Cost,
    /// What a reader must know before relying on it.
    pub warnings: Vec<Warning>,
}

impl Report {
    /// SHA-256 in hex of what was said, when and on which channel: binds the words to the audit log even where the
    /// report's file is lost.
    pub fn transcript_sha256(&self) -> String {
        let mut hasher = Sha256::new();
        for utterance in &self.utterances {
            hasher.update(format!(
                "{}\0{}\0{}\0{}\n",
                utterance.channel, utterance.start_ms, utterance.end_ms, utterance.text
            ));
        }
        hex(&hasher.finalize())
    }
}

/// Facts of the recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// As the caller gave it; written without secrets.
    pub uri: RecordingUri,
    /// Of the bytes fetched, in hex; of several files as [`sha256_of_parts`](Self::sha256_of_parts).
    pub sha256: String,
    /// Of the bytes fetched.
    pub size_bytes: u64,
    /// Of the audio that could be decoded.
    pub duration_ms: u64,
    /// As the container says.
    pub channels: u16,
    /// `pcm_alaw`, `mp3`, `opus`, …: the names ffmpeg uses; of several files each name once, with `+` between them.
    pub codec: String,
    /// Samples a second in the file, before resampling; the most of several files.
    pub sample_rate_hz: u32,
    /// Where its time went; none in reports written before it was counted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accounting: Option<Accounting>,
    /// The files of a recording that was offered as a list of them, in the order of their channels.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub parts: Vec<RecordingPart>,
}

impl Recording {
    /// The hash of a recording of several files, `(SHA-256 in hex, offset in ms)` each: the SHA-256 in hex of a text
    /// that has a line for each of them, `SHA-256 offset`.
    pub fn sha256_of_parts<'a>(parts: impl IntoIterator<Item = (&'a str, u64)>) -> String {
        let mut hasher = Sha256::new();
        for (sha256, offset_ms) in parts {
            hasher.update(format!("{sha256} {offset_ms}\n"));
        }
        hex(&hasher.finalize())
    }
}

/// Facts of one file of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordingPart {
    /// As the caller gave it; written without secrets.
    pub uri: RecordingUri,
    /// Of the bytes fetched, in hex.
    pub sha256: String,
    /// Of the bytes fetched.
    pub size_bytes: u64,
    /// Of its audio that could be decoded, without the silence before and after it.
    pub duration_ms: u64,
    /// How many channels it has.
    pub channels: u16,
    /// `pcm_alaw`, `mp3`, `opus`, …: the names ffmpeg uses.
    pub codec: String,
    /// Samples a second in the file, before resampling.
    pub sample_rate_hz: u32,
    /// How much later than the recording it begins.
    pub offset_ms: u64,
    /// Its first channel among the recording's.
    pub first_channel: u16,
}

/// What turned the sound into text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engine {
    /// `local` or `glm`.
    pub name: String,
    /// The model's name: `whisper-base`, `glm-asr-2512`.
    pub model: String,
    /// Version of model and library: what is needed to repeat it.
    pub version: String,
}

/// A rule set, by name and content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleSetId {
    /// The set's own name.
    pub name: String,
    /// Of the set's files, in hex.
    pub sha256: String,
}

/// What was paid.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Requests sent to the recogniser for this job, those before a crash included.
    pub requests: u64,
    /// Audio in them that the provider bills.
    pub billed_ms: u64,
    /// What that costs, in yuan.
    pub price_cny: f64,
}

/// What a reader must know before relying on the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// `recording_truncated`, `duplicate_channels`, `text_dropped`, …
    pub code: String,
    /// In words, with figures.
    pub detail: String,
    /// Which channel it is about, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub channel: Option<u16>,
    /// Where in the recording, in order of time; empty where it is about all of it.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub spans: Vec<Span>,
}

impl Warning {
    /// About the whole recording.
    pub fn new(code: &str, detail: impl Into<String>) -> Self {
        Self { code: code.into(), detail: detail.into(), channel: None, spans: Vec::new() }
    }

    /// The same, about `channel`.
    #[must_use]
    pub fn on(self, channel: u16) -> Self {
        Self { channel: Some(channel), ..self }
    }

    /// The same, about these stretches of the recording.
    #[must_use]
    pub fn within(self, spans: Vec<Span>) -> Self {
        Self { spans, ..self }
    }
}
