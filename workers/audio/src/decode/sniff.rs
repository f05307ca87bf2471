//! What a file is, by its bytes.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::amr::{self, Band};
use super::foreign::Foreign;
use super::wave::{self, Encoding, Sound, Wave};
use super::{mpeg, not_audio};
use crate::AudioError;
use crate::wide::wide;

/// Enough for every mark, and for a few frames of MPEG audio behind some stray bytes.
const HEAD_BYTES: usize = 1 << 14;

/// What stands in front of the sound more often than once is looked through this often.
const MAX_TAGS: usize = 4;

/// Which way a file goes.
#[derive(Debug)]
pub(super) enum Route {
    Pcm(Sound),
    Packets(Found),
    Ffmpeg(Foreign),
}

/// A file for symphonia.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) format: &'static str,
    /// Where the length is declared.
    pub(super) length: Length,
}

/// Where a container says how long it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// In its header, and symphonia finds it.
    Header,
    /// In its header: so many frames.
    Frames(u64),
    /// Nowhere that could be relied on.
    Nowhere,
}

/// Finds the way for `file`. `name` counts only for formats without a mark of their own.
pub(super) fn sniff(file: &File, name: &str) -> Result<Route, AudioError> {
    let meta = file.metadata().map_err(|source| AudioError::Read { source })?;
    if !meta.is_file() {
        return Err(AudioError::NotAudio { seen: "a folder or a device".into() });
    }
    let file_bytes = meta.len();
    if file_bytes == 0 {
        return Err(AudioError::Empty);
    }
    let mut head = read_head(file, 0)?;
    let mut at = 0;
    for _ in 0..MAX_TAGS {
        let Some(tag_bytes) = id3_bytes(&head) else { break };
        at += tag_bytes;
        head = read_head(file, at)?;
    }
    if let Some(route) = by_mark(file, file_bytes, &head)? {
        return Ok(route);
    }
    if let Some(mpeg) = mpeg::find(&head) {
        let length = if mpeg.has_length { Length::Header } else { Length::Nowhere };
        return Ok(Route::Packets(Found { format: mpeg.format, length }));
    }
    if at > 0 && head.is_empty() {
        return Err(AudioError::NoSamples { format: "MP3".into(), what: "it ends after its tag".into() });
    }
    if let Some(route) = by_name(name, file_bytes) {
        return Ok(route);
    }
    Err(AudioError::NotAudio { seen: not_audio::describe(&head) })
}

fn by_mark(file: &File, file_bytes: u64, head: &[u8]) -> Result<Option<Route>, AudioError> {
    let at = |offset: usize, mark: &[u8]| head.get(offset..offset + mark.len()) == Some(mark);
    let packets = |format| Route::Packets(Found { format, length: Length::Header });
    let foreign = |format: &str| Route::Ffmpeg(Foreign::named(format));
    let is_wave = at(8, b"WAVE");
    let route = if is_wave && (at(0, b"RIFF") || at(0, b"RF64") || at(0, b"BW64")) {
        by_wave(wave::riff(file, file_bytes)?)
    } else if at(0, b"riff\x2E\x91\xCF\x11") {
        by_wave(wave::w64(file, file_bytes)?)
    } else if at(0, b".snd") {
        by_wave(wave::au(file, file_bytes)?)
    } else if at(0, b"FORM") && (at(8, b"AIFF") || at(8, b"AIFC")) {
        packets("AIFF")
    } else if at(0, b"fLaC") {
        packets("FLAC")
    } else if at(0, b"caff") {
        packets("CAF")
    } else if at(0, b"OggS") {
        if at(28, b"Speex   ") { foreign("Ogg Speex") } else { packets("Ogg") }
    } else if at(0, &[0x1A, 0x45, 0xDF, 0xA3]) {
        packets("Matroska")
    } else if [&b"ftyp"[..], b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"].iter().any(|mark| at(4, mark)) {
        packets("MP4")
    } else if at(0, amr::NARROW_MARK) {
        Route::Ffmpeg(Foreign::amr(Band::Narrow))
    } else if at(0, amr::WIDE_MARK) {
        Route::Ffmpeg(Foreign::amr(Band::Wide))
    } else if let Some((_, format)) = FOREIGN_MARKS.iter().find(|(mark, _)| at(0, mark)) {
        foreign(format)
    } else if at(0, b"RIFF") && at(8, b"AVI ") {
        foreign("AVI")
    } else if is_transport_stream(head) {
        foreign("MPEG-TS")
    } else if is_gsm(head) {
        Route::Ffmpeg(Foreign {
            demuxer: Some("gsm"),
            declared_ms: Some(file_bytes / 33 * 20),
            ..Foreign::named("GSM 06.10")
        })
    } else {
        return Ok(None);
    };
    Ok(Some(route))
}

