//! The report: the one result format. Its JSON Schema is `docs/report.schema.json`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::hex;
use crate::{Finding, JobId, Lane, RecordingUri, Speech, Tenant, Utterance};

/// Everything known of one finished job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Which job.
    pub job_id: JobId,
    /// Whose.
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
    /// What listened.
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
    /// Of the bytes fetched, in hex.
    pub sha256: String,
    /// Of the bytes fetched.
    pub size_bytes: u64,
    /// Of the audio that could be decoded.
    pub duration_ms: u64,
    /// As the container says.
    pub channels: u16,
    /// `pcm_alaw`, `mp3`, `opus`, …: the names ffmpeg uses.
    pub codec: String,
    /// Before resampling.
    pub sample_rate_hz: u32,
}

/// What turned the sound into text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engine {
    /// `local` or `glm`.
    pub name: String,
    /// The model.
    pub model: String,
    /// Version of model and library: what is needed to repeat it.
    pub version: String,
}

/// Which rules.
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
    /// In yuan.
    pub price_cny: f64,
}

/// What a reader must know before relying on the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// `recording_truncated`, `duplicate_channels`, `text_dropped`, …
    pub code: String,
    /// In words, with figures.
    pub detail: String,
}

/// An instant as RFC 3339 in UTC with milliseconds; out of range instants give the epoch.
pub fn rfc3339(ms: i64) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        .format(&Rfc3339)
        .unwrap_or_else(|_| "1970-01-01T00:00:00Z".into())
}

/// Milliseconds since the epoch of an instant in RFC 3339; none of anything else.
pub fn rfc3339_ms(text: &str) -> Option<i64> {
    let instant = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(instant.unix_timestamp_nanos() / 1_000_000).ok()
}

/// `m:ss` or `h:mm:ss`.
pub fn minutes_seconds(ms: u64) -> String {
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}
