//! `[alerts]`

use serde::Deserialize;

use super::value::between;

/// From when on the queue as a whole is something to look at; 0: never.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alerts {
    /// How long a job may be due while no worker lives, in seconds.
    #[serde(deserialize_with = "between::<0, 2_592_000, _, _>")]
    pub no_worker_secs: u32,
    /// How long a job may be due and not be taken, in seconds.
    #[serde(deserialize_with = "between::<0, 31_536_000, _, _>")]
    pub oldest_job_secs: u32,
    /// How many jobs may be given up within an hour.
    #[serde(deserialize_with = "between::<0, 1_000_000, _, _>")]
    pub dead_per_hour: u32,
}
