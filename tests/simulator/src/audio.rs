//! What was uploaded: container, length and where the samples are. By the bytes, never by name or type.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::mp3;

/// The containers the service takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Container {
    /// RIFF with a WAVE inside.
    Wav,
    /// MPEG audio, layer III.
    Mp3,
}

/// What the head of an upload says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sound {
    pub(crate) container: Container,
    pub(crate) sample_rate_hz: u32,
    /// Rounded up, so that anything over 30 s is more than 30 000.
    pub(crate) audio_ms: u64,
    /// Where 16-bit samples lie in the upload; none in other codings.
    pub(crate) pcm16: Option<Range<usize>>,
}

/// `WAVE_FORMAT_PCM`: samples as whole numbers.
const PCM: u16 = 1;
/// `WAVE_FORMAT_EXTENSIBLE`: the coding stands in the first two bytes of a GUID.
const EXTENSIBLE: u16 = 0xFFFE;

/// What `bytes` hold, or nothing when they are neither WAV nor MP3.
pub(crate) fn inspect(bytes: &[u8]) -> Option<Sound> {
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WAVE") { wav(bytes) } else { mp3::inspect(bytes) }
}

fn wav(bytes: &[u8]) -> Option<Sound> {
    let mut format: Option<&[u8]> = None;
    let mut at = 12;
    loop {
        let id = bytes.get(at..at + 4)?;
        let size = usize::try_from(u32_at(bytes, at + 4)?).ok()?;
        let start = at + 8;
        // Writers that stream leave a size of nothing or of everything: what is there counts.
        let end = start.saturating_add(size).min(bytes.len());
        match id {
            b"fmt " => format = bytes.get(start..end),
            b"data" => return wav_sound(format?, start..end),
            _ => {}
        }
        at = start.checked_add(size + size % 2)?;
    }
}

fn wav_sound(format: &[u8], data: Range<usize>) -> Option<Sound> {
    let channels = u16_at(format, 2)?;
    let sample_rate_hz = u32_at(format, 4)?;
    let bytes_per_second = u64::from(u32_at(format, 8)?);
    let bits = u16_at(format, 14)?;
    if channels == 0 || sample_rate_hz == 0 || bytes_per_second == 0 {
        return None;
    }
    let coding = match u16_at(format, 0)? {
        EXTENSIBLE => u16_at(format, 24)?,
        coding => coding,
    };
    let audio_ms = (u64::try_from(data.len()).ok()? * 1000).div_ceil(bytes_per_second);
    let is_pcm16 = coding == PCM && bits == 16;
    Some(Sound { container: Container::Wav, sample_rate_hz, audio_ms, pcm16: is_pcm16.then_some(data) })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav_of(samples: usize, extra: &[u8]) -> Vec<u8> {
        let mut wav = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
        wav.extend(16_000u32.to_le_bytes());
        wav.extend(32_000u32.to_le_bytes());
        wav.extend([2, 0, 16, 0]);
        wav.extend(extra);
        wav.extend(b"data");
        wav.extend((u32::try_from(samples).unwrap() * 2).to_le_bytes());
        wav.extend(vec![0; samples * 2]);
        wav
    }

    #[test]
    fn the_length_is_rounded_up_so_that_one_sample_too_many_shows() {
        assert_eq!(inspect(&wav_of(480_000, b"")).unwrap().audio_ms, 30_000);
        assert_eq!(inspect(&wav_of(480_001, b"")).unwrap().audio_ms, 30_001);
    }

    #[test]
    fn other_chunks_are_stepped_over_with_their_padding() {
        let sound = inspect(&wav_of(8, b"LIST\x03\0\0\0abc\0")).unwrap();
        assert_eq!(sound.pcm16.unwrap().len(), 16);
    }

    #[test]
    fn what_is_cut_off_or_something_else_is_not_audio() {
        let whole = wav_of(8, b"");
        for length in 0..44 {
            assert_eq!(inspect(&whole[..length]), None, "{length}");
        }
        assert_eq!(inspect(b"ID3xx"), None);
        assert_eq!(inspect(b"RIFFxx"), None);
    }
}
