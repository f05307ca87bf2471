//! How far a job is, for whoever watches.

use std::fmt;

use earmark_core::JobId;

/// Where a job is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The recording is being copied here.
    Fetch,
    /// It is being turned into samples.
    Decode,
    /// Speech is being looked for.
    Segment,
    /// Clips are with the recogniser.
    Transcribe {
        /// Clips with a text.
        done: u32,
        /// All clips.
        total: u32,
    },
    /// The rules are being applied to the text.
    Flag,
    /// The result is being written.
    Write,
}

impl Stage {
    /// The stage's name, as everywhere: in problems, in logs and on the screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Decode => "decode",
            Self::Segment => "segment",
            Self::Transcribe { .. } => "transcribe",
            Self::Flag => "flag",
            Self::Write => "write",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Someone who watches.
pub trait Progress: Send + Sync {
    /// `job` has come to `stage`.
    fn at(&self, job: &JobId, stage: Stage);

    /// `job` has raised an alert before its end: `message` says why, without a transcript.
    fn alerted(&self, _job: &JobId, _message: &str) {}
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn at(&self, _: &JobId, _: Stage) {}
}
