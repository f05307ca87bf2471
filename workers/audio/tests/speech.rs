//! The whole way from a recording's file to its clips, on the recordings in `tests/fixtures` and on sounds made here.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its material fails")]
#![expect(clippy::as_conversions, reason = "numbers of samples as floats and back")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use earmark_audio::decode::{DecodeOptions, decode};
use earmark_audio::segment::{SegmentOptions, Segmented, SpeechModel, samples, segment};
use earmark_audio::{AudioError, Spool, SpoolWriter};
use earmark_core::{Region, ms_to_samples};
use serde_json::Value;

const RATE: f32 = 16_000.0;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn model() -> SpeechModel {
    SpeechModel::load(&root().join("engine/vad/silero_vad_16k_op15.onnx")).unwrap()
}

/// The spools of a file in `tests/fixtures`.
fn fixture(file: &str) -> Vec<Spool> {
    let folder = tempfile::tempdir().unwrap();
    let options = DecodeOptions {
        temp_dir: folder.path().into(),
        max_duration_ms: 3_600_000,
        deadline: Duration::from_secs(600),
        memory_bytes: 1 << 28,
        ffmpeg: None,
        raw: None,
    };
    decode(&root().join("tests/fixtures").join(file), file, &options, &|| false).unwrap().spools
}

fn spool(samples: &[f32]) -> Spool {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = SpoolWriter::create(folder.path()).unwrap();
    writer.push(samples).unwrap();
    writer.finish().unwrap()
}

/// All samples of a spool.
fn all(spool: &Spool) -> Vec<f32> {
    let mut samples = Vec::new();
    spool.read(Region { start: 0, end: spool.samples() }, &mut samples).unwrap();
    samples
}

fn found(spools: &[Spool]) -> Segmented {
    segment(spools, &model(), &SegmentOptions::default(), &|| false).unwrap()
}

/// The regions of a channel's clips, in order.
fn regions(found: &Segmented, channel: usize) -> Vec<Region> {
    found
        .clips
        .iter()
        .filter(|clip| usize::from(clip.key.channel) == channel)
        .flat_map(|clip| clip.regions.clone())
        .collect()
}

/// How many samples of `region` the others hold.
fn held(region: Region, others: &[Region]) -> u64 {
    others.iter().map(|other| other.end.min(region.end).saturating_sub(other.start.max(region.start))).sum()
}

fn near(region: Region, ms: u64) -> Region {
    Region { start: region.start.saturating_sub(ms_to_samples(ms)), end: region.end + ms_to_samples(ms) }
}

/// The turns of each channel of a fixture by the manifest, and the clauses within them.
fn turns(file: &str, channels: usize) -> Vec<Vec<(Region, Vec<Region>)>> {
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(root().join("tests/fixtures/manifest.json")).unwrap()).unwrap();
    let item = manifest["items"].as_array().unwrap().iter().find(|item| item["file"] == file).unwrap();
    let region = |value: &Value| {
        let sample = |key: &str| ms_to_samples((value[key].as_f64().unwrap() * 1000.0) as u64);
        Region { start: sample("start_s"), end: sample("end_s") }
    };
    let mut turns = vec![Vec::new(); channels];
    for turn in item["segments"].as_array().unwrap() {
        let clauses = turn["clauses"]
            .as_array()
            .map_or_else(|| vec![region(turn)], |clauses| clauses.iter().map(region).collect());
        turns[usize::try_from(turn["channel"].as_u64().unwrap()).unwrap()].push((region(turn), clauses));
    }
    turns
}

