//! `[rules]`

use std::path::PathBuf;

use serde::Deserialize;

use super::value::optional;

/// The rule set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// A rule file or a folder of them; none for the starter set.
    #[serde(deserialize_with = "optional")]
    pub path: Option<PathBuf>,
}
