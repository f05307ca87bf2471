//! Decoding: every format, whole, in time, and every broken file with the sentence that says why.

#![allow(clippy::unwrap_used, reason = "a test may end this way")]
#![expect(clippy::as_conversions, reason = "numbers of samples as floats and back")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use earmark_audio::AudioError;
use earmark_audio::decode::{DecodeOptions, Decoded, Sink, decode, stream};
use earmark_core::{Failure, Region};
use proptest::prelude::*;
use serde_json::Value;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures");

fn options() -> DecodeOptions {
    DecodeOptions {
        temp_dir: std::env::temp_dir(),
        max_duration_ms: 7_200_000,
        deadline: Duration::from_secs(120),
        memory_bytes: 256 << 20,
        ffmpeg: Some("ffmpeg".into()),
        raw: None,
    }
}

fn decode_file(path: &Path) -> Result<Decoded, AudioError> {
    decode(path, path.file_name().unwrap().to_str().unwrap(), &options(), &|| false)
}

fn samples(decoded: &Decoded, channel: usize) -> Vec<f32> {
    let spool = &decoded.spools[channel];
    let mut samples = Vec::new();
    spool.read(Region { start: 0, end: spool.samples() }, &mut samples).unwrap();
    samples
}

#[test]
fn every_recording_ends_as_its_manifest_says() {
    let manifest: Value = serde_json::from_slice(&std::fs::read(format!("{FIXTURES}/manifest.json")).unwrap()).unwrap();
    for item in manifest["items"].as_array().unwrap() {
        let file = item["file"].as_str().unwrap();
        let outcome = decode_file(&Path::new(FIXTURES).join(file));
        let expect = item["expect"].as_str().unwrap();
        let Ok(decoded) = outcome else {
            assert!(expect.contains("reject"), "{file}: {}", outcome.unwrap_err().problem().message);
            continue;
        };
        assert!(expect != "reject", "{file} should be rejected");
        assert_eq!(u64::from(decoded.channels), item["channels"].as_u64().unwrap(), "{file}");
        assert_eq!(decoded.spools.len(), usize::from(decoded.channels), "{file}");
        assert_eq!(u64::from(decoded.sample_rate_hz), item["sample_rate"].as_u64().unwrap(), "{file}");
        let codec = item["codec"].as_str().unwrap();
        assert!(codec.starts_with(&decoded.codec), "{file}: {} is not {codec}", decoded.codec);
        let codes: Vec<&str> = decoded.warnings.iter().map(|warning| warning.code.as_str()).collect();
        if expect == "partial" {
            assert_eq!(codes, ["recording_truncated"], "{file}");
            continue;
        }
        assert!(codes.is_empty(), "{file}: {:?}", decoded.warnings);
        // Of AMR the manifest has ffprobe's word, which is wrong.
        if codec != "amr_nb" {
            let secs = item["duration_s"].as_f64().unwrap();
            // What an MP3 or Opus encoder puts around the sound counts there, not here.
            assert!(
                (decoded.duration_ms as f64 / 1000.0 - secs).abs() < 0.11,
                "{file}: {} ms, not {secs} s",
                decoded.duration_ms
            );
        }
    }
}