#[test]
fn each_channel_of_a_call_gives_its_own_turns_and_nothing_else() {
    for file in [
        "dialogues/en-dev-01-investment-guaranteed.mulaw8k.wav",
        "dialogues/en-dev-02-collection-abuse.mp3_16k.mp3",
        "dialogues/en-dev-03-clean-hard-negative.m4a16k.m4a",
        "dialogues/zh-dev-01-wealth-guaranteed.alaw8k.wav",
        "dialogues/zh-dev-02-collection-abuse.pcm8k.wav",
        "dialogues/zh-dev-03-clean-hard-negative.opus_uncoupled.ogg",
        // Each speaker is in the other's channel, too, 11 dB down.
        "dialogues/zh-dev-03-clean-hard-negative.opus16k.ogg",
    ] {
        let found = found(&fixture(file));
        let leaks = found.warnings.iter().filter(|warning| warning.code == "channel_leakage").count();
        assert_eq!(leaks, if file.contains("opus16k") { 2 } else { 0 }, "{file}: {:?}", found.warnings);
        for (channel, turns) in turns(file, 2).into_iter().enumerate() {
            let regions = regions(&found, channel);
            for clause in turns.iter().flat_map(|(_, clauses)| clauses) {
                // Codecs delay by a few milliseconds, and a clause may begin with a breath.
                assert!(
                    held(*clause, &regions) * 100 >= clause.samples() * 90,
                    "{file}: channel {channel} lacks {clause:?}"
                );
            }
            let turns: Vec<Region> = turns.iter().map(|(turn, _)| near(*turn, 500)).collect();
            for region in regions {
                assert!(held(region, &turns) >= region.samples() * 9 / 10, "{file}: channel {channel} has {region:?}");
            }
            for speech in found.speech.iter().filter(|speech| usize::from(speech.channel) == channel) {
                let region = Region { start: ms_to_samples(speech.start_ms), end: ms_to_samples(speech.end_ms) };
                assert!(held(region, &turns) >= region.samples() * 9 / 10, "{file}: {speech:?}");
                assert!(speech.level_dbfs.is_some_and(|db| (-60.0..0.0).contains(&db)), "{file}: {speech:?}");
            }
        }
    }
}

#[test]
fn clips_are_in_order_within_the_limit_and_sound_like_the_recording() {
    let spools = fixture("dialogues/zh-dev-01-wealth-guaranteed.alaw8k.wav");
    for max_clip_ms in [3_000, 10_000, 28_000] {
        let options = SegmentOptions { max_clip_ms, ..SegmentOptions::default() };
        let found = segment(&spools, &model(), &options, &|| false).unwrap();
        assert!(found.clips.windows(2).all(|pair| pair[0].regions[0].start <= pair[1].regions[0].start));
        for clip in &found.clips {
            assert!(clip.duration_ms() <= max_clip_ms);
            let sound = samples(&spools, clip, found.gains[usize::from(clip.key.channel)]).unwrap();
            assert_eq!(sound.len() as u64, clip.samples());
            assert!(sound.iter().all(|sample| sample.abs() <= 1.0));
        }
        for channel in 0..2 {
            assert!(
                regions(&found, channel).windows(2).all(|pair| pair[0].end <= pair[1].start),
                "disjoint and in order"
            );
        }
    }
}

#[test]
fn speech_at_minus_45_db_is_found_and_raised() {
    let loud = all(&fixture("formats/austen0870.pcm16k.wav")[0]);
    let power = loud.iter().map(|sample| sample * sample).sum::<f32>() / loud.len() as f32;
    let factor = 10.0_f32.powf(-45.0 / 20.0) / power.sqrt();
    let quiet: Vec<f32> = loud.iter().map(|sample| sample * factor).collect();
    let (as_it_was, spools) = (found(&[spool(&loud)]), [spool(&quiet)]);
    let found = found(&spools);
    assert_eq!(found.clips.len(), 1);
    let levels: Vec<f32> = found.speech.iter().filter_map(|speech| speech.level_dbfs).collect();
    assert!(!levels.is_empty() && levels.iter().all(|db| (-50.0..-38.0).contains(db)), "{levels:?}");
    let (expected, got) = (regions(&as_it_was, 0), regions(&found, 0));
    for (expected, got) in expected.iter().zip(&got) {
        assert!(
            expected.start.abs_diff(got.start) < 3200 && expected.end.abs_diff(got.end) < 3200,
            "{expected:?} {got:?}"
        );
    }
    let sound = samples(&spools, &found.clips[0], found.gains[0]).unwrap();
    let db = 10.0 * (sound.iter().map(|sample| sample * sample).sum::<f32>() / sound.len() as f32).log10();
    assert!((-30.0..-18.0).contains(&db), "{db}");
}

