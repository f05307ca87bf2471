//! The header of what ffmpeg writes to a pipe.

/// The longest that it writes.
const MAX_HEADER_BYTES: usize = 4096;

/// The header of what ffmpeg writes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) channels: usize,
    pub(super) rate_hz: u32,
    /// Its own length.
    pub(super) bytes: usize,
}

impl Head {
    /// None while it is not all there.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let searched = bytes.get(36..bytes.len().min(MAX_HEADER_BYTES))?;
        let data = 36 + searched.windows(4).position(|four| four == b"data")?;
        let channels = usize::from(u16::from_le_bytes([bytes[22], bytes[23]]));
        let rate_hz = u32::from_le_bytes([bytes[24], bytes[25], bytes[26], bytes[27]]);
        (bytes.len() >= data + 8).then_some(Self { channels, rate_hz, bytes: data + 8 })
    }
}
