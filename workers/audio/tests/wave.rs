//! WAV and its kin as recorders leave them: whatever the header says, all of the sound is read, or a warning tells what is not.

#![allow(clippy::unwrap_used, reason = "a test may end this way")]

mod made;

use std::path::Path;

use earmark_core::{Failure, Span};
use made::{FIXTURES, codes, decode_bytes, decode_file, expect, pipe, samples};

/// What a header says.
#[derive(Clone, Copy)]
struct Header {
    mark: &'static [u8; 4],
    tag: u16,
    channels: u16,
    rate_hz: u32,
    bits: u16,
    block: u16,
    /// Of the sound; its true size where it is none.
    size: Option<u32>,
    riff: Option<u32>,
}

const MU_LAW: Header =
    Header { mark: b"RIFF", tag: 7, channels: 1, rate_hz: 8000, bits: 8, block: 1, size: None, riff: None };

fn wav(header: Header, before: &[u8], sound: &[u8], behind: &[u8]) -> Vec<u8> {
    let size = |bytes: usize| u32::try_from(bytes).unwrap();
    let mut body = b"WAVE".to_vec();
    body.extend(before);
    body.extend(b"fmt \x10\0\0\0");
    body.extend(header.tag.to_le_bytes());
    body.extend(header.channels.to_le_bytes());
    body.extend(header.rate_hz.to_le_bytes());
    body.extend((header.rate_hz * u32::from(header.block)).to_le_bytes());
    body.extend(header.block.to_le_bytes());
    body.extend(header.bits.to_le_bytes());
    body.extend(b"data");
    body.extend(header.size.unwrap_or(size(sound.len())).to_le_bytes());
    body.extend(sound);
    body.extend(behind);
    let mut bytes = header.mark.to_vec();
    bytes.extend(header.riff.unwrap_or(size(body.len())).to_le_bytes());
    bytes.extend(body);
    bytes
}

fn chunk(id: &[u8; 4], contents: &[u8]) -> Vec<u8> {
    let mut bytes = id.to_vec();
    bytes.extend(u32::try_from(contents.len()).unwrap().to_le_bytes());
    bytes.extend(contents);
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    bytes
}

fn ds64(size: u64) -> Vec<u8> {
    let words = [size + 100, size, size].map(u64::to_le_bytes).concat();
    chunk(b"ds64", &[words.as_slice(), &[0; 4]].concat())
}

fn mu_law() -> Vec<u8> {
    pipe("mulaw", "-ar 8000")
}

