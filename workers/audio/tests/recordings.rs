//! Recordings as recorders, phones and conferences write them: all of the sound, where it belongs.

#![allow(clippy::unwrap_used, reason = "a test may end this way")]
#![expect(clippy::as_conversions, reason = "numbers of samples as floats and back")]

mod made;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use earmark_audio::decode::Decoded;
use earmark_core::Region;
use made::{FIXTURES, decode_file, samples};

/// Sound is told from silence in steps of 100 ms.
const STEP: usize = 1600;

fn decoded(path: &Path) -> Decoded {
    decode_file(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Where a channel sounds, in s; pauses within speech left out.
fn sounding(decoded: &Decoded, channel: usize) -> Vec<(f64, f64)> {
    let loud: Vec<usize> = samples(decoded, channel)
        .chunks(STEP)
        .enumerate()
        .filter(|(_, step)| step.iter().map(|sample| sample * sample).sum::<f32>() > 1e-5 * STEP as f32)
        .map(|(at, _)| at)
        .collect();
    let mut stretches: Vec<(f64, f64)> = Vec::new();
    for at in loud {
        let (start, end) = (at as f64 / 10.0, (at + 1) as f64 / 10.0);
        match stretches.last_mut() {
            Some(last) if start - last.1 < 0.5 => last.1 = end,
            _ => stretches.push((start, end)),
        }
    }
    stretches
}

/// What is wrong with a decoded recording, a line each.
fn faults(decoded: &Decoded, length_ms: u64, channels: &[&[(f64, f64)]], warnings: &[&str]) -> String {
    let mut faults = String::new();
    if decoded.duration_ms.abs_diff(length_ms) > 150 {
        let _ = writeln!(faults, "{} ms instead of {length_ms}", decoded.duration_ms);
    }
    if decoded.spools.len() != channels.len() {
        let _ = writeln!(faults, "{} channels instead of {}", decoded.spools.len(), channels.len());
    }
    for (channel, expected) in channels.iter().enumerate().take(decoded.spools.len()) {
        let found = sounding(decoded, channel);
        let is_same = found.len() == expected.len()
            && found.iter().zip(*expected).all(|(a, b)| (a.0 - b.0).abs() <= 0.26 && (a.1 - b.1).abs() <= 0.36);
        if !is_same {
            let _ = writeln!(faults, "channel {channel} sounds {found:?} instead of {expected:?}");
        }
    }
    let codes: Vec<&str> = decoded.warnings.iter().map(|warning| warning.code.as_str()).collect();
    if codes != warnings {
        let _ = writeln!(faults, "warnings {:?} instead of {warnings:?}", decoded.warnings);
    }
    faults
}

fn ffmpeg(arguments: &[&str]) {
    let status =
        Command::new("ffmpeg").args(["-nostdin", "-loglevel", "error", "-y"]).args(arguments).status().unwrap();
    assert!(status.success(), "ffmpeg {arguments:?}");
}

/// Name, length in ms, where each channel sounds in s, codes of warnings.
type Case<'a> = (&'a str, u64, &'a [&'a [(f64, f64)]], &'a [&'a str]);

