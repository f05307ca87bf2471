//! Containers as recorders, phones and screen recorders write them: every track is heard, when it was said.

#![allow(clippy::unwrap_used, reason = "a test may end this way")]

mod made;

use std::path::Path;
use std::process::Command;

use earmark_core::Failure;
use made::{FIXTURES, codes, decode_bytes, decode_file, expect, make, samples};

#[test]
fn amr_in_a_container_keeps_its_pauses() {
    let folder = tempfile::tempdir().unwrap();
    let amr = format!("{FIXTURES}/dialogues/en-dev-02-collection-abuse.amrnb.amr");
    let alone = decode_file(Path::new(&amr)).unwrap();
    assert_eq!(alone.duration_ms, 54_760);
    for name in ["call.3gp", "call.mov", "call.mkv", "call.wav"] {
        let path = folder.path().join(name);
        let copied = Command::new("ffmpeg")
            .args(["-nostdin", "-loglevel", "error", "-i", &amr, "-c", "copy"])
            .arg(&path)
            .status()
            .unwrap();
        assert!(copied.success());
        let decoded = decode_file(&path).unwrap();
        assert_eq!((decoded.codec.as_str(), decoded.duration_ms), ("amr_nb", 54_760), "{name}");
        assert!(decoded.warnings.is_empty(), "{name}: {:?}", decoded.warnings);
        assert_eq!(samples(&decoded, 0), samples(&alone, 0), "{name}");
    }
}

#[test]
fn telephone_codecs_are_decoded_in_containers() {
    let folder = tempfile::tempdir().unwrap();
    for (name, arguments, codec) in [
        ("ulaw.mkv", "-ar 8000 -c:a pcm_mulaw", "pcm_mulaw"),
        ("alaw.mkv", "-ar 8000 -c:a pcm_alaw", "pcm_alaw"),
        ("alaw.mov", "-ar 8000 -c:a pcm_alaw", "pcm_alaw"),
        ("ima.mkv", "-ar 8000 -c:a adpcm_ima_wav", "adpcm_ima_wav"),
        ("ms.mkv", "-ar 8000 -c:a adpcm_ms", "adpcm_ms"),
        ("gsm.mkv", "-ar 8000 -c:a libgsm_ms", "gsm_ms"),
        ("g726.mkv", "-ar 8000 -c:a g726", "adpcm_g726"),
        ("wma.mkv", "-c:a wmav2", "wmav2"),
        ("ima4.mov", "-c:a adpcm_ima_qt", "adpcm_ima_qt"),
        ("ima4.caf", "-c:a adpcm_ima_qt", "adpcm_ima_qt"),
        ("ima4.aifc", "-c:a adpcm_ima_qt -f aiff", "adpcm_ima_qt"),
    ] {
        let decoded =
            decode_file(&make(folder.path(), name, arguments)).unwrap_or_else(|error| panic!("{name}: {error}"));
        expect(name, &decoded, codec, 7_100, &[0]);
        assert!(decoded.warnings.is_empty(), "{name}: {:?}", decoded.warnings);
    }
}

/// Makes a file with two audio tracks, silence and the recording, or the other way round.
fn two_tracks(folder: &Path, name: &str, order: &str, codec: &str) -> std::path::PathBuf {
    let silence = "-f lavfi -i anullsrc=r=48000:cl=mono:d=4";
    let titles = "-metadata:s:a:0 title=first -metadata:s:a:1 title=second";
    make(folder, name, &format!("{silence} {order} {titles} {codec}"))
}

#[test]
fn every_audio_track_is_heard_on_channels_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    for (name, codec) in
        [("two.ts", "-c:a mp2 -ar 48000"), ("two.avi", "-c:a pcm_s16le -ar 48000"), ("two.asf", "-c:a wmav2 -ar 48000")]
    {
        let decoded = decode_file(&two_tracks(folder.path(), name, "-map 1:a -map 0:a", codec)).unwrap();
        assert_eq!((decoded.channels, codes(&decoded)), (2, vec!["tracks_joined"]), "{name}: {:?}", decoded.warnings);
        let detail = &decoded.warnings[0].detail;
        assert!(detail.contains("is channel 0, track 1") && detail.ends_with("is channel 1"), "{name}: {detail}");
        assert!(decoded.duration_ms.abs_diff(7_100) < 90, "{name}: {} ms", decoded.duration_ms);
        assert!(samples(&decoded, 0).iter().all(|sample| sample.abs() < 0.01), "{name}");
        let (late, likeness) = made::lag(&made::reference(), &samples(&decoded, 1), 0);
        assert!(late.abs() <= 1_200 && likeness > 0.7, "{name}: late by {late}, alike {likeness:.3}");
    }
}

