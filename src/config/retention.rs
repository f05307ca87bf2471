//! `[retention]`

use serde::Deserialize;

use super::value::between;

/// How long things are kept, in days; 0 for ever.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// The saved clips of final jobs.
    #[serde(deserialize_with = "between::<0, 36_500, _, _>")]
    pub clips_days: u32,
    /// Messages that were delivered or given up; without a receiver, all.
    #[serde(deserialize_with = "between::<0, 36_500, _, _>")]
    pub messages_days: u32,
    /// What was sent to accounts, and spent.
    #[serde(deserialize_with = "between::<0, 36_500, _, _>")]
    pub usage_days: u32,
    /// Workers that have stopped or died.
    #[serde(deserialize_with = "between::<0, 36_500, _, _>")]
    pub workers_days: u32,
    /// Final jobs with all that is known of them.
    #[serde(deserialize_with = "between::<0, 36_500, _, _>")]
    pub jobs_days: u32,
}
