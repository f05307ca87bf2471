//! What bounds a decoding: where it writes, how long it may take, what is refused.

use std::path::PathBuf;
use std::time::Duration;

use earmark_core::RawSound;

/// More channels than this are refused. A meeting room's array has eight, a conference bridge writes ten.
#[expect(clippy::as_conversions, reason = "16 bits in 64")]
pub(super) const MAX_CHANNELS: u64 = earmark_core::MAX_CHANNELS as u64;

/// Sample rates that are taken, in Hz: from the slowest dictation machine to the fastest sound card.
pub(super) const SAMPLE_RATES_HZ: std::ops::RangeInclusive<u32> = 4_000..=384_000;

/// What bounds a decoding.
#[derive(Debug, Clone)]
pub struct DecodeOptions {
    /// Where the spools go; it must exist.
    pub temp_dir: PathBuf,
    /// The longest recording taken.
    pub max_duration_ms: u64,
    /// How long decoding may take, wall clock.
    pub deadline: Duration,
    /// How much memory the ffmpeg child may allocate, and the largest index of a container read in process.
    pub memory_bytes: u64,
    /// The ffmpeg program; none where it is not installed.
    pub ffmpeg: Option<PathBuf>,
    /// How a file without a header is to be read, where its producer says.
    pub raw: Option<RawSound>,
}
