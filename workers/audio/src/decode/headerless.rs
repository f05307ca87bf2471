//! Sound without a header: what it is by its name, or by what its producer says.

use std::path::Path;

use earmark_core::{RawEncoding, RawSound};

use super::bytes::Bytes;
use super::cut::Cut;
use super::ear;
use super::foreign::Foreign;
use super::g711::{A_LAW, MU_LAW};
use super::output::{Output, check_declared};
use super::route::{Route, Sniffed};
use super::wave::{Content, Encoding, Part, Pcm, Sound};
use super::wave_tags::EXPORT;
use crate::AudioError;
use crate::wide::wide;

/// What all of telephony samples at, in Hz.
const TELEPHONE_HZ: u32 = 8_000;

/// Bytes listened to for whether A-law is mu-law.
const HEARD_BYTES: usize = 1 << 18;

/// One law read as the other is rougher than this many times.
const WRONG_LAW: f64 = 2.0;

/// Bytes of a frame of mSBC, and of the packet that a headset sends it in.
const MSBC_BYTES: u64 = 57;
const MSBC_PACKET_BYTES: u64 = 60;

/// What a file's name says of sound without a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// All there is to know.
    Sound(RawSound),
    /// G.726, in either order, at any rate.
    SomeG726,
    /// iLBC without its mark.
    Ilbc,
    /// G.723.1.
    G7231,
    /// That it is samples without a header, and no more.
    Undeclared,
    /// A format that nobody decodes.
    Nobody(&'static str),
}

/// What the ending of `name` says.
pub(super) fn by_name(name: &str) -> Option<Named> {
    let ending = Path::new(name).extension()?.to_str()?.to_ascii_lowercase();
    let sound = |encoding, rate_hz| Some(Named::Sound(RawSound { encoding, rate_hz: Some(rate_hz), channels: None }));
    if let Some(rate) = ending.strip_prefix("slin").or_else(|| ending.strip_prefix("sln")) {
        return rate_of(rate, Some(TELEPHONE_HZ)).and_then(|rate_hz| sound(RawEncoding::PcmS16Le, rate_hz));
    }
    if let Some(rate) = ending.strip_prefix("l16") {
        return match rate_of(rate.trim_start_matches(['-', '_']), None) {
            Some(rate_hz) => sound(RawEncoding::PcmS16Be, rate_hz),
            None => Some(Named::Undeclared),
        };
    }
    match ending.as_str() {
        "ul" | "ulw" | "ulaw" | "mu" | "mulaw" | "pcmu" => sound(RawEncoding::PcmMulaw, TELEPHONE_HZ),
        "al" | "alw" | "alaw" | "pcma" => sound(RawEncoding::PcmAlaw, TELEPHONE_HZ),
        "gsm" => sound(RawEncoding::Gsm, TELEPHONE_HZ),
        "g722" | "722" => sound(RawEncoding::G722, 16_000),
        "g726le" => sound(RawEncoding::G726Le32, TELEPHONE_HZ),
        // Asterisk's, in the order of RFC 3551.
        "g726-16" => sound(RawEncoding::G726Le16, TELEPHONE_HZ),
        "g726-24" => sound(RawEncoding::G726Le24, TELEPHONE_HZ),
        "g726-32" => sound(RawEncoding::G726Le32, TELEPHONE_HZ),
        "g726-40" => sound(RawEncoding::G726Le40, TELEPHONE_HZ),
        "g726" | "g721" => Some(Named::SomeG726),
        "g729" | "g729a" => sound(RawEncoding::G729, TELEPHONE_HZ),
        "g723_1" | "g7231" | "tco" | "rco" => Some(Named::G7231),
        "ilbc" => Some(Named::Ilbc),
        "vox" => sound(RawEncoding::AdpcmOki, TELEPHONE_HZ),
        "sbc" => Some(Named::Sound(RawSound { encoding: RawEncoding::Sbc, rate_hz: None, channels: None })),
        "msbc" => sound(RawEncoding::Msbc, 16_000),
        "raw" | "pcm" | "lpcm" | "s8" | "u8" | "sb" | "ub" | "sw" | "uw" | "s16" | "u16" | "s16le" | "s16be"
        | "s24" | "s24le" | "s32" | "s32le" | "f32" | "f32le" => Some(Named::Undeclared),
        "nmf" => Some(Named::Nobody("a recording of NICE (NMF)")),
        "siren7" | "siren14" => Some(Named::Nobody("G.722.1 without a header (Siren)")),
        "g719" => Some(Named::Nobody("G.719 without a header")),
        "g728" => Some(Named::Nobody("G.728 without a header")),
        "dvf" | "msv" => Some(Named::Nobody("a dictation of Sony's recorders (DVF, MSV)")),
        _ => None,
    }
}