#[test]
fn what_cannot_be_decoded_says_what_was_seen() {
    let folder = tempfile::tempdir().unwrap();
    let wav = |rate: u32, channels: u16, bits: u16| {
        let block = channels.wrapping_mul(bits / 8);
        let mut bytes = b"RIFF\xFF\xFF\xFF\xFFWAVEfmt \x10\0\0\0\x01\0".to_vec();
        bytes.extend(channels.to_le_bytes());
        bytes.extend(rate.to_le_bytes());
        bytes.extend((rate.wrapping_mul(u32::from(block))).to_le_bytes());
        bytes.extend(block.to_le_bytes());
        bytes.extend(bits.to_le_bytes());
        bytes.extend(b"data\xFF\xFF\xFF\xFF");
        bytes.extend([0; 64]);
        bytes
    };
    let cases: Vec<(&str, Vec<u8>, &str, &str)> = vec![
        ("empty.wav", vec![], "decode.empty", "0 bytes"),
        (
            "denied.wav",
            b"<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code><Message>No</Message></Error>".to_vec(),
            "decode.not_audio",
            "S3 error page (AccessDenied)",
        ),
        (
            "login.mp3",
            b"<!DOCTYPE html><html><head><title>Sign in</title>".to_vec(),
            "decode.not_audio",
            "an HTML page",
        ),
        ("list.m3u", b"#EXTM3U\nfile:///etc/passwd\n".to_vec(), "decode.not_audio", "a playlist"),
        ("error.wav", b"{\"error\": \"no such call\"}".to_vec(), "decode.not_audio", "JSON text"),
        ("zeros.wav", vec![0; 5000], "decode.not_audio", "zeros"),
        ("calls.zip", b"PK\x03\x04aaaa".to_vec(), "decode.not_audio", "ZIP archive"),
        ("rate0.wav", wav(0, 1, 16), "decode.out_of_range", "sample rate (Hz) of 0, the limits are 4000 and 384000"),
        ("rate-absurd.wav", wav(4_000_000_000, 1, 16), "decode.out_of_range", "4000000000"),
        ("no-channels.wav", wav(8000, 0, 16), "decode.out_of_range", "channels of 0"),
        ("many-channels.wav", wav(8000, 900, 16), "decode.out_of_range", "channels of 900, the limits are 1 and 16"),
        ("odd.wav", wav(8000, 1, 48), "decode.malformed", "take 6 bytes"),
        ("cut.wav", wav(8000, 1, 16)[..30].to_vec(), "decode.malformed", "header"),
        ("header.wav", wav(8000, 1, 16)[..44].to_vec(), "decode.no_samples", "no audio"),
        ("no-index.mp4", b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42\0\0\0\0mdat".to_vec(), "decode.malformed", "moov"),
    ];
    for (name, bytes, code, part) in cases {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let problem = decode_file(&path).expect_err(name).problem();
        assert_eq!(problem.code, code, "{name}: {}", problem.message);
        assert!(problem.message.contains(part), "{name}: {}", problem.message);
        assert!(problem.hint.is_some(), "{name}");
    }
    assert_eq!(decode_file(folder.path()).unwrap_err().code(), "decode.not_audio");
    assert_eq!(decode_file(&folder.path().join("missing.wav")).unwrap_err().code(), "decode.read");
}

#[test]
fn without_ffmpeg_its_formats_are_refused_by_its_name_and_the_others_decoded() {
    let options = DecodeOptions { ffmpeg: None, ..options() };
    for (file, is_own) in [
        ("formats/austen0870.amrnb.amr", false),
        ("formats/austen0870.gsmwav.wav", false),
        ("telephone/tt-weasels.gsm", false),
        ("telephone/vm-mailboxfull.g722", false),
        ("formats/austen0870.mp3_16k.mp3", true),
        ("formats/austen0870.m4a16k.m4a", true),
        ("formats/austen0870.opus16k.ogg", true),
        ("dialogues/zh-dev-03-clean-hard-negative.opus_uncoupled.ogg", true),
        ("formats/austen0870.alaw8k.wav", true),
        ("real/austen0870.flac", true),
    ] {
        match decode(&Path::new(FIXTURES).join(file), file, &options, &|| false) {
            Ok(_) => assert!(is_own, "{file}"),
            Err(error) => {
                assert_eq!(error.code(), "decode.needs_ffmpeg", "{file}: {error}");
                assert!(!is_own && error.to_string().contains("ffmpeg"), "{file}: {error}");
                assert!(error.hint().unwrap().contains("apt-get install ffmpeg"));
            }
        }
    }
}

/// Makes `name` out of a recording of 7.1 s with ffmpeg.
fn make(folder: &Path, name: &str, arguments: &str) -> PathBuf {
    let path = folder.join(name);
    let source = format!("{FIXTURES}/real/austen0870.flac");
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-y", "-i", &source])
        .args(arguments.split_whitespace())
        .arg(&path)
        .status()
        .unwrap();
    assert!(status.success(), "ffmpeg {arguments} {name}");
    path
}

/// By how many samples `other` comes late, and how alike they are then.
fn lag(reference: &[f32], other: &[f32]) -> (i64, f64) {
    const REACH: i64 = 1200;
    let (start, len) = (32_000, 12_000);
    let mut best = (0, f64::MIN);
    for lag in -REACH..=REACH {
        let from = usize::try_from(start + lag).unwrap();
        let (a, b) = (&reference[32_000..32_000 + len], &other[from..from + len]);
        let product = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f32>() as f64;
        let likeness = product(a, b) / (product(a, a) * product(b, b)).sqrt().max(1e-9);
        if likeness > best.1 {
            best = (lag, likeness);
        }
    }
    best
}

#[test]
fn every_format_comes_out_whole_and_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let reference = samples(&decode_file(Path::new(&format!("{FIXTURES}/real/austen0870.flac"))).unwrap(), 0);
    let video = "-f lavfi -i color=s=64x64:r=5 -shortest";
    // Name, how it is made, codec, channels, how many ms too many or too few are the format's own, how alike at least.
    // Formats that do not say what their encoder put in front come up to 1105 samples (69 ms) late, as from ffmpeg.
    let silent_about_lead_in = [
        "no-length.mp3",
        "layer2.mp2",
        "raw.aac",
        "fragments.mp4",
        "speex.ogg",
        "windows.wma",
        "stream.ts",
        "flash.flv",
    ];
    let cases: Vec<(&str, String, &str, u16, u64, f64)> = vec![
        ("u8.wav", "-c:a pcm_u8".into(), "pcm_u8", 1, 0, 0.95),
        ("s24.wav", "-c:a pcm_s24le".into(), "pcm_s24le", 1, 0, 0.999),
        ("s32.wav", "-c:a pcm_s32le".into(), "pcm_s32le", 1, 0, 0.999),
        ("f32.wav", "-c:a pcm_f32le".into(), "pcm_f32le", 1, 0, 0.999),
        ("f64.wav", "-c:a pcm_f64le".into(), "pcm_f64le", 1, 0, 0.999),
        ("44100.wav", "-ar 44100".into(), "pcm_s16le", 1, 0, 0.99),
        ("six.wav", "-ac 6 -c:a pcm_s16le".into(), "pcm_s16le", 6, 0, 0.0),
        ("ima.wav", "-c:a adpcm_ima_wav".into(), "adpcm_ima_wav", 1, 130, 0.98),
        ("ms.wav", "-c:a adpcm_ms".into(), "adpcm_ms", 1, 130, 0.98),
        ("long.rf64", "-c:a pcm_s16le -rf64 always -f wav".into(), "pcm_s16le", 1, 0, 0.999),
        ("sony.w64", "-c:a pcm_s16le".into(), "pcm_s16le", 1, 0, 0.999),
        ("sun.au", "-c:a pcm_mulaw -ar 8000".into(), "pcm_mulaw", 1, 0, 0.9),
        ("apple.aiff", "-c:a pcm_s16be".into(), "pcm_s16be", 1, 0, 0.999),
        ("apple.caf", "-c:a pcm_s16be".into(), "pcm_s16be", 1, 0, 0.999),
        ("headerless.ulaw", "-c:a pcm_mulaw -ar 8000 -f mulaw".into(), "pcm_mulaw", 1, 0, 0.9),
        ("44100.mp3", "-ar 44100 -c:a libmp3lame".into(), "mp3", 1, 0, 0.97),
        (
            "no-length.mp3",
            "-c:a libmp3lame -write_xing 0 -id3v2_version 3 -metadata title=x".into(),
            "mp3",
            1,
            110,
            0.97,
        ),
        ("layer2.mp2", "-c:a mp2".into(), "mp2", 1, 110, 0.9),
        ("raw.aac", "-c:a aac".into(), "aac", 1, 130, 0.9),
        ("lossless.m4a", "-c:a alac".into(), "alac", 1, 1, 0.999),
        ("fragments.mp4", "-c:a aac -movflags frag_keyframe+empty_moov".into(), "aac", 1, 130, 0.9),
        ("video.mp4", format!("{video} -c:v mpeg4 -c:a aac"), "aac", 1, 130, 0.9),
        ("opus.mp4", "-c:a libopus".into(), "opus", 1, 20, 0.9),
        ("opus.webm", "-c:a libopus".into(), "opus", 1, 20, 0.9),
        ("vorbis.webm", "-c:a libvorbis".into(), "vorbis", 1, 60, 0.9),
        ("vorbis.ogg", "-c:a libvorbis -ar 44100 -ac 2".into(), "vorbis", 2, 1, 0.9),
        ("flac.ogg", "-c:a flac".into(), "flac", 1, 1, 0.999),
        ("six.opus", "-ac 6 -c:a libopus -b:a 256k".into(), "opus", 6, 1, 0.0),
        ("video.mkv", format!("{video} -c:v mpeg4 -c:a pcm_s16le"), "pcm_s16le", 1, 60, 0.99),
        ("speex.ogg", "-c:a libspeex".into(), "speex", 1, 60, 0.5),
        ("windows.wma", "-c:a wmav2".into(), "wmav2", 1, 60, 0.9),
        ("stream.ts", "-c:a aac -f mpegts".into(), "aac", 1, 130, 0.9),
        ("old.avi", "-c:a pcm_s16le".into(), "pcm_s16le", 1, 60, 0.99),
        ("flash.flv", "-c:a libmp3lame -ar 22050".into(), "mp3", 1, 130, 0.9),
    ];
    let mut wrong = Vec::new();
    for (name, arguments, codec, channels, slack_ms, likeness) in cases {
        let path = make(folder.path(), name, &arguments);
        // Under another name: it is the content that counts.
        let shown = if name.ends_with(".ulaw") { name } else { "recording.bin" };
        match decode(&path, shown, &options(), &|| false) {
            Err(error) => wrong.push(format!("{name}: {}", error.problem().message)),
            Ok(decoded) => {
                let got = lag(&reference, &samples(&decoded, 0));
                let most = if silent_about_lead_in.contains(&name) { 1105 } else { 16 };
                let is_in_time = likeness == 0.0 || (got.0.abs() <= most && got.1 >= likeness);
                let is_whole = decoded.duration_ms.abs_diff(7100) <= slack_ms;
                if (decoded.codec.as_str(), decoded.channels) != (codec, channels)
                    || !is_in_time
                    || !is_whole
                    || !decoded.warnings.is_empty()
                {
                    wrong.push(format!(
                        "{name}: {} x{} {} ms, late by {} samples, alike {:.3}, {:?}",
                        decoded.codec, decoded.channels, decoded.duration_ms, got.0, got.1, decoded.warnings
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_truncated_file_is_decoded_as_far_as_it_goes_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    for (name, arguments) in [
        ("cut.wav", "-c:a pcm_mulaw -ar 8000"),
        ("cut.w64", "-c:a pcm_s16le"),
        ("cut.flac", "-c:a flac"),
        ("cut.mp3", "-c:a libmp3lame"),
        ("cut.m4a", "-c:a aac -movflags +faststart"),
        ("cut.aiff", "-c:a pcm_s16be"),
        ("cut.webm", "-c:a libopus"),
        ("gsm.wav", "-c:a libgsm_ms -ar 8000"),
        ("ima.wav", "-c:a adpcm_ima_wav"),
    ] {
        let path = make(folder.path(), name, arguments);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() * 6 / 10]).unwrap();
        let decoded = decode_file(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!((3_000..5_000).contains(&decoded.duration_ms), "{name}: {} ms", decoded.duration_ms);
        assert!(
            decoded.warnings.iter().any(|warning| warning.code == "recording_truncated"),
            "{name}: {:?}",
            decoded.warnings
        );
    }
}

#[test]
fn damage_in_the_middle_is_counted_and_the_time_kept() {
    let folder = tempfile::tempdir().unwrap();
    let reference = samples(&decode_file(Path::new(&format!("{FIXTURES}/real/austen0870.flac"))).unwrap(), 0);
    for (name, arguments) in [
        ("hurt.flac", "-c:a flac -frame_size 1024"),
        ("hurt.m4a", "-c:a aac"),
        ("hurt.ogg", "-c:a libopus -page_duration 20000"),
    ] {
        let path = make(folder.path(), name, arguments);
        let mut bytes = std::fs::read(&path).unwrap();
        let fifth = bytes.len() / 5;
        for byte in &mut bytes[fifth..fifth + 1500] {
            *byte ^= 0x5A;
        }
        std::fs::write(&path, bytes).unwrap();
        let decoded = decode_file(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (late, likeness) = lag(&reference, &samples(&decoded, 0));
        assert!(
            late.abs() <= 800 && likeness > 0.8,
            "{name}: late by {late} samples, alike {likeness:.3}, {:?}",
            decoded.warnings
        );
        assert!(decoded.duration_ms.abs_diff(7100) < 150, "{name}: {} ms", decoded.duration_ms);
    }
}

#[test]
fn silence_that_ffmpeg_drops_from_amr_is_put_back() {
    let decoded = decode_file(&Path::new(FIXTURES).join("dialogues/en-dev-02-collection-abuse.amrnb.amr")).unwrap();
    // 2738 frames of 20 ms, 281 of them without speech.
    assert_eq!(decoded.duration_ms, 54_760);
    let mixed = decode_file(&Path::new(FIXTURES).join("dialogues/en-dev-02-collection-abuse.mp3_16k.mp3")).unwrap();
    let (left, right) = (samples(&mixed, 0), samples(&mixed, 1));
    let sum: Vec<f32> = left.iter().zip(&right).map(|(left, right)| left + right).collect();
    let amr = samples(&decoded, 0);
    // Near the end, where all the silence lies before.
    let tail = |of: &[f32]| of[of.len().min(sum.len()).min(amr.len()) - 80_000..].to_vec();
    let (late, likeness) = lag(&tail(&sum), &tail(&amr));
    assert!(late.abs() < 400 && likeness > 0.5, "late by {late} samples, alike {likeness:.3}");
}

#[test]
fn limits_and_cancellation_end_a_decoding() {
    let path = Path::new(FIXTURES).join("dialogues/en-dev-01-investment-guaranteed.mulaw8k.wav");
    let code = |options: &DecodeOptions, is_cancelled: bool| {
        decode(&path, "a.wav", options, &|| is_cancelled).unwrap_err().code()
    };
    assert_eq!(code(&options(), true), "decode.cancelled");
    assert_eq!(code(&DecodeOptions { max_duration_ms: 30_000, ..options() }, false), "decode.too_long");
    assert_eq!(code(&DecodeOptions { deadline: Duration::ZERO, ..options() }, false), "decode.deadline");
    assert_eq!(code(&DecodeOptions { temp_dir: "/nonexistent".into(), ..options() }, false), "decode.spool");
}

struct Panicking;

impl Sink for Panicking {
    fn open(&mut self, _: u16) -> Result<(), AudioError> {
        Ok(())
    }

    fn push(&mut self, _: usize, _: &[f32]) -> Result<(), AudioError> {
        panic!("index out of bounds")
    }
}

#[test]
fn a_panic_while_decoding_is_an_error_of_this_recording() {
    let path = Path::new(FIXTURES).join("formats/austen0870.mp3_16k.mp3");
    let error = stream(&path, "a.mp3", &options(), &|| false, &mut Panicking).unwrap_err();
    assert_eq!(error.code(), "decode.panicked");
    assert!(error.to_string().contains("index out of bounds"), "{error}");
}

/// Writes a float WAV and decodes it.
fn resampled(rate_hz: u32, sound: &[f32]) -> Vec<f32> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tone.wav");
    let mut bytes = b"RIFF\xFF\xFF\xFF\xFFWAVEfmt \x10\0\0\0\x03\0\x01\0".to_vec();
    bytes.extend(rate_hz.to_le_bytes());
    bytes.extend((rate_hz * 4).to_le_bytes());
    bytes.extend([4, 0, 32, 0]);
    bytes.extend(b"data\xFF\xFF\xFF\xFF");
    bytes.extend(sound.iter().flat_map(|sample| sample.to_le_bytes()));
    std::fs::write(&path, bytes).unwrap();
    samples(&decode_file(&path).unwrap(), 0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_rate_gives_the_right_length_and_moves_nothing(rate_hz in prop_oneof![8_000_u32..=192_000, prop::sample::select(vec![8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000])], len in 1_usize..40_000) {
        let hz = 700.0;
        let sound: Vec<f32> = (0..len).map(|n| (std::f64::consts::TAU * hz * n as f64 / f64::from(rate_hz)).sin() as f32 * 0.5).collect();
        let out = resampled(rate_hz, &sound);
        let wanted = (len as u64 * 16_000).div_ceil(u64::from(rate_hz));
        prop_assert_eq!(out.len() as u64, wanted);
        // The phase of the tone in the middle, as a shift in ms; it takes some periods to measure.
        if out.len() > 3_000 {
            let range = 800..out.len() - 800;
            let angle = |n: usize| std::f64::consts::TAU * hz * n as f64 / 16_000.0;
            let (sine, cosine) = range.fold((0.0, 0.0), |(s, c), n| (s + f64::from(out[n]) * angle(n).sin(), c + f64::from(out[n]) * angle(n).cos()));
            let shift_ms = cosine.atan2(sine) / std::f64::consts::TAU / hz * 1000.0;
            prop_assert!(shift_ms.abs() < 0.1, "{} Hz: {} ms", rate_hz, shift_ms);
        }
    }
}
