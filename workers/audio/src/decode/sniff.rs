//! What a file is, by its bytes.

use std::fs::File;

use earmark_core::{RawSound, Span};

use super::amr::{self, Band};
use super::bytes::Bytes;
use super::chunks;
use super::cut::Cut;
use super::foreign::Foreign;
use super::headerless;
use super::layout;
use super::output::Output;
pub(super) use super::route::{Found, Length, Route, Sniffed};
use super::wave::{Coded, Content, Part, Sound};
use super::wave_tags::{self, Way};
use super::{mpeg, not_audio};
use crate::AudioError;

/// Enough for every mark, and for a few frames of MPEG audio behind some stray bytes.
const HEAD_BYTES: usize = 1 << 14;

/// What stands in front of the sound more often than once is looked through this often.
const MAX_TAGS: usize = 4;

/// Finds the way for `file`. `name` counts only for formats without a mark of their own, and before it what the producer
/// `declared`.
pub(super) fn sniff(
    file: &File,
    name: &str,
    declared: Option<RawSound>,
    output: &mut Output<'_>,
) -> Result<Sniffed, AudioError> {
    let meta = file.metadata().map_err(|source| AudioError::Read { source })?;
    if !meta.is_file() {
        return Err(AudioError::NotAudio { seen: "a folder or a device".into() });
    }
    let file = Bytes { file, len: meta.len() };
    if file.len == 0 {
        return Err(AudioError::Empty);
    }
    let mut head = file.some(0, HEAD_BYTES)?;
    let mut at = 0;
    for _ in 0..MAX_TAGS {
        let Some(tag_bytes) = mpeg::id3_bytes(&head) else { break };
        at += tag_bytes;
        head = file.some(at, HEAD_BYTES)?;
    }
    if let Some(sniffed) = by_mark(file, at, &head, output)? {
        if let Some(declared) = declared {
            let detail =
                format!("the file has a header, which counts: it is not read as {}", declared.encoding.as_str());
            output.warn("declaration_ignored", detail);
        }
        return Ok(sniffed);
    }
    if let Some(declared) = declared {
        return headerless::declared(headerless::completed(declared, name), file);
    }
    // Before frames are looked for: those of its sound lie in its packets, and not in a row.
    if is_transport_stream(&head) && headerless::by_name(name).is_none() {
        return Ok(Sniffed::whole(Route::Ffmpeg(Foreign::named("MPEG-TS"))));
    }
    if let Some(mpeg) = mpeg::find(&head) {
        return Ok(Sniffed::whole(Route::Packets(Found { format: mpeg.format, length: Length::Nowhere })));
    }
    if at > 0 && head.is_empty() {
        return Err(AudioError::NoSamples { format: "MP3".into(), what: "it ends after its tag".into() });
    }
    let named = headerless::by_name(name).filter(|_| !not_audio::is_something_else(&head));
    if let Some(sniffed) = named.map(|named| named.route(file, output)).transpose()?.flatten() {
        return Ok(sniffed);
    }
    if let Some(route) = by_weak_mark(file.len, &head) {
        return Ok(Sniffed::whole(route));
    }
    Err(named.and_then(|named| named.refusal(name)).unwrap_or_else(|| not_audio::refusal(&head, name)))
}

fn by_mark(file: Bytes<'_>, start: u64, head: &[u8], output: &mut Output<'_>) -> Result<Option<Sniffed>, AudioError> {
    let at = |offset: usize, mark: &[u8]| head.get(offset..offset + mark.len()) == Some(mark);
    let packets = |format| Route::Packets(Found { format, length: Length::Header });
    let foreign = |format: &str| Route::Ffmpeg(Foreign::named(format));
    if chunks::header(head).is_some() || at(0, b".snd") || at(0, b"riff\x2E\x91\xCF\x11") {
        return by_wave(file, layout::survey(file.file, file.len, start)?, output).map(Some);
    }
    if let Some(refusal) = not_audio::undecodable(head) {
        return Err(refusal);
    }
    let route = if at(0, b"fLaC") {
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
    } else if at(0, b"\x02dss") || at(0, b"\x03dss") {
        Route::Ffmpeg(Foreign { advice: Some(EXPORT_DICTATION), ..Foreign::raw("DSS dictation", "dss") })
    } else if let Some((_, format)) = FOREIGN_MARKS.iter().find(|(mark, _)| at(0, mark)) {
        foreign(format)
    } else if at(0, b"RIFF") && at(8, b"AVI ") {
        foreign("AVI")
    } else {
        return Ok(None);
    };
    Ok(Some(Sniffed::whole(route)))
}

