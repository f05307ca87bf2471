//! `[worker]`

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::value::{between, optional, or_auto};

/// Jobs on this machine.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worker {
    /// Recordings at a time; none for as many as keep the recogniser busy.
    #[serde(deserialize_with = "or_auto::<1, 256, _, _>")]
    pub slots: Option<usize>,
    /// Tries of a job before it is a dead letter.
    #[serde(deserialize_with = "between::<1, 100, _, _>")]
    pub max_attempts: u32,
    /// Wait before the second try, in milliseconds; longer before each further one.
    #[serde(deserialize_with = "between::<1, 600_000, _, _>")]
    pub backoff_ms: u64,
    /// How long a silent worker keeps its jobs, in seconds.
    #[serde(deserialize_with = "between::<1, 3_600, _, _>")]
    pub lease_secs: u64,
    /// How often the journal is asked for jobs, in milliseconds.
    #[serde(deserialize_with = "between::<1, 60_000, _, _>")]
    pub poll_ms: u64,
    /// How long running jobs may take to finish at a stop, in seconds.
    #[serde(deserialize_with = "between::<0, 86_400, _, _>")]
    pub grace_secs: u64,
    /// How long work that was told to stop may take to do so, in seconds.
    #[serde(deserialize_with = "between::<1, 600, _, _>")]
    pub stop_secs: u64,
    /// Longest try, in seconds.
    #[serde(deserialize_with = "between::<1, 2_592_000, _, _>")]
    pub job_timeout_secs: u64,
    /// The folder for downloads and decoded samples; none for the system's.
    #[serde(deserialize_with = "optional")]
    pub temp_dir: Option<PathBuf>,
}

/// How long what was asked of the queue already may take to answer at a stop: it may be a job that is ours by then.
const LAST_ANSWER: Duration = Duration::from_secs(2);

/// How long the last word of a worker may take at a stop, and then closing what it had open: its permits, the queue, the
/// database. Each of them may be away.
const CLOSING: Duration = Duration::from_secs(3);

impl Worker {
    /// The longest a stop takes in order, from the signal to the end of the process: what runs may finish, what does not is
    /// told to stop, what is open is closed.
    pub fn longest_stop(&self) -> Duration {
        Duration::from_secs(self.grace_secs).max(LAST_ANSWER) + Duration::from_secs(self.stop_secs) * 3 / 2 + CLOSING
    }
}

/// Cores of this machine, at least one.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
