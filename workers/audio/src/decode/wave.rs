//! The header of a WAV file and its kin: RIFF, RF64, BW64, Sony W64, Sun AU.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::output::check_declared;
use crate::AudioError;

/// Chunks looked at before the sound must have come.
const MAX_CHUNKS: usize = 256;

/// Data sizes from here up stand for "not known when the header was written".
const OPEN_END: u64 = 0x7FFF_0000;

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sound {
    pub(super) format: &'static str,
    pub(super) encoding: Encoding,
    pub(super) channels: u16,
    pub(super) rate_hz: u32,
    /// Where the samples begin in the file.
    pub(super) start: u64,
    /// How many bytes of them are there.
    pub(super) bytes: u64,
    /// How many there should be, where the header says.
    pub(super) declared_bytes: Option<u64>,
}

/// What a header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wave {
    Pcm(Sound),
    /// IMA or Microsoft ADPCM; how many frames there should be, where the header says.
    Adpcm {
        declared_frames: Option<u64>,
    },
    /// Some other codec: its tag in the header, how much sound there should be.
    Foreign {
        format: &'static str,
        tag: u32,
        declared_ms: Option<u64>,
    },
}

/// A `fmt ` chunk.
struct Format {
    tag: u16,
    channels: u16,
    rate_hz: u32,
    bytes_per_sec: u32,
    block_bytes: u16,
    bits: u16,
}

/// Reads the header of a RIFF, RF64 or BW64 file.
pub(super) fn riff(file: &File, file_bytes: u64) -> Result<Wave, AudioError> {
    let riff_bytes = u64::from(u32::from_le_bytes(read(file, 4)?));
    let mut format: Option<Format> = None;
    let mut long_data = None;
    let mut fact = None;
    let mut at = 12;
    for _ in 0..MAX_CHUNKS {
        if at + 8 > file_bytes {
            break;
        }
        let id: [u8; 4] = read(file, at)?;
        let bytes = u64::from(u32::from_le_bytes(read(file, at + 4)?));
        match &id {
            b"ds64" => long_data = Some(u64::from_le_bytes(read(file, at + 16)?)),
            b"fmt " => format = Some(wave_format(file, at + 8, bytes)?),
            b"fact" if bytes >= 4 => fact = Some(u64::from(u32::from_le_bytes(read(file, at + 8)?))),
            b"data" => {
                let format = format.ok_or_else(|| malformed("its sound comes before its format".into()))?;
                let start = at + 8;
                let there = file_bytes - start;
                let is_honest_nothing = bytes == 0 && riff_bytes + 8 == file_bytes;
                let declared = match (bytes, long_data) {
                    (0xFFFF_FFFF, Some(long)) if long > 0 => Some(long),
                    (0, _) if !is_honest_nothing => None,
                    (size, _) if size >= OPEN_END && size > there => None,
                    (size, _) => Some(size),
                };
                return wave("WAV", &format, start, there, declared, fact);
            }
            _ => {}
        }
        at += 8 + bytes + bytes % 2;
    }
    Err(malformed("it holds no sound (no `data` chunk)".into()))
}

/// Reads the header of a Sony W64 file: RIFF with 16 byte names and 8 byte sizes that count themselves.
pub(super) fn w64(file: &File, file_bytes: u64) -> Result<Wave, AudioError> {
    let mut format: Option<Format> = None;
    let mut at = 40;
    for _ in 0..MAX_CHUNKS {
        if at + 24 > file_bytes {
            break;
        }
        let id: [u8; 4] = read(file, at)?;
        let bytes = u64::from_le_bytes(read(file, at + 16)?);
        match &id {
            b"fmt " => format = Some(wave_format(file, at + 24, bytes.saturating_sub(24))?),
            b"data" => {
                let format = format.ok_or_else(|| malformed("its sound comes before its format".into()))?;
                let there = file_bytes - at - 24;
                let declared = bytes.checked_sub(24).filter(|size| *size > 0 && *size < u64::MAX / 2);
                return wave("W64", &format, at + 24, there, declared, None);
            }
            _ => {}
        }
        at = at.saturating_add(bytes.max(24).next_multiple_of(8));
    }
    Err(malformed("it holds no sound (no `data` chunk)".into()))
}

