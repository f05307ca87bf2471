//! `[audio]`

use std::path::PathBuf;

use serde::{Deserialize, Deserializer};

use super::value::{between, full_list, optional, or_auto};

/// Longest name of a speaker, in characters.
const MAX_NAME: usize = 32;

/// Decoding and cutting.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audio {
    /// Longest recording, in seconds.
    #[serde(deserialize_with = "between::<1, 2_592_000, _, _>")]
    pub max_duration_secs: u64,
    /// Longest decoding of one recording, in seconds.
    #[serde(deserialize_with = "between::<1, 86_400, _, _>")]
    pub decode_timeout_secs: u64,
    /// Longest search for speech in one recording, in seconds.
    #[serde(deserialize_with = "between::<1, 86_400, _, _>")]
    pub segment_timeout_secs: u64,
    /// Memory of a decoder that runs as a child, in bytes.
    #[serde(deserialize_with = "between::<67_108_864, { u64::MAX / 2 }, _, _>")]
    pub decode_memory_bytes: u64,
    /// The ffmpeg program; `none` to do without.
    #[serde(deserialize_with = "optional")]
    pub ffmpeg: Option<PathBuf>,
    /// The speech detector's model; none for the one that `make setup` fetched.
    #[serde(deserialize_with = "optional")]
    pub vad_model: Option<PathBuf>,
    /// Who speaks on each channel.
    #[serde(deserialize_with = "speakers")]
    pub speakers: Vec<String>,
    /// Who speaks on a single channel.
    #[serde(deserialize_with = "speaker")]
    pub mono_speaker: String,
    /// Neighbouring speech is packed up to this, in milliseconds; none for what suits the engine.
    #[serde(deserialize_with = "or_auto::<1_000, 600_000, _, _>")]
    pub pack_to_ms: Option<u64>,
}

fn speakers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let names: Vec<String> = full_list(deserializer)?;
    names.iter().map(|name| checked(name).map_err(serde::de::Error::custom)).collect()
}

fn speaker<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    checked(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

/// A speaker's name goes into file formats with marks of their own (`<v NAME>`, `NAME:`), so it has none.
fn checked(name: &str) -> Result<String, String> {
    let name = name.trim();
    let is_plain = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ' '));
    if is_plain && (1..=MAX_NAME).contains(&name.chars().count()) {
        return Ok(name.into());
    }
    Err(format!("use names of 1 to {MAX_NAME} letters, digits, spaces, _ and -"))
}
