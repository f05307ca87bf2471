//! `[rules]`

use std::path::PathBuf;

use serde::Deserialize;

use super::value::{between, optional};

/// What transcripts are judged by.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// A rule file or a folder of them; none for the starter set.
    #[serde(deserialize_with = "optional")]
    pub path: Option<PathBuf>,
    /// How often a running process looks for other rules, in seconds.
    #[serde(deserialize_with = "between::<1, 86_400, _, _>")]
    pub reload_secs: u64,
    /// Longest search of one transcript, in seconds.
    #[serde(deserialize_with = "between::<1, 86_400, _, _>")]
    pub timeout_secs: u64,
}