/// What to do with a dictation that ffmpeg fails on.
const EXPORT_DICTATION: &str = "export it as WAV or MP3 with the dictation software";

/// Marks at the very start of formats that only ffmpeg reads.
const FOREIGN_MARKS: [(&[u8], &str); 15] = [
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
    (&[0x7F, 0xFE, 0x80, 0x01], "DTS"),
    (b"FORM", "IFF"),
    (b"DSD ", "DSD"),
];

/// Marks that a headerless file may have by accident: its name comes before them.
fn by_weak_mark(file_bytes: u64, head: &[u8]) -> Option<Route> {
    let foreign = |format: &str| Route::Ffmpeg(Foreign::named(format));
    if head.starts_with(&[0x0B, 0x77]) {
        Some(foreign("AC-3"))
    } else if head.starts_with(&[0x64, 0xA3]) {
        Some(foreign("IRCAM"))
    } else if is_transport_stream(head) {
        Some(foreign("MPEG-TS"))
    } else if is_gsm(head) {
        let declared_ms = Some(file_bytes / 33 * 20);
        Some(Route::Ffmpeg(Foreign { declared_ms, ..Foreign::raw("GSM 06.10", "gsm") }))
    } else {
        None
    }
}

/// The way of a WAV file or its kin whose sound lies in `parts`.
fn by_wave(file: Bytes<'_>, parts: Vec<Part>, output: &mut Output<'_>) -> Result<Sniffed, AudioError> {
    let first = parts[0];
    let coded = match first.content {
        Content::Pcm(_) => return Ok(Sniffed::whole(Route::Pcm(Sound { parts }))),
        Content::Coded(coded) => coded,
    };
    if first.format == "AIFF" {
        return Ok(Sniffed::whole(Route::Packets(Found { format: "AIFF", length: Length::Header })));
    }
    if first.format == "AU" {
        let name = format!("AU with codec {}", coded.tag);
        return Ok(Sniffed::whole(Route::Ffmpeg(Foreign::named(&name))));
    }
    let fits = |part: &&Part| matches!(part.content, Content::Coded(other) if coded.goes_on(&other));
    for part in parts.iter().filter(|part| !fits(part)) {
        let detail =
            format!("{} bytes from byte {} on hold sound of another kind, not decoded", part.bytes, part.start);
        output.warn("sound_left_out", detail);
    }
    let parts: Vec<Part> = parts.iter().filter(fits).copied().collect();
    if let Some(band) = amr_band(file, &first, &coded)? {
        let mark = if band == Band::Wide { amr::WIDE_MARK } else { amr::NARROW_MARK };
        warn_of_rest(&parts, &coded, output);
        let stretches = parts.iter().map(|part| (part.start, part.bytes)).collect();
        let format = format!("AMR in {}", first.format);
        let route = Route::Ffmpeg(Foreign { format, ..Foreign::amr(band) });
        return Ok(Sniffed { route, cut: Some(Cut { head: mark.into(), stretches }) });
    }
    let (way, name) = wave_tags::find(coded.tag);
    let is_adpcm = matches!(coded.tag, 2 | 0x11);
    if way == Way::Nobody && !is_adpcm {
        return Err(wave_tags::refusal(first.format, coded.tag, name));
    }
    warn_of_rest(&parts, &coded, output);
    let stretches: Vec<(u64, u64)> = parts.iter().map(|part| (part.start, whole_blocks(part, &coded))).collect();
    let declared: Option<u64> = parts.iter().map(|part| Some(part.declared_bytes?.max(part.bytes))).sum();
    let per_sec = u64::from(coded.bytes_per_sec);
    let declared_ms = declared.filter(|_| per_sec > 0).map(|bytes| bytes.saturating_mul(1000) / per_sec);
    let format = format!("{name} in {}", first.format);
    if let Some(foreign) = wave_tags::raw(way, &format, &coded) {
        let head = if way == Way::Ilbc { ilbc_mark(&coded).to_vec() } else { Vec::new() };
        let route = Route::Ffmpeg(Foreign { declared_ms, ..foreign });
        return Ok(Sniffed { route, cut: Some(Cut { head, stretches }) });
    }
    // As it is where nothing stands in the way of the decoder's own reading of the header.
    let is_plain = parts.len() == 1
        && first.base == 0
        && stretches[0].1 == first.bytes
        && first.declared_bytes.map_or(first.start + first.bytes == file.len, |declared| declared >= first.bytes);
    let cut = match is_plain {
        true => None,
        false => {
            let most = usize::try_from(coded.format_bytes).unwrap_or(0).min(1 << 16);
            Some(Cut::wav(&file.some(coded.format_at, most)?, stretches))
        }
    };
    let route = if is_adpcm {
        let frames = coded.fact.filter(|frames| *frames > 0 && declared.is_some() && is_plain);
        Route::Packets(Found { format: "WAV", length: frames.map_or(Length::Nowhere, Length::Frames) })
    } else {
        Route::Ffmpeg(Foreign { declared_ms, ..Foreign::named(&format) })
    };
    Ok(Sniffed { route, cut })
}