/// Marks at the very start of formats that only ffmpeg reads.
const FOREIGN_MARKS: [(&[u8], &str); 17] = [
    (&[0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11], "WMA"),
    (b"RIFX", "big-endian WAV"),
    (&[0x00, 0x00, 0x01, 0xBA], "MPEG-PS"),
    (b"FLV\x01", "FLV"),
    (b"wvpk", "WavPack"),
    (b"MAC ", "Monkey's Audio"),
    (b"TTA1", "TTA"),
    (b"MPCK", "Musepack"),
    (b"MP+", "Musepack"),
    (b".RMF", "RealMedia"),
    (b"Creative Voice File", "VOC"),
    (b"NIST_1A", "NIST SPHERE"),
    (&[0x0B, 0x77], "AC-3"),
    (&[0x7F, 0xFE, 0x80, 0x01], "DTS"),
    (&[0x64, 0xA3], "IRCAM"),
    (b"FORM", "IFF"),
    (b"DSD ", "DSD"),
];

fn by_wave(wave: Wave) -> Route {
    match wave {
        Wave::Pcm(sound) => Route::Pcm(sound),
        Wave::Adpcm { declared_frames } => {
            Route::Packets(Found { format: "WAV", length: declared_frames.map_or(Length::Nowhere, Length::Frames) })
        }
        Wave::Foreign { format, tag, declared_ms } => {
            let name = match tag {
                0x31 => "GSM in WAV".to_owned(),
                0x50 | 0x55 => "MPEG audio in WAV".to_owned(),
                0x160..=0x163 => "WMA in WAV".to_owned(),
                other => format!("{format} with codec {other:#06x}"),
            };
            Route::Ffmpeg(Foreign { declared_ms, ..Foreign::named(&name) })
        }
    }
}

/// Formats that have no mark: there is only the name to go by.
fn by_name(name: &str, file_bytes: u64) -> Option<Route> {
    let extension = Path::new(name).extension()?.to_str()?.to_ascii_lowercase();
    let raw = |encoding, rate_hz| {
        let sound = Sound {
            format: "headerless",
            encoding,
            channels: 1,
            rate_hz,
            start: 0,
            bytes: file_bytes,
            declared_bytes: None,
        };
        Some(Route::Pcm(sound))
    };
    let foreign = |format, demuxer| Some(Route::Ffmpeg(Foreign { demuxer: Some(demuxer), ..Foreign::named(format) }));
    match extension.as_str() {
        "ul" | "ulaw" | "mulaw" | "pcmu" => raw(Encoding::MuLaw, 8_000),
        "al" | "alaw" | "pcma" => raw(Encoding::ALaw, 8_000),
        "sln" => raw(Encoding::Integer { bytes: 2, is_big_endian: false }, 8_000),
        "sln16" => raw(Encoding::Integer { bytes: 2, is_big_endian: false }, 16_000),
        "gsm" => foreign("GSM 06.10", "gsm"),
        // 64 kbit/s: 8 bytes a millisecond.
        "g722" | "722" => Some(Route::Ffmpeg(Foreign {
            demuxer: Some("g722"),
            declared_ms: Some(file_bytes / 8),
            ..Foreign::named("G.722")
        })),
        "g726" => foreign("G.726", "g726"),
        "g726le" => foreign("G.726", "g726le"),
        _ => None,
    }
}

fn read_head(file: &File, at: u64) -> Result<Vec<u8>, AudioError> {
    let mut head = vec![0; HEAD_BYTES];
    let mut got = 0;
    while got < head.len() {
        match file.read_at(&mut head[got..], at + wide(got)) {
            Ok(0) => break,
            Ok(some) => got += some,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(source) => return Err(AudioError::Read { source }),
        }
    }
    head.truncate(got);
    Ok(head)
}

/// The length of an ID3v2 tag at the start: its size is in four bytes of seven bits.
fn id3_bytes(head: &[u8]) -> Option<u64> {
    let tag = head.get(..10)?;
    if &tag[..3] != b"ID3" || tag[6..10].iter().any(|byte| *byte > 0x7F) {
        return None;
    }
    let size = tag[6..10].iter().fold(0, |size, byte| (size << 7) | u64::from(*byte));
    let footer = if tag[5] & 0x10 == 0 { 0 } else { 10 };
    Some(10 + size + footer)
}

/// Packets of 188 bytes (or 192, on discs and cards) that each begin with 0x47.
fn is_transport_stream(head: &[u8]) -> bool {
    [(188, 0), (192, 4)].iter().any(|(step, first)| {
        let marks: Vec<_> = head.iter().skip(*first).step_by(*step).take(5).collect();
        marks.len() == 5 && marks.iter().all(|byte| **byte == 0x47)
    })
}

/// Frames of 33 bytes that each begin with the nibble 0xD. Ten in a row are no accident.
fn is_gsm(head: &[u8]) -> bool {
    let frames = head.len() / 33;
    frames >= 10 && head.iter().step_by(33).take(frames.min(50)).all(|byte| byte >> 4 == 0xD)
}
