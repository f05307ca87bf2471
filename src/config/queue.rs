//! `[queue]`

use serde::{Deserialize, Deserializer};

/// How jobs reach workers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// `sqlite:`, the journal itself.
    #[serde(deserialize_with = "journal_url")]
    pub url: String,
}

fn journal_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let url = String::deserialize(deserializer)?;
    if url.starts_with("sqlite:") {
        return Ok(url);
    }
    Err(serde::de::Error::custom("use sqlite: for the journal itself (redis:// is not in this build yet)"))
}