#[test]
fn sizes_that_are_zero_stale_or_endless_hide_nothing_and_add_nothing() {
    let sound = mu_law();
    let list = chunk(b"LIST", b"INFOISFT\x0e\0\0\0Lavf59.27.100\0");
    let more = [list.clone(), chunk(b"id3 ", &[7; 999]), chunk(b"iXML", b"<x/>"), chunk(b"PEAK", &[1; 16])].concat();
    let open = Header { size: Some(u32::MAX), riff: Some(u32::MAX), ..MU_LAW };
    let stale = Header { size: Some(8000), ..MU_LAW };
    let long = u64::try_from(sound.len()).unwrap();
    let rf64 = Header { mark: b"RF64", ..open };
    let cases: Vec<(&str, Vec<u8>, bool)> = vec![
        ("true sizes and chunks behind", wav(MU_LAW, b"", &sound, &more), false),
        ("a chunk of filling first", wav(MU_LAW, &chunk(b"JUNK", &[0; 28]), &sound, b""), false),
        ("a chunk nobody knows behind", wav(MU_LAW, b"", &sound, &chunk(b"Zzzz", &sound[..3000])), false),
        ("endless", wav(open, b"", &sound, b""), false),
        ("endless with chunks behind", wav(open, b"", &sound, &more), false),
        ("endless with a tag behind", wav(open, b"", &sound, &[&b"TAG"[..], &[b'x'; 125]].concat()), false),
        ("zero", wav(Header { size: Some(0), ..MU_LAW }, b"", &sound, b""), false),
        ("both zero", wav(Header { size: Some(0), riff: Some(0), ..MU_LAW }, b"", &sound, &list), false),
        ("the sound's stale", wav(stale, b"", &sound, b""), true),
        ("both stale", wav(Header { riff: Some(8036), ..stale }, b"", &sound, b""), true),
        ("both stale, with a chunk behind", wav(Header { riff: Some(8036), ..stale }, b"", &sound, &list), true),
        ("RF64", wav(rf64, &ds64(long), &sound, &list), false),
        ("BW64", wav(Header { mark: b"BW64", ..open }, &ds64(long), &sound, b""), false),
        ("RF64 whose long size is zero", wav(rf64, &ds64(0), &sound, b""), false),
        ("RF64 without long sizes", wav(rf64, b"", &sound, b""), false),
        ("RF64 whose long size is stale", wav(rf64, &ds64(8000), &sound, b""), true),
        ("text behind", wav(MU_LAW, b"", &sound, &b"<?xml version=\"1.0\"?><call/> ".repeat(99)), false),
        ("zeros behind", [wav(MU_LAW, b"", &sound, b""), vec![0; 4000]].concat(), false),
    ];
    for (name, bytes, is_behind) in cases {
        let decoded = decode_bytes("a.wav", &bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        expect(name, &decoded, "pcm_mulaw", 7_100, &[0]);
        assert_eq!(decoded.duration_ms, 7_100, "{name}");
        assert_eq!(codes(&decoded), if is_behind { vec!["sound_behind_end"] } else { vec![] }, "{name}");
        if is_behind {
            assert_eq!(decoded.warnings[0].spans, [Span { start_ms: 1_000, end_ms: 7_100 }], "{name}");
            assert!(decoded.warnings[0].detail.contains("48800 bytes"), "{name}: {:?}", decoded.warnings);
        }
    }
    // One byte less, and the byte that should fill up is not there.
    let odd = decode_bytes("a.wav", &wav(MU_LAW, b"", &sound[1..], &list)).unwrap();
    assert_eq!((odd.spools[0].samples(), codes(&odd).len()), (2 * 56_799, 0));
}

#[test]
fn recordings_one_behind_the_other_are_all_read_and_told() {
    let sound = mu_law();
    let open = Header { size: Some(u32::MAX), riff: Some(u32::MAX), ..MU_LAW };
    let whole = wav(MU_LAW, b"", &sound, b"");
    let streamed = wav(open, b"", &sound, b"");
    let au = |size: u32| {
        let words = [24, size, 1, 8000, 1].map(u32::to_be_bytes).concat();
        [&b".snd"[..], &words, &sound].concat()
    };
    let au_size = u32::try_from(sound.len()).unwrap();
    let w64 = pipe("w64", "-c:a pcm_mulaw -ar 8000");
    let cases: Vec<(&str, Vec<u8>, &[i64])> = vec![
        ("two", [whole.clone(), whole.clone()].concat(), &[0, 7_100]),
        (
            "with chunks between",
            [wav(MU_LAW, b"", &sound, &chunk(b"LIST", b"INFO")), whole.clone()].concat(),
            &[0, 7_100],
        ),
        ("with a byte between", [whole.clone(), vec![0], whole.clone()].concat(), &[0, 7_100]),
        ("three, endless", [streamed.clone(), streamed.clone(), streamed].concat(), &[0, 7_100, 14_200]),
        ("AU", [au(au_size), au(au_size)].concat(), &[0, 7_100]),
        ("AU, endless", [au(u32::MAX), au(u32::MAX)].concat(), &[0, 7_100]),
        ("W64, endless", [w64.clone(), w64].concat(), &[0, 7_100]),
    ];
    for (name, bytes, starts) in cases {
        let decoded = decode_bytes("a.wav", &bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        expect(name, &decoded, "pcm_mulaw", 7_100 * u64::try_from(starts.len()).unwrap(), starts);
        assert_eq!(codes(&decoded), ["recordings_joined"], "{name}");
        assert_eq!(decoded.warnings[0].spans[0], Span { start_ms: 7_100, end_ms: 14_200 }, "{name}");
    }
    // Two stretches in one file are one recording.
    let two =
        wav(Header { size: Some(u32::try_from(sound.len()).unwrap()), ..MU_LAW }, b"", &sound, &chunk(b"data", &sound));
    let decoded = decode_bytes("a.wav", &two).unwrap();
    expect("two stretches", &decoded, "pcm_mulaw", 14_200, &[0, 7_100]);
    assert!(decoded.warnings.is_empty(), "{:?}", decoded.warnings);
}

#[test]
fn sound_in_a_codec_is_read_whole_as_well() {
    let folder = tempfile::tempdir().unwrap();
    for (name, arguments, codec) in
        [("ima.wav", "-c:a adpcm_ima_wav -ar 8000", "adpcm_ima_wav"), ("gsm.wav", "-c:a libgsm_ms -ar 8000", "gsm_ms")]
    {
        let whole = std::fs::read(made::make(folder.path(), name, arguments)).unwrap();
        let alone = decode_bytes(name, &whole).unwrap().duration_ms;
        let decoded = decode_bytes(name, &[whole.clone(), whole.clone()].concat()).unwrap();
        expect(name, &decoded, codec, 2 * alone, &[0, i64::try_from(alone).unwrap()]);
        assert_eq!(codes(&decoded), ["recordings_joined"], "{name}");
        let mut stale = whole;
        let data = stale.windows(4).position(|four| four == b"data").unwrap();
        stale[data + 4..data + 8].copy_from_slice(&1_040_u32.to_le_bytes());
        stale[4..8].copy_from_slice(&1_100_u32.to_le_bytes());
        let decoded = decode_bytes(name, &stale).unwrap();
        expect(name, &decoded, codec, alone, &[0]);
        assert_eq!(codes(&decoded), ["sound_behind_end"], "{name}");
    }
}

#[test]
fn a_byte_that_fills_up_a_block_is_no_error() {
    // Blocks of 65 bytes: an odd number of them is filled up, and sox counts the byte as sound.
    let gsm = pipe("wav", "-t 5.04 -c:a libgsm_ms -ar 8000");
    let data = gsm.windows(4).position(|four| four == b"data").unwrap() + 8;
    let mut sound = gsm[data..data + 65 * 125].to_vec();
    sound.push(0);
    let mut bytes = gsm[..data].to_vec();
    bytes[data - 4..].copy_from_slice(&u32::try_from(sound.len()).unwrap().to_le_bytes());
    bytes.extend(sound);
    let decoded = decode_bytes("sox.wav", &bytes).unwrap();
    assert_eq!((decoded.duration_ms, codes(&decoded)), (5_000, vec![]));
}

#[test]
fn the_bits_decide_how_wide_a_sample_is_and_not_the_block_align() {
    let mono = pipe("s16le", "");
    let stereo = pipe("s16le", "-ac 2");
    let packed = pipe("s24le", "");
    let padded: Vec<u8> = packed.chunks_exact(3).flat_map(|three| [0, three[0], three[1], three[2]]).collect();
    let pcm = Header { tag: 1, rate_hz: 16_000, bits: 16, ..MU_LAW };
    for (bits, channels, block, sound, codec) in [
        (16, 1, 1, &mono, "pcm_s16le"),
        (16, 1, 4, &mono, "pcm_s16le"),
        (16, 1, 0, &mono, "pcm_s16le"),
        (16, 2, 2, &stereo, "pcm_s16le"),
        (16, 2, 8, &stereo, "pcm_s16le"),
        (24, 1, 2, &packed, "pcm_s24le"),
        (24, 1, 4, &packed, "pcm_s24le"),
        (24, 1, 4, &padded, "pcm_s32le"),
        (20, 1, 3, &packed, "pcm_s24le"),
        (0, 1, 2, &mono, "pcm_s16le"),
    ] {
        let name = format!("{bits} bits, {channels} channels in {block} bytes");
        let decoded = decode_bytes("a.wav", &wav(Header { bits, channels, block, ..pcm }, b"", sound, b"")).unwrap();
        expect(&name, &decoded, codec, 7_100, &[0]);
        assert_eq!(decoded.channels, channels, "{name}");
    }
}

#[test]
fn aiff_w64_and_au_written_through_a_pipe_are_whole_and_not_called_truncated() {
    for (format, arguments, codec) in [
        ("w64", "-c:a pcm_s16le", "pcm_s16le"),
        ("aiff", "-c:a pcm_s16be", "pcm_s16be"),
        ("aiff", "-c:a pcm_mulaw -ar 8000", "pcm_mulaw"),
        ("au", "-c:a pcm_alaw -ar 8000", "pcm_alaw"),
        ("caf", "-c:a pcm_s16be", "pcm_s16be"),
    ] {
        let decoded = decode_bytes("a.bin", &pipe(format, arguments)).unwrap();
        expect(format, &decoded, codec, 7_100, &[0]);
        assert!(decoded.warnings.is_empty(), "{format}: {:?}", decoded.warnings);
    }
}

#[test]
fn registered_codecs_are_decoded_as_what_they_are_or_refused_by_name() {
    let coded = |tag, sound: &[u8]| wav(Header { tag, block: 1, bits: 0, ..MU_LAW }, b"", sound, b"");
    let g722 = pipe("g722", "-ar 16000");
    let g729 = std::fs::read(format!("{FIXTURES}/cases/call.g729")).unwrap();
    let low = pipe("g726le", "-ar 8000 -c:a g726le -code_size 4");
    let high = pipe("g726", "-ar 8000 -c:a g726 -code_size 4");
    for (tag, sound, codec, duration_ms) in [
        (0x65, &g722, "adpcm_g722", 7_100),
        (0x28F, &g722, "adpcm_g722", 7_100),
        (0x64, &low, "adpcm_g726le", 7_100),
        (0x64, &high, "adpcm_g726", 7_100),
        (0x45, &high, "adpcm_g726", 7_100),
        (0x83, &g729, "g729", 2_990),
        (0x134, &g729, "g729", 2_990),
    ] {
        let name = format!("{tag:#x} {codec}");
        let header = Header { tag, bits: if tag == 0x83 || tag == 0x134 { 0 } else { 4 }, ..MU_LAW };
        let decoded = decode_bytes("a.wav", &wav(header, b"", sound, b"")).unwrap();
        let starts: &[i64] = if duration_ms == 7_100 { &[0] } else { &[] };
        expect(&name, &decoded, codec, duration_ms, starts);
        assert!(!codes(&decoded).contains(&"decode_errors"), "{name}: {:?}", decoded.warnings);
    }
    for (tag, words) in
        [(0x38, "NMS VBX ADPCM"), (0x40, "G.721"), (0x41, "G.728"), (0xA118, "NICE"), (0x9999, "0x9999")]
    {
        let problem = decode_bytes("a.wav", &coded(tag, &low)).unwrap_err().problem();
        assert_eq!(problem.code, "decode.unsupported", "{}", problem.message);
        assert!(problem.message.contains(words), "{}", problem.message);
        assert!(problem.hint.unwrap().contains("export it as WAV"));
    }
}

#[test]
fn cases_from_recorders_come_out_whole() {
    let case = |name: &str| decode_file(&Path::new(FIXTURES).join("cases").join(name)).unwrap();
    let stale = case("data-size-never-updated.wav");
    assert_eq!((stale.duration_ms, codes(&stale)), (7_100, vec!["sound_behind_end"]));
    let (joined, chunks) = (case("two-wav-files-joined.wav"), case("two-data-chunks.wav"));
    assert_eq!((joined.duration_ms, chunks.duration_ms), (8_290, 8_290));
    assert_eq!(samples(&joined, 0), samples(&chunks, 0));
    let g729 = case("g729-tag-0133.wav");
    assert_eq!((g729.codec.as_str(), g729.duration_ms, codes(&g729)), ("g729", 2_990, vec![]));
}

#[test]
fn a_recording_of_another_rate_behind_the_first_is_read_at_its_own() {
    let first = wav(MU_LAW, b"", &mu_law(), b"");
    let second = pipe("s16le", "-ar 48000");
    let second = wav(Header { tag: 1, rate_hz: 48_000, bits: 16, block: 2, ..MU_LAW }, b"", &second, b"");
    let decoded = decode_bytes("a.wav", &[first, second].concat()).unwrap();
    expect("another rate", &decoded, "pcm_mulaw", 14_200, &[0, 7_100]);
    assert_eq!((decoded.sample_rate_hz, codes(&decoded)), (8_000, vec!["recordings_joined"]));
    assert!(decoded.warnings[0].detail.contains("1 channel at 48000 Hz"), "{:?}", decoded.warnings);
}
