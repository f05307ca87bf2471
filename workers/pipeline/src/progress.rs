//! How far a job is, for whoever watches.

use earmark_core::{JobId, Stage};

/// Someone who watches.
pub trait Progress: Send + Sync {
    /// `job` has come to `stage`.
    fn at(&self, job: &JobId, stage: Stage);

    /// Of the `total` clips of `job` so many have a text.
    fn clips(&self, _job: &JobId, _done: u32, _total: u32) {}

    /// `job` has raised an alert before its end: `message` says why, without a transcript.
    fn alerted(&self, _job: &JobId, _message: &str) {}
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn at(&self, _: &JobId, _: Stage) {}
}