/// The rate that digits stand for: in Hz, or in kHz as Asterisk writes it.
fn rate_of(digits: &str, none: Option<u32>) -> Option<u32> {
    match digits {
        "" => none,
        "8" | "12" | "16" | "24" | "32" | "48" | "96" | "192" => digits.parse::<u32>().ok().map(|khz| khz * 1000),
        "11" => Some(11_025),
        "22" => Some(22_050),
        "44" => Some(44_100),
        hz => hz.parse().ok().filter(|hz| (4_000..=384_000).contains(hz)),
    }
}

impl Named {
    /// The way of a file with such a name; none where the name does not say enough.
    pub(super) fn route(self, file: Bytes<'_>, output: &mut Output<'_>) -> Result<Option<Sniffed>, AudioError> {
        match self {
            Self::Sound(sound) => {
                warn_of_law(file, sound, output)?;
                declared(sound, file).map(Some)
            }
            Self::SomeG726 => {
                let words = |bits: u32| {
                    ["-code_size".to_owned(), bits.to_string(), "-sample_rate".into(), TELEPHONE_HZ.to_string()]
                        .to_vec()
                };
                let all = [4, 2, 3, 5].into_iter().flat_map(|bits| [("g726", words(bits)), ("g726le", words(bits))]);
                let rivals = all.skip(1).collect();
                let foreign = Foreign { arguments: words(4), rivals, ..Foreign::raw("G.726", "g726") };
                Ok(Some(Sniffed::whole(Route::Ffmpeg(foreign))))
            }
            Self::Ilbc => {
                // Frames of 20 ms take 38 bytes, those of 30 ms 50.
                let is_short = !file.len.is_multiple_of(50) && file.len.is_multiple_of(38);
                let head: &[u8] = if is_short { b"#!iLBC20\n" } else { b"#!iLBC30\n" };
                let cut = Cut { head: head.into(), stretches: vec![(0, file.len)] };
                Ok(Some(Sniffed { route: Route::Ffmpeg(Foreign::raw("iLBC", "ilbc")), cut: Some(cut) }))
            }
            Self::G7231 => Ok(Some(Sniffed::whole(Route::Ffmpeg(Foreign::raw("G.723.1", "g723_1"))))),
            Self::Undeclared | Self::Nobody(_) => Ok(None),
        }
    }

    /// Why a file with such a name that holds nothing known is refused.
    pub(super) fn refusal(self, name: &str) -> Option<AudioError> {
        match self {
            Self::Undeclared => {
                let ending = Path::new(name).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
                Some(AudioError::NeedsDeclaration { ending: ending.to_owned() })
            }
            Self::Nobody(what) => Some(AudioError::Unsupported { what: what.into(), advice: EXPORT.into() }),
            Self::Sound(_) | Self::SomeG726 | Self::Ilbc | Self::G7231 => None,
        }
    }
}

/// `sound` with the rate that the name tells, where its producer leaves that out.
pub(super) fn completed(sound: RawSound, name: &str) -> RawSound {
    let rate_hz = match (sound.rate_hz, by_name(name)) {
        (Some(rate_hz), _) => Some(rate_hz),
        (None, Some(Named::Sound(named))) if named.encoding == sound.encoding => named.rate_hz,
        (None, _) => None,
    };
    RawSound { rate_hz, ..sound }
}

/// The way of a file whose producer says how it is written down.
pub(super) fn declared(sound: RawSound, file: Bytes<'_>) -> Result<Sniffed, AudioError> {
    let channels = sound.channels.unwrap_or(1);
    let rate_hz = sound.rate_hz.unwrap_or(TELEPHONE_HZ);
    check_declared(u64::from(channels), rate_hz)?;
    if let Some(encoding) = pcm(sound.encoding) {
        let content = Content::Pcm(Pcm { encoding, channels, rate_hz });
        let (start, bytes) = (0, file.len);
        let part = Part { format: "headerless", content, start, bytes, declared_bytes: None, base: 0 };
        return Ok(Sniffed::whole(Route::Pcm(Sound { parts: vec![part] })));
    }
    if channels > 1 && sound.encoding != RawEncoding::Sbc {
        return Err(AudioError::OutOfRange {
            what: "for this encoding a number of channels of",
            value: u64::from(channels),
            min: 1,
            max: 1,
        });
    }
    let g726 = |demuxer, bits: u64| Foreign {
        declared_ms: Some(file.len * 8 * 1000 / bits / u64::from(rate_hz)),
        ..Foreign::raw("G.726", demuxer).told(&["-code_size", &bits.to_string(), "-sample_rate", &rate_hz.to_string()])
    };
    let foreign = match sound.encoding {
        RawEncoding::AdpcmOki => return Ok(Sniffed::whole(Route::Oki(rate_hz))),
        RawEncoding::Gsm => {
            let declared_ms = Some(file.len / 33 * 160 * 1000 / u64::from(rate_hz));
            Foreign { declared_ms, ..Foreign::raw("GSM 06.10", "gsm").told(&["-sample_rate", &rate_hz.to_string()]) }
        }
        // 64 kbit/s: 8 bytes a millisecond.
        RawEncoding::G722 => Foreign { declared_ms: Some(file.len / 8), ..Foreign::raw("G.722", "g722") },
        RawEncoding::G726Le16 => g726("g726le", 2),
        RawEncoding::G726Le24 => g726("g726le", 3),
        RawEncoding::G726Le32 => g726("g726le", 4),
        RawEncoding::G726Le40 => g726("g726le", 5),
        RawEncoding::G726Be16 => g726("g726", 2),
        RawEncoding::G726Be24 => g726("g726", 3),
        RawEncoding::G726Be32 => g726("g726", 4),
        RawEncoding::G726Be40 => g726("g726", 5),
        // Frames of 10 bytes and 10 ms.
        RawEncoding::G729 => Foreign { declared_ms: Some(file.len), ..Foreign::raw("G.729", "g729") },
        RawEncoding::Msbc => return msbc(file),
        RawEncoding::Sbc
        | RawEncoding::PcmS16Le
        | RawEncoding::PcmS16Be
        | RawEncoding::PcmS24Le
        | RawEncoding::PcmS32Le
        | RawEncoding::PcmF32Le
        | RawEncoding::PcmU8
        | RawEncoding::PcmS8
        | RawEncoding::PcmAlaw
        | RawEncoding::PcmMulaw => Foreign::raw("SBC", "sbc"),
    };
    Ok(Sniffed::whole(Route::Ffmpeg(foreign)))
}