/// Reads the header of a Sun AU file.
pub(super) fn au(file: &File, file_bytes: u64) -> Result<Wave, AudioError> {
    let word = |at: u64| -> Result<u32, AudioError> { Ok(u32::from_be_bytes(read(file, at)?)) };
    let (start, declared, code, rate_hz, channels) = (word(4)?, word(8)?, word(12)?, word(16)?, word(20)?);
    let is_big_endian = true;
    let encoding = match code {
        1 => Encoding::MuLaw,
        2 => Encoding::Signed8,
        3 => Encoding::Integer { bytes: 2, is_big_endian },
        4 => Encoding::Integer { bytes: 3, is_big_endian },
        5 => Encoding::Integer { bytes: 4, is_big_endian },
        6 => Encoding::Float { bytes: 4, is_big_endian },
        7 => Encoding::Float { bytes: 8, is_big_endian },
        27 => Encoding::ALaw,
        tag => return Ok(Wave::Foreign { format: "AU", tag, declared_ms: None }),
    };
    check_declared(u64::from(channels), rate_hz)?;
    let declared_bytes = Some(u64::from(declared)).filter(|size| *size > 0 && *size < OPEN_END);
    let there = file_bytes.saturating_sub(u64::from(start));
    let bytes = there.min(declared_bytes.unwrap_or(u64::MAX));
    let channels = u16::try_from(channels).expect("checked");
    Ok(Wave::Pcm(Sound { format: "AU", encoding, channels, rate_hz, start: u64::from(start), bytes, declared_bytes }))
}

fn wave_format(file: &File, at: u64, bytes: u64) -> Result<Format, AudioError> {
    if bytes < 14 {
        return Err(malformed(format!("its format takes {bytes} bytes, the least is 14")));
    }
    let half = |offset: u64| -> Result<u16, AudioError> { Ok(u16::from_le_bytes(read(file, at + offset)?)) };
    let word = |offset: u64| -> Result<u32, AudioError> { Ok(u32::from_le_bytes(read(file, at + offset)?)) };
    let mut tag = half(0)?;
    let bits = if bytes >= 16 { half(14)? } else { 8 };
    // WAVE_FORMAT_EXTENSIBLE: the true tag opens the GUID behind the channel mask.
    if tag == 0xFFFE && bytes >= 26 {
        tag = half(24)?;
    }
    Ok(Format { tag, channels: half(2)?, rate_hz: word(4)?, bytes_per_sec: word(8)?, block_bytes: half(12)?, bits })
}

fn wave(
    name: &'static str,
    format: &Format,
    start: u64,
    there: u64,
    declared: Option<u64>,
    fact: Option<u64>,
) -> Result<Wave, AudioError> {
    check_declared(u64::from(format.channels), format.rate_hz)?;
    // The container's width counts, not the bits in use: 20 bits lie in 3 bytes, left-justified.
    let bytes = usize::from(format.block_bytes / format.channels);
    let is_big_endian = false;
    let encoding = match (format.tag, bytes) {
        (6, 1) => Encoding::ALaw,
        (7, 1) => Encoding::MuLaw,
        (1, 1) => Encoding::Unsigned8,
        (1, 2..=4) => Encoding::Integer { bytes, is_big_endian },
        (3, 4 | 8) => Encoding::Float { bytes, is_big_endian },
        (1 | 3 | 6 | 7, _) => {
            let what = format!(
                "its samples take {} bytes for {} channels of {} bits",
                format.block_bytes, format.channels, format.bits
            );
            return Err(malformed(what));
        }
        (2 | 0x11, _) => {
            return Ok(Wave::Adpcm { declared_frames: fact.filter(|frames| *frames > 0 && declared.is_some()) });
        }
        (tag, _) => {
            let declared_ms =
                declared.filter(|_| format.bytes_per_sec > 0).map(|size| size * 1000 / u64::from(format.bytes_per_sec));
            return Ok(Wave::Foreign { format: name, tag: u32::from(tag), declared_ms });
        }
    };
    let bytes = there.min(declared.unwrap_or(u64::MAX));
    Ok(Wave::Pcm(Sound {
        format: name,
        encoding,
        channels: format.channels,
        rate_hz: format.rate_hz,
        start,
        bytes,
        declared_bytes: declared,
    }))
}

fn read<const N: usize>(file: &File, at: u64) -> Result<[u8; N], AudioError> {
    let mut bytes = [0; N];
    match file.read_exact_at(&mut bytes, at) {
        Ok(()) => Ok(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err(malformed(format!("it ends within its header, at byte {at}")))
        }
        Err(source) => Err(AudioError::Read { source }),
    }
}

fn malformed(what: String) -> AudioError {
    AudioError::Malformed { format: "WAV", what }
}
