//! `[worker]`

use std::path::PathBuf;

use serde::Deserialize;

use super::value::{between, optional, or_auto};

/// Jobs on this machine.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worker {
    /// Recordings at a time; none for as many as keep the recogniser busy.
    #[serde(deserialize_with = "or_auto::<1, 256, _, _>")]
    pub slots: Option<usize>,
    /// Tries before a dead letter.
    #[serde(deserialize_with = "between::<1, 100, _, _>")]
    pub max_attempts: u32,
    /// Wait before the second try.
    #[serde(deserialize_with = "between::<1, 600_000, _, _>")]
    pub backoff_ms: u64,
    /// How long a silent worker keeps its jobs.
    #[serde(deserialize_with = "between::<1, 3_600, _, _>")]
    pub lease_secs: u64,
    /// How often the journal is asked.
    #[serde(deserialize_with = "between::<1, 60_000, _, _>")]
    pub poll_ms: u64,
    /// How long running jobs may finish.
    #[serde(deserialize_with = "between::<0, 86_400, _, _>")]
    pub grace_secs: u64,
    /// How long work that was told to stop may take to do so.
    #[serde(deserialize_with = "between::<1, 600, _, _>")]
    pub stop_secs: u64,
    /// Longest try.
    #[serde(deserialize_with = "between::<1, 2_592_000, _, _>")]
    pub job_timeout_secs: u64,
    /// Downloads and decoded samples.
    #[serde(deserialize_with = "optional")]
    pub temp_dir: Option<PathBuf>,
}