/// mSBC as frames, or as the packets of a headset: two bytes of header, a frame, one byte to fill up.
fn msbc(file: Bytes<'_>) -> Result<Sniffed, AudioError> {
    let is_packets = file.get::<3>(0)?.is_some_and(|[one, _, frame]| one == 1 && frame == 0xAD);
    let (step, first) = if is_packets { (MSBC_PACKET_BYTES, 2) } else { (MSBC_BYTES, 0) };
    let frames = (file.len + step - first - MSBC_BYTES) / step;
    // A frame is 7.5 ms.
    let foreign = Foreign { declared_ms: Some(frames * 15 / 2), ..Foreign::raw("mSBC", "sbc") };
    let cut = is_packets.then(|| Cut {
        head: Vec::new(),
        stretches: (0..frames).map(|frame| (frame * step + first, MSBC_BYTES)).collect(),
    });
    Ok(Sniffed { route: Route::Ffmpeg(foreign), cut })
}

fn pcm(encoding: RawEncoding) -> Option<Encoding> {
    let integer = |bytes, is_big_endian| Some(Encoding::Integer { bytes, is_big_endian });
    match encoding {
        RawEncoding::PcmS16Le => integer(2, false),
        RawEncoding::PcmS16Be => integer(2, true),
        RawEncoding::PcmS24Le => integer(3, false),
        RawEncoding::PcmS32Le => integer(4, false),
        RawEncoding::PcmF32Le => Some(Encoding::Float { bytes: 4, is_big_endian: false }),
        RawEncoding::PcmU8 => Some(Encoding::Unsigned8),
        RawEncoding::PcmS8 => Some(Encoding::Signed8),
        RawEncoding::PcmAlaw => Some(Encoding::ALaw),
        RawEncoding::PcmMulaw => Some(Encoding::MuLaw),
        RawEncoding::Gsm
        | RawEncoding::G722
        | RawEncoding::G726Le16
        | RawEncoding::G726Le24
        | RawEncoding::G726Le32
        | RawEncoding::G726Le40
        | RawEncoding::G726Be16
        | RawEncoding::G726Be24
        | RawEncoding::G726Be32
        | RawEncoding::G726Be40
        | RawEncoding::G729
        | RawEncoding::AdpcmOki
        | RawEncoding::Sbc
        | RawEncoding::Msbc => None,
    }
}

/// Warns where a file named after one law of G.711 sounds like the other.
fn warn_of_law(file: Bytes<'_>, sound: RawSound, output: &mut Output<'_>) -> Result<(), AudioError> {
    let (named, own, other) = match sound.encoding {
        RawEncoding::PcmAlaw => ("A-law", &A_LAW, &MU_LAW),
        RawEncoding::PcmMulaw => ("mu-law", &MU_LAW, &A_LAW),
        _ => return Ok(()),
    };
    let bytes = file.some(0, HEARD_BYTES)?;
    let read = |law: &[i16; 256]| -> Vec<i16> { bytes.iter().map(|byte| law[usize::from(*byte)]).collect() };
    // Ten seconds; what is rough in both ways is something else.
    if let (Some(own), Some(other)) = (ear::roughness(&read(own)), ear::roughness(&read(other)))
        && own > other * WRONG_LAW
    {
        let detail = format!(
            "the file is named as {named} and read as such, but its first {} seconds sound like the other law of G.711; if \
             so, offer it with its encoding declared",
            wide(bytes.len()) / u64::from(TELEPHONE_HZ)
        );
        output.warn("encoding_doubtful", detail);
    }
    Ok(())
}
