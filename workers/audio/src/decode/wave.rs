//! How samples are written down, and where they lie: what the headers of WAV files and their kin say.

use super::output::check_declared;
use crate::AudioError;

/// How a sample is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    ALaw,
    MuLaw,
    Unsigned8,
    Signed8,
    /// 2 to 4 bytes.
    Integer {
        bytes: usize,
        is_big_endian: bool,
    },
    /// 4 or 8 bytes.
    Float {
        bytes: usize,
        is_big_endian: bool,
    },
}

impl Encoding {
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::ALaw | Self::MuLaw | Self::Unsigned8 | Self::Signed8 => 1,
            Self::Integer { bytes, .. } | Self::Float { bytes, .. } => bytes,
        }
    }

    /// As ffmpeg calls it.
    pub(super) fn codec(self) -> &'static str {
        match self {
            Self::ALaw => "pcm_alaw",
            Self::MuLaw => "pcm_mulaw",
            Self::Unsigned8 => "pcm_u8",
            Self::Signed8 => "pcm_s8",
            Self::Integer { bytes: 2, is_big_endian: false } => "pcm_s16le",
            Self::Integer { bytes: 2, is_big_endian: true } => "pcm_s16be",
            Self::Integer { bytes: 3, is_big_endian: false } => "pcm_s24le",
            Self::Integer { bytes: 3, is_big_endian: true } => "pcm_s24be",
            Self::Integer { is_big_endian: false, .. } => "pcm_s32le",
            Self::Integer { is_big_endian: true, .. } => "pcm_s32be",
            Self::Float { bytes: 4, is_big_endian: false } => "pcm_f32le",
            Self::Float { bytes: 4, is_big_endian: true } => "pcm_f32be",
            Self::Float { is_big_endian: false, .. } => "pcm_f64le",
            Self::Float { is_big_endian: true, .. } => "pcm_f64be",
        }
    }
}

/// Samples that lie in the file as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pcm {
    pub(super) encoding: Encoding,
    pub(super) channels: u16,
    pub(super) rate_hz: u32,
}

impl Pcm {
    /// Bytes of one sample of every channel.
    pub(super) fn frame_bytes(self) -> usize {
        self.encoding.bytes() * usize::from(self.channels)
    }
}

/// What a format says of the sound that follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Pcm(Pcm),
    Coded(Coded),
}

/// Sound in a codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Coded {
    /// Which: a tag of WAV, a code of AU.
    pub(super) tag: u32,
    pub(super) channels: u16,
    pub(super) rate_hz: u32,
    pub(super) bytes_per_sec: u32,
    pub(super) block_bytes: u16,
    pub(super) bits: u16,
    /// Where the format lies in the file, and how many bytes it takes.
    pub(super) format_at: u64,
    pub(super) format_bytes: u64,
    /// Frames that the file says there are.
    pub(super) fact: Option<u64>,
}

impl Coded {
    /// Whether sound in this format goes on where the `other` ends.
    pub(super) fn goes_on(&self, other: &Self) -> bool {
        (self.tag, self.channels, self.rate_hz, self.block_bytes, self.bits)
            == (other.tag, other.channels, other.rate_hz, other.block_bytes, other.bits)
    }
}

/// A stretch of sound in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// `WAV`, `W64`, …
    pub(super) format: &'static str,
    pub(super) content: Content,
    /// Where it begins.
    pub(super) start: u64,
    /// How many bytes of it are there.
    pub(super) bytes: u64,
    /// How many there should be, where the header says; fewer than are there where the header was never updated.
    pub(super) declared_bytes: Option<u64>,
    /// Where the file that it belongs to begins: 0, but for one that lies behind another.
    pub(super) base: u64,
}

/// Sound that lies in the file as it is, a stretch behind the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sound {
    pub(super) parts: Vec<Part>,
}

/// A `fmt ` chunk of RIFF and W64.
#[derive(Debug, Clone, Copy)]
pub(super) struct WaveFormat {
    pub(super) tag: u16,
    pub(super) channels: u16,
    pub(super) rate_hz: u32,
    pub(super) bytes_per_sec: u32,
    pub(super) block_bytes: u16,
    pub(super) bits: u16,
}

impl WaveFormat {
    /// Reads what stands in the chunk, at least 14 bytes of it.
    pub(super) fn parse(chunk: &[u8]) -> Result<Self, AudioError> {
        if chunk.len() < 14 {
            return Err(malformed(format!("its format takes {} bytes, the least is 14", chunk.len())));
        }
        let half = |at: usize| u16::from_le_bytes([chunk[at], chunk[at + 1]]);
        let word = |at: usize| u32::from_le_bytes([chunk[at], chunk[at + 1], chunk[at + 2], chunk[at + 3]]);
        let mut tag = half(0);
        // WAVE_FORMAT_EXTENSIBLE: the true tag opens the GUID behind the channel mask.
        if tag == 0xFFFE && chunk.len() >= 26 {
            tag = half(24);
        }
        Ok(Self {
            tag,
            channels: half(2),
            rate_hz: word(4),
            bytes_per_sec: word(8),
            block_bytes: half(12),
            bits: if chunk.len() >= 16 { half(14) } else { 0 },
        })
    }

    /// The samples that it declares, if they lie in the file as they are. `first` are some of their bytes.
    ///
    /// The bits decide how wide a sample is: recorders get the block align wrong.
    pub(super) fn pcm(&self, first: &[u8]) -> Result<Option<Pcm>, AudioError> {
        if !matches!(self.tag, 1 | 3 | 6 | 7) {
            return Ok(None);
        }
        check_declared(u64::from(self.channels), self.rate_hz)?;
        let by_block = usize::from(self.block_bytes / self.channels);
        let bytes = match usize::from(self.bits.div_ceil(8)) {
            0 => by_block,
            // 24 bits may lie in four bytes, but then one of the four never says anything.
            3 if by_block == 4 && is_padded(first) => 4,
            bytes => bytes,
        };
        let is_big_endian = false;
        let encoding = match (self.tag, bytes) {
            (6, _) => Encoding::ALaw,
            (7, _) => Encoding::MuLaw,
            (1, 1) => Encoding::Unsigned8,
            (1, 2..=4) => Encoding::Integer { bytes, is_big_endian },
            (3, 4 | 8) => Encoding::Float { bytes, is_big_endian },
            _ => {
                let (bits, channels, block) = (self.bits, self.channels, self.block_bytes);
                let kind = if self.tag == 3 { "floats" } else { "integers" };
                return Err(malformed(format!(
                    "its samples take {bytes} bytes: {kind} of {bits} bits, {channels} channels in {block} bytes"
                )));
            }
        };
        Ok(Some(Pcm { encoding, channels: self.channels, rate_hz: self.rate_hz }))
    }
}

/// Whether of every four bytes the lowest is zero.
fn is_padded(first: &[u8]) -> bool {
    let fours = first.chunks_exact(4);
    fours.len() > 0 && fours.into_iter().all(|four| four[0] == 0)
}

pub(super) fn malformed(what: String) -> AudioError {
    AudioError::Malformed { format: "WAV", what }
}
