//! What the model knows of a job, and what becomes of it.

use earmark_core::{JobState, Lease};

/// What the model knows of a job.
#[derive(Debug, Clone)]
pub struct Expected {
    pub tenant: u8,
    pub priority: i64,
    pub state: JobState,
    pub attempt: u32,
    pub deaths: u32,
    pub run_at_ms: i64,
    pub holder: Option<(Lease, i64)>,
    pub ended_by: Option<Lease>,
    pub is_cancel_requested: bool,
    pub clips: Vec<u32>,
    /// Epoch of the last lease, or of the retry after it.
    pub epoch: i64,
    /// What is on record, in order.
    pub history: Vec<&'static str>,
}

impl Expected {
    /// `told` goes on record, unless the job was called off meanwhile.
    pub fn to_ready(&self, run_at_ms: i64, attempt: u32, told: Option<&'static str>) -> Self {
        if self.is_cancel_requested {
            return self.to_final(JobState::Cancelled, "job.cancelled");
        }
        let mut after = Self { state: JobState::Ready, run_at_ms, attempt, holder: None, ..self.clone() };
        after.history.extend(told);
        after
    }

    pub fn to_final(&self, state: JobState, told: &'static str) -> Self {
        let mut after = Self { state, holder: None, ..self.clone() };
        after.history.push(told);
        after
    }
}