#[test]
fn sound_that_begins_behind_the_picture_begins_there() {
    let folder = tempfile::tempdir().unwrap();
    // The delay is one of the sound's packets, not of the samples in them.
    let late = "-f lavfi -i color=s=64x64:r=25:d=13 -map 1:v -map 0:a -af asetpts=PTS+5/TB";
    for (name, codec) in [
        ("late.ts", "-c:v mpeg2video -c:a mp2 -ar 48000"),
        ("late.flv", "-c:v flv -c:a libmp3lame -ar 22050"),
        ("late.asf", "-c:v msmpeg4 -c:a wmav2"),
    ] {
        let decoded = decode_file(&make(folder.path(), name, &format!("{late} {codec}"))).unwrap();
        let codec = decoded.codec.clone();
        expect(name, &decoded, &codec, 12_120, &[5_000]);
        assert!(decoded.warnings.is_empty(), "{name}: {:?}", decoded.warnings);
    }
}

#[test]
fn a_pause_of_thirteen_minutes_keeps_its_length_and_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let pause = "-af asetpts=PTS+gte(T\\,1)*780/TB";
    let video = "-f lavfi -i color=s=64x64:r=1:d=790 -map 1:v -map 0:a -r 25 -c:v mpeg2video";
    for (name, arguments) in
        [("pause.wma", format!("{pause} -c:a wmav2")), ("pause.ts", format!("{video} {pause} -c:a mp2 -ar 48000"))]
    {
        let decoded = decode_file(&make(folder.path(), name, &arguments)).unwrap();
        let codec = decoded.codec.clone();
        expect(name, &decoded, &codec, 787_110, &[780_000]);
        assert!(decoded.warnings.is_empty(), "{name}: {:?}", decoded.warnings);
    }
}

#[test]
fn a_container_without_sound_says_so_and_a_codec_nobody_knows_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["silent.avi", "silent.mkv", "silent.mp4", "silent.ts"] {
        let path = make(folder.path(), name, "-f lavfi -i color=s=64x64:r=25:d=2 -map 1:v -c:v mpeg4");
        let error = decode_file(&path).unwrap_err();
        assert_eq!(error.code(), "decode.no_audio_track", "{name}: {error}");
    }
    let mut bytes = std::fs::read(make(folder.path(), "a.mov", "-c:a adpcm_ima_qt -ar 8000")).unwrap();
    let at = bytes.windows(4).position(|four| four == b"ima4").unwrap();
    bytes[at..at + 4].copy_from_slice(b"Zq9x");
    let problem = decode_bytes("a.mov", &bytes).unwrap_err().problem();
    assert_eq!(problem.code, "decode.unsupported", "{}", problem.message);
    assert!(problem.message.contains("Zq9x"), "{}", problem.message);
    assert!(problem.hint.is_some());
    // G.728, by its tag.
    let mut bytes = std::fs::read(make(folder.path(), "a.avi", "-c:a adpcm_ima_wav -ar 8000")).unwrap();
    let at = bytes.windows(4).position(|four| four == b"strf").unwrap() + 8;
    bytes[at..at + 2].copy_from_slice(&[0x41, 0]);
    let problem = decode_bytes("a.avi", &bytes).unwrap_err().problem();
    assert_eq!(problem.code, "decode.unsupported", "{}", problem.message);
    assert!(problem.message.contains("0x0041"), "{}", problem.message);
}

#[test]
fn cases_from_phones_and_cameras_come_out_whole() {
    for (name, codec, duration_ms) in [
        ("amr-in-3gp.3gp", "amr_nb", 7_100),
        ("g711-in-matroska.mkv", "pcm_mulaw", 2_990),
        ("video-outlasts-sound.avi", "mp3", 3_096),
    ] {
        let decoded = decode_file(&Path::new(FIXTURES).join("cases").join(name)).unwrap();
        assert_eq!((decoded.codec.as_str(), decoded.duration_ms), (codec, duration_ms), "{name}");
        assert!(decoded.warnings.is_empty(), "{name}: {:?}", decoded.warnings);
    }
}
