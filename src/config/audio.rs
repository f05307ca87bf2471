//! `[audio]`

use std::path::PathBuf;

use serde::Deserialize;

use super::value::{between, list, optional};

/// Decoding and cutting.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audio {
    /// Longest recording.
    #[serde(deserialize_with = "between::<1, 2_592_000, _, _>")]
    pub max_duration_secs: u64,
    /// Longest decoding.
    #[serde(deserialize_with = "between::<1, 86_400, _, _>")]
    pub decode_timeout_secs: u64,
    /// Memory of a decoder.
    #[serde(deserialize_with = "between::<67_108_864, { u64::MAX / 2 }, _, _>")]
    pub decode_memory_bytes: u64,
    /// The ffmpeg program; `none` to do without.
    #[serde(deserialize_with = "optional")]
    pub ffmpeg: Option<PathBuf>,
    /// The speech detector's model.
    #[serde(deserialize_with = "optional")]
    pub vad_model: Option<PathBuf>,
    /// Who speaks on each channel.
    #[serde(deserialize_with = "list")]
    pub speakers: Vec<String>,
    /// Who speaks on a single channel.
    pub mono_speaker: String,
    /// Neighbouring speech is packed up to this.
    #[serde(deserialize_with = "between::<1_000, 600_000, _, _>")]
    pub pack_to_ms: u64,
}
