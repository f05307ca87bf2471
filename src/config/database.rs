//! `[database]`

use serde::{Deserialize, Deserializer};

/// The journal's database.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `sqlite:PATH`.
    #[serde(deserialize_with = "sqlite_url")]
    pub url: String,
}

fn sqlite_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let url = String::deserialize(deserializer)?;
    match url.strip_prefix("sqlite:") {
        Some(path) if !path.is_empty() => Ok(url),
        _ => Err(serde::de::Error::custom("use sqlite:PATH (postgres:// is not in this build yet)")),
    }
}
