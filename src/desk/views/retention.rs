//! What had its time.

use earmark_journal::RetentionReport;
use serde::Serialize;

/// How many rows went, or would go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RetentionView {
    /// Saved clips of final jobs.
    pub clips: u64,
    /// Messages of the outbox.
    pub messages: u64,
    /// Rows of usage.
    pub usage: u64,
    /// Days and tenants of which the spending was known.
    pub spending: u64,
    /// Rows of workers that have stopped.
    pub workers: u64,
    /// Final jobs, with all that is known of them but the audit log.
    pub jobs: u64,
}

impl From<RetentionReport> for RetentionView {
    fn from(report: RetentionReport) -> Self {
        let RetentionReport { clips, messages, usage, spending, workers, jobs } = report;
        Self { clips, messages, usage, spending, workers, jobs }
    }
}