#[test]
fn nothing_of_the_recordings_that_were_reported_is_lost() {
    // "he was not an ill disposed young man", then "unless to be rather cold hearted …".
    const BOTH: &[(f64, f64)] = &[(0.0, 8.1)];
    let cases: &[Case<'_>] = &[
        ("audio-starts-5s-late.mp4", 12_100, &[&[(5.0, 12.1)]], &[]),
        ("audio-starts-5s-late.webm", 12_106, &[&[(5.0, 12.1)]], &[]),
        ("two-audio-tracks.mp4", 5_300, &[&[(0.0, 3.0)], &[(0.2, 5.2)]], &["tracks_joined"]),
        ("two-audio-tracks-first-silent.mp4", 5_300, &[&[], &[(0.2, 5.2)]], &["tracks_joined"]),
        ("muted-12-minutes.mka", 725_310, &[&[(0.0, 2.8), (720.2, 725.2)]], &[]),
        ("joined-parts.mp3", 8_290, &[BOTH], &[]),
        ("mono-then-stereo.mp3", 8_460, &[&[(0.0, 8.3)], &[(3.4, 8.3)]], &["channels_changed"]),
        ("chained-mono-then-stereo.opus.ogg", 8_290, &[BOTH, &[(3.2, 8.1)]], &["channels_changed"]),
        ("rate-changes.aac", 8_410, &[&[(0.0, 8.3)]], &[]),
        ("middle-cut-out.m4a", 8_690, &[&[(0.0, 3.0), (3.6, 8.7)]], &["edited_out"]),
        ("ogg-clock-starts-at-10h.opus.ogg", 2_990, &[&[(0.0, 2.8)]], &[]),
        ("two-streams-side-by-side.opus.ogg", 5_300, &[&[(0.0, 2.8)], &[(0.2, 5.1)]], &["tracks_joined"]),
    ];
    let mut wrong = String::new();
    for (name, length_ms, channels, warnings) in cases {
        let decoded = decoded(&Path::new(FIXTURES).join("cases").join(name));
        let found = faults(&decoded, *length_ms, channels, warnings);
        if !found.is_empty() {
            let _ = writeln!(wrong, "{name}:\n{found}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Speech of 7.1 s, `pause` s of silence, the same speech again.
fn with_pause(folder: &Path, pause: u32) -> PathBuf {
    let path = folder.join(format!("pause-{pause}.wav"));
    let source = format!("{FIXTURES}/real/austen0870.flac");
    let graph = format!("[0:a]asplit[a][b];[a]apad=pad_dur={pause}[c];[c][b]concat=n=2:v=0:a=1");
    ffmpeg(&["-i", &source, "-filter_complex", &graph, path.to_str().unwrap()]);
    path
}

#[test]
fn an_mp3_is_as_long_as_its_frames_whatever_its_header_says_or_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let source = with_pause(folder.path(), 60);
    let source = source.to_str().unwrap();
    let mut wrong = String::new();
    for (rate, quality, has_header) in [
        ("8000", "-q:a 5", false),
        ("16000", "-q:a 5", false),
        ("44100", "-q:a 2", false),
        ("8000", "-q:a 5", true),
        ("8000", "-b:a 16k", true),
        ("44100", "-q:a 5", true),
        ("22050", "-b:a 32k", true),
    ] {
        for channels in ["1", "2"] {
            let name = format!("{rate}x{channels}{}{has_header}.mp3", quality.replace([' ', ':'], ""));
            let path = folder.path().join(&name);
            let mut arguments = vec!["-i", source, "-ac", channels, "-ar", rate];
            arguments.extend(quality.split(' '));
            arguments.extend(["-write_xing", if has_header { "1" } else { "0" }, path.to_str().unwrap()]);
            ffmpeg(&arguments);
            let decoded = decoded(&path);
            let sound: &[(f64, f64)] = &[(0.0, 7.1), (67.1, 74.2)];
            let all = vec![sound; decoded.spools.len()];
            let mut found = faults(&decoded, 74_200, &all, &[]);
            if has_header && decoded.duration_ms.abs_diff(74_200) > 2 {
                let _ = writeln!(found, "{} ms although its header says 74200", decoded.duration_ms);
            }
            if !found.is_empty() {
                let _ = writeln!(wrong, "{name}:\n{found}");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn files_joined_by_their_bytes_are_heard_to_the_end_whatever_changes() {
    let folder = tempfile::tempdir().unwrap();
    let source = format!("{FIXTURES}/real/austen0870.flac");
    let make = |name: &str, arguments: &str| -> Vec<u8> {
        let path = folder.path().join(name);
        let mut all = vec!["-i", &source];
        all.extend(arguments.split_whitespace());
        all.push(path.to_str().unwrap());
        ffmpeg(&all);
        std::fs::read(path).unwrap()
    };
    let mut wrong = String::new();
    for (name, first, second) in [
        ("a.mp3", "-ar 16000 -ac 1", "-ar 44100 -ac 1"),
        ("b.mp3", "-ar 44100 -ac 1 -id3v2_version 3 -metadata title=x", "-ar 8000 -ac 1 -write_id3v1 1"),
        ("c.mp3", "-ar 8000 -ac 1 -write_xing 0", "-ar 8000 -ac 2 -write_xing 0"),
        ("d.mp3", "-ar 48000 -ac 2", "-ar 48000 -ac 1"),
        ("e.aac", "-ar 44100 -ac 1 -c:a aac", "-ar 16000 -ac 1 -c:a aac"),
        ("f.aac", "-ar 16000 -ac 2 -c:a aac", "-ar 16000 -ac 1 -c:a aac"),
        ("g.opus", "-ac 1 -c:a libopus", "-ac 2 -c:a libopus"),
        ("h.opus", "-ac 2 -c:a libopus", "-ac 1 -c:a libopus"),
        ("i.ogg", "-ar 16000 -ac 1 -c:a libvorbis", "-ar 44100 -ac 2 -c:a libvorbis"),
        // Layer II has no 384 kbit/s in mono, which ffmpeg would take.
        ("j.mp2", "-ar 48000 -ac 1 -b:a 64k -c:a mp2", "-ar 32000 -ac 2 -c:a mp2"),
    ] {
        let path = folder.path().join(format!("joined-{name}"));
        let mut bytes = make(&format!("1-{name}"), first);
        bytes.extend(make(&format!("2-{name}"), second));
        std::fs::write(&path, bytes).unwrap();
        let decoded = decoded(&path);
        let widest = if format!("{first}{second}").contains("-ac 2") { 2 } else { 1 };
        let sound = sounding(&decoded, 0);
        let heard: f64 = sound.iter().map(|(from, to)| to - from).sum();
        let is_joined = decoded.duration_ms.abs_diff(14_200) < 350 && heard > 13.4 && decoded.spools.len() == widest;
        let is_quiet = decoded.warnings.iter().all(|warning| warning.code == "channels_changed");
        if !is_joined || !is_quiet {
            let _ = writeln!(
                wrong,
                "{name}: {} ms x{}, sounds {sound:?}, {:?}",
                decoded.duration_ms,
                decoded.spools.len(),
                decoded.warnings
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn sound_that_starts_after_the_picture_starts_there() {
    let folder = tempfile::tempdir().unwrap();
    let source = format!("{FIXTURES}/real/austen0870.flac");
    let mut wrong = String::new();
    for (name, codecs) in [
        ("late.mp4", "-c:v mpeg4 -c:a aac"),
        ("late.mov", "-c:v mpeg4 -c:a pcm_s16le"),
        ("late.mkv", "-c:v mpeg4 -c:a libvorbis"),
        ("late-aac.mkv", "-c:v mpeg4 -c:a aac"),
        ("late.webm", "-c:v libvpx -c:a libopus"),
        ("fragments.mp4", "-c:v mpeg4 -c:a aac -movflags frag_keyframe+empty_moov"),
    ] {
        let path = folder.path().join(name);
        let mut arguments = vec!["-f", "lavfi", "-i", "color=s=64x64:r=5:d=12", "-itsoffset", "5", "-i", &source];
        arguments.extend(codecs.split_whitespace());
        arguments.push(path.to_str().unwrap());
        ffmpeg(&arguments);
        let found = faults(&decoded(&path), 12_100, &[&[(5.0, 12.1)]], &[]);
        if !found.is_empty() {
            let _ = writeln!(wrong, "{name}:\n{found}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_track_of_sound_is_heard_as_channels() {
    let folder = tempfile::tempdir().unwrap();
    let source = format!("{FIXTURES}/real/austen0870.flac");
    let graph = "[0:a]asplit[a][b];[a]volume=enable='gte(t,3)':volume=0[first];[b]adelay=2000:all=1[second]";
    let mut wrong = String::new();
    for (name, codecs) in [
        ("two.mp4", "-c:a aac"),
        ("two.mov", "-c:a pcm_s16le"),
        ("two.mkv", "-c:a libopus"),
        ("two-vorbis.mkv", "-c:a libvorbis -ar 44100"),
        ("mixed.mkv", "-c:a:0 flac -c:a:1 libopus"),
        ("two.ogg", "-c:a libopus"),
        ("two-vorbis.ogg", "-c:a libvorbis -ar 44100"),
    ] {
        let path = folder.path().join(name);
        let mut arguments = vec!["-i", &source, "-filter_complex", graph, "-map", "[first]", "-map", "[second]"];
        arguments.extend(codecs.split_whitespace());
        arguments.push(path.to_str().unwrap());
        ffmpeg(&arguments);
        let decoded = decoded(&path);
        let channels: &[&[(f64, f64)]] = &[&[(0.0, 3.0)], &[(2.0, 9.1)]];
        let found = faults(&decoded, 9_100, channels, &["tracks_joined"]);
        if !found.is_empty() {
            let _ = writeln!(wrong, "{name}:\n{found}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_pause_without_packets_keeps_its_length() {
    let folder = tempfile::tempdir().unwrap();
    let source = format!("{FIXTURES}/real/austen0870.flac");
    let mut wrong = String::new();
    for (name, codec, ticks) in [("quiet.mka", "libopus", 1_000), ("quiet.m4a", "aac", 16_000)] {
        let path = folder.path().join(name);
        let leap = format!("setts=ts=if(gte(PTS\\,{0})\\,PTS+{1}\\,PTS)", 4 * ticks, 1500 * ticks);
        ffmpeg(&["-i", &source, "-c:a", codec, "-bsf:a", &leap, path.to_str().unwrap()]);
        let decoded = decoded(&path);
        let sound = sounding(&decoded, 0);
        let is_whole = decoded.duration_ms.abs_diff(1_507_100) < 200
            && sound.iter().any(|(from, to)| *from < 0.3 && (3.5..4.2).contains(to))
            && sound.iter().any(|(from, to)| (1503.8..1504.6).contains(from) || (1506.9..1507.3).contains(to));
        if !is_whole || !decoded.warnings.is_empty() {
            let _ = writeln!(wrong, "{name}: {} ms, sounds {sound:?}, {:?}", decoded.duration_ms, decoded.warnings);
        }
        let filled: u64 = decoded.filled[0].iter().map(Region::samples).sum();
        if filled.abs_diff(1500 * 16_000) > 1600 {
            let _ = writeln!(wrong, "{name}: {} ms filled", filled / 16);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn an_edit_list_is_played_as_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let original = std::fs::read(format!("{FIXTURES}/cases/middle-cut-out.m4a")).unwrap();
    let list = original.windows(4).position(|four| four == b"elst").unwrap() + 12;
    let entry = |duration_ms: u32, from: i32| -> Vec<u8> {
        [&duration_ms.to_be_bytes()[..], &from.to_be_bytes(), &[0, 1, 0, 0]].concat()
    };
    // Two entries: how long in ms, from which tick of 16 kHz (-1: nothing). The first sentence lies from 0, the third from 10.1 s.
    let (first, third) = ((3_200, 1_024), (5_490, 175_424));
    for (name, entries, length_ms, sound) in [
        ("turned", [third, first], 8_690, &[(0.4, 8.5)][..]),
        ("twice", [first, first], 6_400, &[(0.0, 6.2)]),
        ("late", [(4_000, -1), first], 7_200, &[(4.0, 7.0)]),
    ] {
        let mut bytes = original.clone();
        let written: Vec<u8> = entries.iter().flat_map(|(duration_ms, from)| entry(*duration_ms, *from)).collect();
        bytes[list..list + 24].copy_from_slice(&written);
        let path = folder.path().join(format!("{name}.m4a"));
        std::fs::write(&path, bytes).unwrap();
        let found = faults(&decoded(&path), length_ms, &[sound], &["edited_out"]);
        assert!(found.is_empty(), "{name}:\n{found}");
    }
}

#[test]
fn what_claims_more_than_there_is_hides_nothing_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let source = format!("{FIXTURES}/real/austen0870.flac");
    let make = |name: &str, arguments: &[&str]| -> Vec<u8> {
        let path = folder.path().join(name);
        ffmpeg(&[&["-i", &source], arguments, &[path.to_str().unwrap()]].concat());
        std::fs::read(path).unwrap()
    };
    let mp3 = make("part.mp3", &["-ar", "16000"]);
    let ogg = make("part.opus", &["-c:a", "libopus", "-page_duration", "200000"]);
    let edited = std::fs::read(format!("{FIXTURES}/cases/middle-cut-out.m4a")).unwrap();
    // A tag that says it is 268 MB long, between two files.
    let tag = [&b"ID3\x04\0\0"[..], &[0x7F; 4]].concat();
    let with_tag = [&mp3[..], &tag, &mp3].concat();
    // A page in the middle whose packets claim to be longer than they are.
    let pages: Vec<usize> = ogg.windows(4).enumerate().filter(|(_, four)| four == b"OggS").map(|(at, _)| at).collect();
    let mut hurt = ogg.clone();
    hurt[pages[pages.len() / 2] + 27] = 0xFF;
    hurt[pages[pages.len() / 2] + 26] = 0xFF;
    let with_zeros = [&ogg[..], &[0; 100_000]].concat();
    let mut entries = edited.clone();
    let list = edited.windows(4).position(|four| four == b"elst").unwrap();
    entries[list + 8..list + 12].fill(0xFF);
    let mut wrong = String::new();
    for (name, bytes, length_ms, least, warning) in [
        ("tag.mp3", with_tag, 14_200, 13.4, None),
        ("hurt.opus", hurt, 7_100, 6.0, Some("decode_errors")),
        ("zeros.opus", with_zeros, 7_100, 6.6, Some("recording_truncated")),
        ("entries.m4a", entries, 8_690, 7.6, None),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let decoded = decoded(&path);
        let heard: f64 = sounding(&decoded, 0).iter().map(|(from, to)| to - from).sum();
        let codes: Vec<&str> = decoded.warnings.iter().map(|warning| warning.code.as_str()).collect();
        let is_told = warning.is_none_or(|warning| codes.contains(&warning));
        if decoded.duration_ms.abs_diff(length_ms) > 150 || heard < least || !is_told {
            let _ = writeln!(wrong, "{name}: {} ms, {heard:.1} s sound, {:?}", decoded.duration_ms, decoded.warnings);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
