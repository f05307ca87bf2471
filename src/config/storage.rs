//! `[storage]`

use std::path::PathBuf;

use serde::{Deserialize, Deserializer};

use super::value::{between, flag, optional, path_or_file_url};

/// Recordings in, artifacts out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// Folder of the artifacts.
    #[serde(deserialize_with = "output")]
    pub output: PathBuf,
    /// Endpoint of an S3-compatible store.
    #[serde(deserialize_with = "optional")]
    pub s3_endpoint: Option<String>,
    /// Largest recording.
    #[serde(deserialize_with = "between::<1, { u64::MAX / 2 }, _, _>")]
    pub max_bytes: u64,
    /// Longest wait for a connection.
    #[serde(deserialize_with = "between::<1, 600, _, _>")]
    pub connect_timeout_secs: u64,
    /// Longest download.
    #[serde(deserialize_with = "between::<1, 86_400, _, _>")]
    pub fetch_timeout_secs: u64,
    /// Whether recordings may come from private addresses.
    #[serde(deserialize_with = "flag")]
    pub allow_private_hosts: bool,
}

fn output<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Err(serde::de::Error::custom("use a path or a file:/// URL"));
    }
    path_or_file_url(&text).map_err(serde::de::Error::custom)
}
