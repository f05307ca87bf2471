//! Jobs.

use earmark_core::JobId;
use serde::Serialize;

pub use earmark_journal::JobView;

/// Jobs, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobPage {
    /// At most as many as were asked for.
    pub jobs: Vec<JobView>,
    /// The id to continue after, if there may be more.
    pub next: Option<JobId>,
}
