//! Stretches of a recording, in milliseconds.

use serde::{Deserialize, Serialize};

/// A stretch of the recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// From the recording's start.
    pub start_ms: u64,
    /// From the recording's start; not before `start_ms`.
    pub end_ms: u64,
}
