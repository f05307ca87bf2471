//! One request as those see it who decide its text and its latency.

use std::fmt::Write;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::audio::{Container, Sound, inspect};

/// What a request holds.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// Of the bytes as uploaded, in lower-case hex; empty when there was no audio.
    pub audio_sha256: String,
    /// Length of the audio, rounded up; nothing when it is neither WAV nor MP3.
    pub audio_ms: Option<u64>,
    /// As the audio's head says.
    pub sample_rate_hz: Option<u32>,
    /// By its first bytes.
    pub container: Option<Container>,
    /// As uploaded, base64 undone.
    pub bytes: Bytes,
    /// The text said before.
    pub prompt: Option<String>,
    /// In their order, whichever way they were spelled.
    pub hotwords: Vec<String>,
    /// The caller's name for this request.
    pub request_id: Option<String>,
    /// The caller's name for its user.
    pub user_id: Option<String>,
    /// The model as the caller sent it.
    pub model: Option<String>,
    /// Whether a stream was asked for.
    pub is_stream: bool,
    pub(crate) sound: Option<Sound>,
}

/// Samples no louder than this, of 32 768, are silence: -66 dB.
const SILENCE: u16 = 16;

impl Heard {
    /// Hashes and measures `bytes`; the other fields stay empty.
    pub(crate) fn listen(bytes: Bytes) -> Self {
        let sound = inspect(&bytes);
        Self {
            audio_sha256: if bytes.is_empty() { String::new() } else { sha256_hex(&bytes) },
            audio_ms: sound.as_ref().map(|sound| sound.audio_ms),
            sample_rate_hz: sound.as_ref().map(|sound| sound.sample_rate_hz),
            container: sound.as_ref().map(|sound| sound.container),
            bytes,
            sound,
            ..Self::default()
        }
    }

    /// The samples of a 16-bit WAV, channels interleaved; nothing for other codings.
    pub fn samples(&self) -> Option<Vec<i16>> {
        Some(self.pcm16()?.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect())
    }

    /// Hash of the samples alone, whatever else the file holds: [`pcm_sha256`] of [`samples`](Self::samples).
    pub fn pcm_sha256(&self) -> Option<String> {
        self.pcm16().map(|samples| sha256_hex(&samples[..samples.len() & !1]))
    }

    /// Whether all samples of a 16-bit WAV are near zero.
    pub fn is_silent(&self) -> bool {
        self.pcm16().is_some_and(|samples| {
            samples.chunks_exact(2).all(|pair| i16::from_le_bytes([pair[0], pair[1]]).unsigned_abs() <= SILENCE)
        })
    }

    fn pcm16(&self) -> Option<&[u8]> {
        self.bytes.get(self.sound.as_ref()?.pcm16.clone()?)
    }
}

/// The key of a table of texts for 16-bit `samples`, in whatever WAV they come.
pub fn pcm_sha256(samples: &[i16]) -> String {
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    sha256_hex(&bytes)
}

/// SHA-256 in lower-case hex: the key of a table of texts for whole files.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
