//! Whether a rule holds a result back.

use earmark_core::JobId;
use serde::Serialize;

pub use earmark_journal::HoldingView;

/// A result that was just released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReleasedView {
    /// The job whose result it is.
    pub job_id: JobId,
    /// How it is held now: not any more.
    #[serde(flatten)]
    pub holding: HoldingView,
}
