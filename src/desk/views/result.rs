//! Whether a rule holds a result back.

use earmark_core::{JobId, rfc3339};
use earmark_journal::ReviewHold;
use serde::Serialize;

/// Whether a rule holds a job's result back, and who released it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HoldingView {
    /// Whether it is held now.
    #[serde(rename = "held")]
    pub is_held: bool,
    /// Since when it is or was held, RFC 3339; none for a result that never was.
    pub held_since: Option<String>,
    /// When it was released, RFC 3339; none while it is held, and where it never was.
    pub released_at: Option<String>,
    /// Who released it; none while it is held, and where it never was.
    pub released_by: Option<String>,
}

impl From<Option<ReviewHold>> for HoldingView {
    fn from(holding: Option<ReviewHold>) -> Self {
        let Some(holding) = holding else { return Self::default() };
        let is_held = holding.is_held();
        let (released_at, released_by) = holding.released.map(|(at_ms, by)| (rfc3339(at_ms), by)).unzip();
        Self { is_held, held_since: Some(rfc3339(holding.held_since_ms)), released_at, released_by }
    }
}

/// A result that was just released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReleasedView {
    /// The job whose result it is.
    pub job_id: JobId,
    /// How it is held now: not any more.
    #[serde(flatten)]
    pub holding: HoldingView,
}