/// Which AMR the sound is, if its tag may mean that and its frames do.
fn amr_band(file: Bytes<'_>, first: &Part, coded: &Coded) -> Result<Option<Band>, AudioError> {
    let band = match coded.tag {
        wave_tags::AMR_OR_NMS | 0x57 | 0x136 => Band::Narrow,
        0x58 | 0xA104 | 0xA111 => Band::Wide,
        _ => return Ok(None),
    };
    let most = usize::try_from(first.bytes).unwrap_or(HEAD_BYTES).min(HEAD_BYTES);
    let bytes = file.some(first.start, most)?;
    Ok((coded.channels == 1 && amr::is_chain(&bytes, band)).then_some(band))
}

fn ilbc_mark(coded: &Coded) -> &'static [u8] {
    if coded.block_bytes == 38 { b"#!iLBC20\n" } else { b"#!iLBC30\n" }
}

/// How many bytes of `part` are whole blocks; all of them where its codec has none, or where more than a byte that fills up
/// is missing.
fn whole_blocks(part: &Part, coded: &Coded) -> u64 {
    let block = u64::from(coded.block_bytes);
    let is_filled_up = block > 2 && part.bytes % block == 1;
    if is_filled_up { part.bytes - 1 } else { part.bytes }
}

/// Says what lies behind the declared end, and which recordings behind the first; when, by the bit rate.
fn warn_of_rest(parts: &[Part], coded: &Coded, output: &mut Output<'_>) {
    let ms = |bytes: u64| bytes.saturating_mul(1000) / u64::from(coded.bytes_per_sec.max(1));
    let (mut joined, mut spans) = (Vec::new(), Vec::new());
    let (mut before, mut base) = (0_u64, parts.first().map_or(0, |part| part.base));
    for part in parts {
        let (start_ms, end_ms) = (ms(before), ms(before + part.bytes));
        let declared = part.declared_bytes.unwrap_or(part.bytes);
        let behind = part.bytes.saturating_sub(declared);
        if ms(behind) > 100 {
            let start_ms = start_ms + ms(declared);
            let detail = format!(
                "{behind} bytes lie behind the end of the sound that the header declares; they are read as sound, from \
                 {start_ms} to {end_ms} ms"
            );
            output.warn_within("sound_behind_end", detail, vec![Span { start_ms, end_ms }]);
        }
        if part.base != base {
            base = part.base;
            joined.push(format!("at byte {base} ({start_ms} ms)"));
            spans.push(Span { start_ms, end_ms });
        }
        before += part.bytes;
    }
    if !joined.is_empty() {
        let (count, first) = (joined.len() + 1, joined.into_iter().take(20).collect::<Vec<_>>().join("; "));
        let detail = format!("{count} recordings lie one behind the other in this file; behind the first: {first}");
        spans.truncate(20);
        output.warn_within("recordings_joined", detail, spans);
    }
}

/// Packets of 188 bytes (or 192, on discs and cards) that each begin with 0x47.
fn is_transport_stream(head: &[u8]) -> bool {
    [(188, 0), (192, 4)].iter().any(|(step, first)| {
        let marks: Vec<_> = head.iter().skip(*first).step_by(*step).take(5).collect();
        marks.len() == 5 && marks.iter().all(|byte| **byte == 0x47)
    })
}

/// Frames of 33 bytes that each begin with the nibble 0xD. Ten in a row are no accident, unless all bytes are the same, as in
/// the silence of A-law.
fn is_gsm(head: &[u8]) -> bool {
    let frames = head.len() / 33;
    let is_varied = head.chunks_exact(33).take(50).any(|frame| frame.iter().any(|byte| *byte != frame[0]));
    frames >= 10 && is_varied && head.iter().step_by(33).take(frames.min(50)).all(|byte| byte >> 4 == 0xD)
}
