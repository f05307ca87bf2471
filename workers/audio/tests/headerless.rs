//! Sound without a header: known by its name, by what its producer says, or refused with what to do.

#![allow(clippy::unwrap_used, reason = "a test may end this way")]

mod made;

use std::path::Path;

use earmark_audio::AudioError;
use earmark_audio::decode::{DecodeOptions, Decoded, decode};
use earmark_core::{Failure, RawEncoding, RawSound};
use made::{FIXTURES, codes, decode_bytes, decode_file, expect, options, pipe, samples};

fn declared(name: &str, bytes: &[u8], raw: RawSound) -> Result<Decoded, AudioError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording");
    std::fs::write(&path, bytes).unwrap();
    decode(&path, name, &DecodeOptions { raw: Some(raw), ..options() }, &|| false)
}

#[test]
fn names_of_telephone_systems_say_what_a_file_holds() {
    let sln = |hz: &str| pipe("s16le", &format!("-ar {hz}"));
    let g726 = |size: &str| pipe("g726le", &format!("-ar 8000 -c:a g726le -code_size {size}"));
    let cases: Vec<(&str, Vec<u8>, &str, u32)> = vec![
        ("a.sln", sln("8000"), "pcm_s16le", 8_000),
        ("a.slin", sln("8000"), "pcm_s16le", 8_000),
        ("a.sln12", sln("12000"), "pcm_s16le", 12_000),
        ("a.sln16", sln("16000"), "pcm_s16le", 16_000),
        ("a.sln24", sln("24000"), "pcm_s16le", 24_000),
        ("a.sln32", sln("32000"), "pcm_s16le", 32_000),
        ("a.sln44", sln("44100"), "pcm_s16le", 44_100),
        ("a.sln48", sln("48000"), "pcm_s16le", 48_000),
        ("a.sln96", sln("96000"), "pcm_s16le", 96_000),
        ("a.sln192", sln("192000"), "pcm_s16le", 192_000),
        ("a.l16-16000", pipe("s16be", "-ar 16000"), "pcm_s16be", 16_000),
        ("a.ulaw", pipe("mulaw", "-ar 8000"), "pcm_mulaw", 8_000),
        ("a.PCMA", pipe("alaw", "-ar 8000"), "pcm_alaw", 8_000),
        ("a.g722", pipe("g722", "-ar 16000"), "adpcm_g722", 16_000),
        ("a.gsm", pipe("gsm", "-ar 8000 -c:a libgsm"), "gsm", 8_000),
        ("a.g726-16", g726("2"), "adpcm_g726le", 8_000),
        ("a.g726-24", g726("3"), "adpcm_g726le", 8_000),
        ("a.g726-32", g726("4"), "adpcm_g726le", 8_000),
        ("a.g726-40", g726("5"), "adpcm_g726le", 8_000),
        ("a.sbc", pipe("sbc", "-ar 16000 -c:a sbc"), "sbc", 16_000),
    ];
    for (name, bytes, codec, rate_hz) in cases {
        let decoded = decode_bytes(name, &bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        expect(name, &decoded, codec, 7_100, &[0]);
        assert_eq!((decoded.sample_rate_hz, codes(&decoded)), (rate_hz, vec![]), "{name}");
    }
}

#[test]
fn the_order_and_the_rate_of_g726_are_told_by_the_sound_with_a_warning() {
    for order in ["g726", "g726le"] {
        for size in ["2", "3", "4", "5"] {
            let bytes = pipe(order, &format!("-ar 8000 -c:a {order} -code_size {size}"));
            let decoded = decode_bytes("call.g726", &bytes).unwrap();
            let name = format!("{order}, {size} bits");
            expect(&name, &decoded, &format!("adpcm_{order}"), 7_100, &[]);
            assert_eq!(codes(&decoded), ["encoding_guessed"], "{name}");
            assert!(
                decoded.warnings[0].detail.contains(&format!("{order} -code_size {size}")),
                "{:?}",
                decoded.warnings
            );
        }
    }
}

#[test]
fn silence_of_a_law_is_not_taken_for_gsm() {
    let sound = pipe("alaw", "-ar 8000");
    let decoded = decode_bytes("a.alaw", &[vec![0xD5; 8_000], sound].concat()).unwrap();
    expect("a.alaw", &decoded, "pcm_alaw", 8_100, &[1_000]);
    // Without a name that says so it is refused and not invented.
    assert_eq!(decode_bytes("a.bin", &[0xD5; 8_000]).unwrap_err().code(), "decode.not_audio");
    let gsm = pipe("gsm", "-ar 8000 -c:a libgsm");
    assert_eq!(decode_bytes("a.bin", &gsm).unwrap().codec, "gsm");
}

#[test]
fn one_law_of_g711_under_the_name_of_the_other_is_doubted() {
    for (law, name) in [("alaw", "a.ulaw"), ("mulaw", "a.alaw")] {
        assert_eq!(codes(&decode_bytes(name, &pipe(law, "-ar 8000")).unwrap()), ["encoding_doubtful"], "{name}");
    }
}

/// Dialogic's way of writing, to read it back.
fn oki(samples: &[i16]) -> Vec<u8> {
    let steps: Vec<i32> = std::iter::successors(Some(16.0_f64), |step| Some(step * 1.1)).take(49).map(floor).collect();
    let (mut last, mut at) = (0_i32, 0_usize);
    let codes: Vec<u8> = samples
        .iter()
        .map(|sample| {
            let step = steps[at];
            let wanted = i32::from(*sample) / 16 - last;
            let size = (wanted.abs() * 4 / step).min(7);
            let difference =
                step / 8 + [4, 2, 1].iter().map(|bit| if size & bit == 0 { 0 } else { step * bit / 4 }).sum::<i32>();
            last = (last + if wanted < 0 { -difference } else { difference }).clamp(-2048, 2047);
            at = if size < 4 {
                at.saturating_sub(1)
            } else {
                (at + [2, 4, 6, 8][usize::try_from(size - 4).unwrap()]).min(48)
            };
            u8::try_from(size).unwrap() | if wanted < 0 { 8 } else { 0 }
        })
        .collect();
    codes.chunks_exact(2).map(|two| two[0] << 4 | two[1]).collect()
}

fn floor(value: f64) -> i32 {
    #[expect(clippy::as_conversions, reason = "at most 1552")]
    let whole = value as i32;
    whole
}

#[test]
fn vox_is_read_by_its_name_at_8_khz_and_otherwise_as_declared() {
    let read = |hz: u32| {
        let bytes = pipe("s16le", &format!("-ar {hz}"));
        oki(&bytes.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect::<Vec<_>>())
    };
    let decoded = decode_bytes("call.vox", &read(8_000)).unwrap();
    expect("call.vox", &decoded, "adpcm_ima_oki", 7_100, &[0]);
    let raw = RawSound { encoding: RawEncoding::AdpcmOki, rate_hz: Some(6_000), channels: None };
    let decoded = declared("call.vox", &read(6_000), raw).unwrap();
    expect("6 kHz", &decoded, "adpcm_ima_oki", 7_100, &[0]);
}

#[test]
fn declared_sound_is_read_as_declared_before_any_name() {
    let raw = |encoding, rate_hz, channels| RawSound { encoding, rate_hz: Some(rate_hz), channels: Some(channels) };
    let cases: Vec<(&str, Vec<u8>, RawSound, &str)> = vec![
        ("a.raw", pipe("s16le", "-ar 8000 -ac 2"), raw(RawEncoding::PcmS16Le, 8_000, 2), "pcm_s16le"),
        ("a.ulaw", pipe("s16be", "-ar 16000"), raw(RawEncoding::PcmS16Be, 16_000, 1), "pcm_s16be"),
        ("a", pipe("s24le", "-ar 44100"), raw(RawEncoding::PcmS24Le, 44_100, 1), "pcm_s24le"),
        ("a", pipe("s32le", ""), raw(RawEncoding::PcmS32Le, 16_000, 1), "pcm_s32le"),
        ("a", pipe("f32le", ""), raw(RawEncoding::PcmF32Le, 16_000, 1), "pcm_f32le"),
        ("a.bin", pipe("alaw", "-ar 8000"), raw(RawEncoding::PcmAlaw, 8_000, 1), "pcm_alaw"),
        ("a.g726", pipe("g726le", "-ar 8000 -c:a g726le"), raw(RawEncoding::G726Le32, 8_000, 1), "adpcm_g726le"),
        ("a.dat", pipe("gsm", "-ar 8000 -c:a libgsm"), raw(RawEncoding::Gsm, 8_000, 1), "gsm"),
        ("a.dat", pipe("g722", "-ar 16000"), raw(RawEncoding::G722, 16_000, 1), "adpcm_g722"),
    ];
    for (name, bytes, raw, codec) in cases {
        let decoded = declared(name, &bytes, raw).unwrap_or_else(|error| panic!("{name}, {codec}: {error}"));
        expect(codec, &decoded, codec, 7_100, &[0]);
        assert_eq!((Some(decoded.channels), codes(&decoded)), (raw.channels, vec![]), "{codec}");
    }
    let error = declared("a", &[1; 900], raw(RawEncoding::G729, 8_000, 2)).unwrap_err();
    assert_eq!(error.code(), "decode.out_of_range", "{error}");
}

#[test]
fn a_header_counts_more_than_what_is_declared_and_says_so() {
    let raw = RawSound { encoding: RawEncoding::PcmMulaw, rate_hz: Some(8_000), channels: Some(2) };
    let wav = pipe("wav", "-c:a pcm_s16le");
    let decoded = declared("a.wav", &wav, raw).unwrap();
    expect("a.wav", &decoded, "pcm_s16le", 7_100, &[0]);
    assert_eq!(codes(&decoded), ["declaration_ignored"]);
}

#[test]
fn samples_that_nobody_declares_are_refused_with_how_to_declare_them() {
    let sound = pipe("s16le", "-ar 8000 -ac 2");
    for name in ["two-directions.raw", "a.pcm", "a.L16", "a.s16le"] {
        let problem = decode_bytes(name, &sound).unwrap_err().problem();
        assert_eq!(problem.code, "decode.needs_declaration", "{name}: {}", problem.message);
        assert!(problem.message.contains("encoding, sample rate and channels"), "{}", problem.message);
        assert!(problem.hint.unwrap().contains("--sound pcm_s16le:8000:2"), "{name}");
    }
    // The name makes no sound of a page of errors.
    assert_eq!(decode_bytes("a.raw", b"<html><title>No</title></html>").unwrap_err().code(), "decode.not_audio");
}

#[test]
fn cases_from_telephone_systems_come_out_whole() {
    for (name, codec, rate_hz, duration_ms) in [
        ("silence-first.alaw", "pcm_alaw", 8_000, 3_240),
        ("call.g726-32", "adpcm_g726le", 8_000, 2_990),
        ("call.g729", "g729", 8_000, 2_990),
        ("headset.msbc", "sbc", 16_000, 2_985),
    ] {
        let decoded = decode_file(&Path::new(FIXTURES).join("cases").join(name)).unwrap();
        let got = (decoded.codec.as_str(), decoded.sample_rate_hz, decoded.duration_ms);
        assert_eq!(got, (codec, rate_hz, duration_ms), "{name}");
        assert!(decoded.warnings.is_empty(), "{name}: {:?}", decoded.warnings);
        let sound = samples(&decoded, 0);
        let loud = sound.iter().skip(8_000).filter(|sample| sample.abs() > 0.02).count();
        assert!(loud > 4_000, "{name}: {loud} samples are loud");
    }
    // The same as a headset sends it, each frame in a packet of its own.
    let frames = std::fs::read(format!("{FIXTURES}/cases/headset.msbc")).unwrap();
    let packets: Vec<u8> = frames.chunks_exact(57).flat_map(|frame| [&[0x01, 0x38], frame, &[0]].concat()).collect();
    let decoded = decode_bytes("headset.msbc", &packets).unwrap();
    assert_eq!((decoded.duration_ms, codes(&decoded)), (2_985, vec![]));
}

#[test]
fn what_nobody_decodes_is_named_with_what_to_do_with_it() {
    let case = |name: &str| std::fs::read(format!("{FIXTURES}/cases/{name}")).unwrap();
    let cases: Vec<(&str, Vec<u8>, &str, &str, &str)> = vec![
        ("voice.silk", case("voice.silk"), "decode.unsupported", "SILK", "convert it"),
        ("participant.mjr", case("participant.mjr"), "decode.unsupported", "Janus recording", "janus-pp-rec"),
        ("a.pcap", b"\xD4\xC3\xB2\xA1\x02\0\x04\0".to_vec(), "decode.unsupported", "packet capture", "recorder's WAV"),
        ("a.pcap", b"\xA1\xB2\xC3\xD4\0\x02\0\x04".to_vec(), "decode.unsupported", "packet capture", "recorder's WAV"),
        ("a.pcapng", b"\x0A\x0D\x0D\x0A\x1C\0\0\0".to_vec(), "decode.unsupported", "packet capture", "recorder's WAV"),
        ("a.dss", [&b"\x03dss"[..], &[9; 900]].concat(), "decode.unsupported", "DSS", "dictation software"),
        ("a.ds2", [&b"\x03ds2"[..], &[9; 900]].concat(), "decode.unsupported", "DS2", "dictation software"),
        ("a.nmf", vec![0x81; 900], "decode.unsupported", "NICE", "export it"),
        ("double_click_01.zoom", vec![0x82; 900], "decode.unsupported", "Zoom", "open it with Zoom"),
        ("a.transcript.vtt", b"WEBVTT\n\n00:00.000 --> ".to_vec(), "decode.companion_file", "WebVTT", "leave it out"),
        ("a.timeline.json", b"{\"timeline\": []}".to_vec(), "decode.companion_file", "JSON", "leave it out"),
        ("a.chat.txt", b"00:01 Ann: hello".to_vec(), "decode.companion_file", "chat", "leave it out"),
        ("call.meta", b"caller=100\n".to_vec(), "decode.companion_file", "facts of a call", "leave it out"),
    ];
    for (name, bytes, code, words, hint) in cases {
        let problem = decode_bytes(name, &bytes).unwrap_err().problem();
        assert_eq!(problem.code, code, "{name}: {}", problem.message);
        assert!(problem.message.contains(words), "{name}: {}", problem.message);
        let given = problem.hint.unwrap();
        assert!(given.contains(hint) && !given.contains("check what was uploaded"), "{name}: {given}");
    }
}
