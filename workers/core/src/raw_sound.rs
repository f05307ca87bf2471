//! How sound without a header is written down: what its producer has to say, since the bytes do not.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::words::{UnknownWord, words};

words! {
    /// How samples lie in a file without a header; the names ffmpeg uses.
    pub enum RawEncoding: "sample encoding" {
        /// 16 bits, the low byte first.
        PcmS16Le = "pcm_s16le",
        /// 16 bits, the high byte first, as RTP's L16.
        PcmS16Be = "pcm_s16be",
        /// 24 bits, the low byte first.
        PcmS24Le = "pcm_s24le",
        /// 32 bits, the low byte first.
        PcmS32Le = "pcm_s32le",
        /// Floats of 32 bits, the low byte first.
        PcmF32Le = "pcm_f32le",
        /// 8 bits, 128 for silence.
        PcmU8 = "pcm_u8",
        /// 8 bits, 0 for silence.
        PcmS8 = "pcm_s8",
        /// G.711 A-law.
        PcmAlaw = "pcm_alaw",
        /// G.711 mu-law.
        PcmMulaw = "pcm_mulaw",
        /// GSM 06.10, frames of 33 bytes.
        Gsm = "gsm",
        /// G.722 at 64 kbit/s.
        G722 = "g722",
        /// G.726 at 16 kbit/s in the order of RFC 3551, the low bits first.
        G726Le16 = "g726le_16",
        /// G.726 at 24 kbit/s in the order of RFC 3551.
        G726Le24 = "g726le_24",
        /// G.726 at 32 kbit/s in the order of RFC 3551.
        G726Le32 = "g726le_32",
        /// G.726 at 40 kbit/s in the order of RFC 3551.
        G726Le40 = "g726le_40",
        /// G.726 at 16 kbit/s, the high bits first (I.366.2, AAL2).
        G726Be16 = "g726_16",
        /// G.726 at 24 kbit/s, the high bits first.
        G726Be24 = "g726_24",
        /// G.726 at 32 kbit/s, the high bits first.
        G726Be32 = "g726_32",
        /// G.726 at 40 kbit/s, the high bits first.
        G726Be40 = "g726_40",
        /// G.729, frames of 10 bytes.
        G729 = "g729",
        /// Dialogic's OKI ADPCM, four bits a sample.
        AdpcmOki = "adpcm_ima_oki",
        /// Bluetooth's SBC.
        Sbc = "sbc",
        /// Bluetooth's mSBC, 16 kHz.
        Msbc = "msbc",
    }
}

/// How a recording without a header is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawSound {
    /// How its samples are written down.
    pub encoding: RawEncoding,
    /// Samples a second; what is usual for the encoding where it is none: 8000 for telephony's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rate_hz: Option<u32>,
    /// Channels whose samples take turns; one where it is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub channels: Option<u16>,
}

impl RawSound {
    /// Sample rates that may be declared, in Hz: those that the decoder takes.
    pub const RATES_HZ: RangeInclusive<u32> = 4_000..=384_000;
    /// Most channels that may be declared.
    pub const MAX_CHANNELS: u16 = crate::MAX_CHANNELS;

    /// Sound of `encoding` (a word of [`RawEncoding`]) with `rate_hz` samples a second on `channels` channels, as far as
    /// they are said.
    ///
    /// # Errors
    /// [`SoundError::Encoding`], [`SoundError::Rate`], [`SoundError::Channels`].
    pub fn new(encoding: &str, rate_hz: Option<u64>, channels: Option<u64>) -> Result<Self, SoundError> {
        let encoding = encoding.parse().map_err(SoundError::Encoding)?;
        let rate = |said: u64| u32::try_from(said).ok().filter(|rate| Self::RATES_HZ.contains(rate));
        let rate_hz = rate_hz.map(|said| rate(said).ok_or_else(|| SoundError::Rate(said.to_string()))).transpose()?;
        let count = |said: u64| u16::try_from(said).ok().filter(|count| (1..=Self::MAX_CHANNELS).contains(count));
        let channels =
            channels.map(|said| count(said).ok_or_else(|| SoundError::Channels(said.to_string()))).transpose()?;
        Ok(Self { encoding, rate_hz, channels })
    }
}

