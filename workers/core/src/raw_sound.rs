//! How sound without a header is written down: what its producer has to say, since the bytes do not.

use serde::{Deserialize, Serialize};

use crate::words::words;

words! {
    /// How samples lie in a file without a header; the names ffmpeg uses.
    pub enum RawEncoding: "encoding of headerless sound" {
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