#[test]
fn the_same_sound_on_both_channels_is_transcribed_once() {
    let speech = all(&fixture("formats/austen0870.pcm16k.wav")[0]);
    let scaled = |gain: f32| -> Vec<f32> { speech.iter().map(|sample| sample * gain).collect() };
    let late: Vec<f32> = std::iter::repeat_n(0.0, 40).chain(speech.iter().copied()).collect();
    for (name, other, is_same) in [
        ("equal", scaled(1.0), true),
        ("4 dB down, inverted", scaled(-0.63), true),
        ("2.5 ms late", late, true),
        ("dead", scaled(0.0), false),
        ("30 dB down", scaled(0.03), false),
    ] {
        for other_is_first in [false, true] {
            let pair = if other_is_first { [spool(&other), spool(&speech)] } else { [spool(&speech), spool(&other)] };
            let found = found(&pair);
            assert_eq!(found.channels_are_same, is_same, "{name}");
            assert_eq!(found.warnings.iter().any(|warning| warning.code == "duplicate_channels"), is_same, "{name}");
            let speaking = usize::from(other_is_first && !is_same);
            assert!(found.speech.iter().all(|speech| usize::from(speech.channel) == speaking), "{name}");
            assert!(
                !found.clips.is_empty() && found.clips.iter().all(|clip| usize::from(clip.key.channel) == speaking),
                "{name}"
            );
        }
    }
}

#[test]
fn what_is_not_speech_gives_no_clip() {
    for file in ["broken/dtmf.wav", "broken/noise-only.ogg", "broken/silence.wav"] {
        assert_eq!(found(&fixture(file)).clips, [], "{file}");
    }
    let seconds =
        |sound: &dyn Fn(f32) -> f32| -> Vec<f32> { (0..20 * 16_000).map(|i| sound(i as f32 / RATE)).collect() };
    let sine = |hz: f32, t: f32| (std::f32::consts::TAU * hz * t).sin();
    let noise = |t: f32| {
        let bits = ((t * RATE) as u32).wrapping_mul(0x9e37_79b9).rotate_left(13).wrapping_mul(0x85eb_ca6b);
        (bits >> 8) as f32 / 8_388_608.0 - 1.0
    };
    // A slow tune on a decaying tone with overtones over a bass.
    let tune = |t: f32| {
        let (beat, since) = ((t * 2.0) as usize, t.fract() % 0.5);
        let hz = [262.0, 330.0, 392.0, 523.0, 440.0, 392.0, 349.0, 294.0][beat % 8];
        let tone: f32 = [1.0, 2.0, 3.0, 4.0].iter().map(|k| sine(hz * k, t) / k).sum();
        0.1 * tone * (-4.0 * since).exp() + 0.05 * sine(131.0, t)
    };
    for (name, sound) in [
        ("silence", seconds(&|_| 0.0)),
        ("one-bit dither", seconds(&|t| noise(t) / 32_768.0)),
        ("hiss at -60 dB", seconds(&|t| 0.0017 * noise(t))),
        ("loud noise", seconds(&|t| 0.4 * noise(t))),
        ("mains hum", seconds(&|t| 0.01 * (sine(50.0, t) + sine(100.0, t) / 2.0 + sine(150.0, t) / 3.0))),
        ("ringing, China", seconds(&|t| if t % 5.0 < 1.0 { 0.1 * sine(450.0, t) } else { 0.0 })),
        ("ringing, America", seconds(&|t| if t % 6.0 < 2.0 { 0.1 * (sine(440.0, t) + sine(480.0, t)) } else { 0.0 })),
        ("busy", seconds(&|t| if t % 0.7 < 0.35 { 0.1 * sine(450.0, t) } else { 0.0 })),
        ("a constant", seconds(&|t| 0.05 + 0.0001 * noise(t))),
        ("a tune on hold", seconds(&tune)),
        ("50 ms", seconds(&|t| 0.2 * sine(300.0, t))[..800].to_vec()),
        ("nothing at all", Vec::new()),
    ] {
        assert_eq!(found(&[spool(&sound)]).clips, [], "{name}");
    }
    assert_eq!(found(&[]).clips, []);
}

#[test]
fn a_cancelled_recording_is_given_back() {
    let cancelled = segment(&fixture("broken/dtmf.wav"), &model(), &SegmentOptions::default(), &|| true);
    assert!(matches!(cancelled, Err(AudioError::Cancelled)));
}

#[test]
fn a_file_that_is_no_detector_is_named() {
    for path in ["tests/fixtures/manifest.json", "tests/fixtures/none.onnx"] {
        let error = SpeechModel::load(&root().join(path)).unwrap_err();
        assert!(error.to_string().contains(path), "{error}");
    }
}
