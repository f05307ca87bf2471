//! What recordings would take and cost.

use earmark_core::{Problem, RecordingUri, Tenant};
use serde::Serialize;

/// What became of the look at one recording.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum PlanRow {
    /// It could be read.
    Planned {
        /// The recording itself.
        recording: PlannedRecording,
        /// Whose it is.
        tenant: Tenant,
        /// The account that would transcribe it.
        account: String,
        /// What it would take.
        #[serde(flatten)]
        load: Load,
    },
    /// It could not.
    Failed {
        /// The recording, of which nothing but the address is known.
        recording: PlannedRecording,
        /// Whose it is.
        tenant: Tenant,
        /// Why it could not be read.
        error: Problem,
    },
}

impl PlanRow {
    /// The recording's address, in the words of whoever asked.
    pub fn uri(&self) -> &RecordingUri {
        match self {
            Self::Planned { recording, .. } | Self::Failed { recording, .. } => &recording.uri,
        }
    }

    /// What it would take; none where that could not be found out.
    pub fn load(&self) -> Option<&Load> {
        match self {
            Self::Planned { load, .. } => Some(load),
            Self::Failed { .. } => None,
        }
    }
}

/// A recording that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedRecording {
    /// Its address, in the words of whoever asked.
    pub uri: RecordingUri,
    /// Its length; not there where it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Its channels; not there where it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<u16>,
}

/// What one or several recordings would take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Load {
    /// Their length; it stands elsewhere in what is shown.
    #[serde(skip)]
    pub duration_ms: u64,
    /// Speech in them that would be sent.
    pub speech_ms: u64,
    /// Requests that it would take.
    pub requests: u64,
    /// Audio that would be billed.
    pub billed_ms: u64,
    /// What that would cost, in yuan.
    pub price_cny: f64,
    /// The same in millionths of a yuan, to be added without loss.
    #[serde(skip)]
    pub price_micro_cny: i64,
}

impl Load {
    /// This and `other` together.
    pub fn with(self, other: &Self) -> Self {
        let price_micro_cny = self.price_micro_cny + other.price_micro_cny;
        Self {
            duration_ms: self.duration_ms + other.duration_ms,
            speech_ms: self.speech_ms + other.speech_ms,
            requests: self.requests + other.requests,
            billed_ms: self.billed_ms + other.billed_ms,
            price_cny: super::yuan(price_micro_cny),
            price_micro_cny,
        }
    }
}

/// All recordings together, and how long they would take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanTotal {
    /// How many were looked at.
    pub recordings: usize,
    /// How many of them could not be read.
    pub failed: usize,
    /// Their length together.
    pub duration_ms: u64,
    /// What they would take together.
    #[serde(flatten)]
    pub load: Load,
    /// The accounts that would be busy.
    pub accounts: Vec<AccountLoad>,
    /// Until the last of them is done.
    pub takes_ms: u64,
    /// When that is if it starts now, RFC 3339.
    pub finishes_at: String,
}

/// How long an account would be busy, with all its permits at work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountLoad {
    /// Its name in the configuration.
    pub account: String,
    /// Requests that would be sent on it.
    pub requests: u64,
    /// How many of them at a time.
    pub permits: usize,
    /// What a request is taken to last.
    pub latency_ms: u64,
    /// Whether that was measured, and not only expected.
    pub is_measured: bool,
    /// How long all of them take.
    pub takes_ms: u64,
}