/// `encoding`, `encoding:rate` or `encoding:rate:channels`; an empty rate is the encoding's usual one.
impl FromStr for RawSound {
    type Err = SoundError;

    fn from_str(text: &str) -> Result<Self, SoundError> {
        if text.trim_start().starts_with(['{', '[']) {
            return Err(SoundError::Form(text.chars().take(80).collect()));
        }
        let parts: Vec<&str> = text.trim().split(':').map(str::trim).collect();
        let (encoding, rate, channels) = match parts.as_slice() {
            [encoding] => (encoding, None, None),
            [encoding, rate] => (encoding, Some(*rate), None),
            [encoding, "", channels] => (encoding, None, Some(*channels)),
            [encoding, rate, channels] => (encoding, Some(*rate), Some(*channels)),
            _ => return Err(SoundError::Form(text.chars().take(80).collect())),
        };
        let number = |said: &str| said.parse::<u64>().ok();
        let rate = rate.map(|said| number(said).ok_or_else(|| SoundError::Rate(said.into()))).transpose()?;
        let channels =
            channels.map(|said| number(said).ok_or_else(|| SoundError::Channels(said.into()))).transpose()?;
        Self::new(encoding, rate, channels)
    }
}

/// As it is read: `pcm_s16le:8000:2`.
impl fmt::Display for RawSound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.encoding.as_str())?;
        match (self.rate_hz, self.channels) {
            (Some(rate), Some(channels)) => write!(f, ":{rate}:{channels}"),
            (Some(rate), None) => write!(f, ":{rate}"),
            (None, Some(channels)) => write!(f, "::{channels}"),
            (None, None) => Ok(()),
        }
    }
}

/// Why a declaration of headerless sound is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SoundError {
    /// Neither of the forms it may have.
    #[error("`{0}` does not say how headerless sound is written down")]
    Form(String),
    /// There is no such encoding.
    #[error(transparent)]
    Encoding(UnknownWord),
    /// No sample rate, or one that nobody records at.
    #[error(
        "the sample rate is `{0}`, {least} to {most} Hz are allowed",
        least = RawSound::RATES_HZ.start(),
        most = RawSound::RATES_HZ.end()
    )]
    Rate(String),
    /// No number of channels, none or too many.
    #[error("the number of channels is `{0}`, 1 to {most} are allowed", most = RawSound::MAX_CHANNELS)]
    Channels(String),
}

impl SoundError {
    /// How it is said.
    pub const HINT: &'static str = "use encoding:rate:channels such as pcm_s16le:8000:2, or in JSON {\"encoding\": \"pcm_s16le\", \"rate_hz\": 8000, \"channels\": 2}";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_is_read_and_written_alike() {
        for text in ["pcm_s16le:8000:2", "pcm_alaw", "g722:16000", "pcm_mulaw::2", "pcm_s24le:48000:8"] {
            let sound: RawSound = text.parse().expect(text);
            assert_eq!(sound.to_string(), text);
        }
        let spaced: RawSound = " pcm_mulaw : 8000 : 2 ".parse().expect("spaces do not count");
        assert_eq!(spaced.to_string(), "pcm_mulaw:8000:2");
        let json = serde_json::json!({"encoding": "pcm_mulaw", "rate_hz": 8000, "channels": 2});
        assert_eq!(serde_json::to_value(spaced).expect("JSON"), json);
    }

    #[test]
    fn what_cannot_be_read_says_what_can() {
        for (text, reason) in [
            ("", "use one of pcm_s16le, pcm_s16be"),
            ("mp3", "`mp3` is not a sample encoding; use one of pcm_s16le"),
            ("PCM_S16LE", "use one of"),
            ("pcm_s16le:8k", "`8k`, 4000 to 384000 Hz"),
            ("pcm_s16le:3999", "`3999`, 4000 to 384000 Hz"),
            ("pcm_s16le:384001", "4000 to 384000 Hz"),
            ("pcm_s16le:-8000", "4000 to 384000 Hz"),
            ("pcm_s16le:8000:0", "`0`, 1 to 16"),
            ("pcm_s16le:8000:17", "`17`, 1 to 16"),
            ("pcm_s16le:8000:stereo", "`stereo`, 1 to 16"),
            ("pcm_s16le:8000:2:1", "does not say how"),
        ] {
            let error = text.parse::<RawSound>().expect_err(text).to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
