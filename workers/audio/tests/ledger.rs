//! The ledger of a recording: whatever it is written as, all of it is decoded, and all speech in it is taken along.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its material fails")]
#![expect(clippy::as_conversions, reason = "small numbers of samples as floats and back")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use earmark_audio::decode::{DecodeOptions, decode};
use earmark_audio::segment::{SegmentOptions, SpeechModel, segment};
use earmark_core::{ChannelAccounting, Region};
use proptest::prelude::*;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures");

static MODEL: LazyLock<SpeechModel> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../engine/vad/silero_vad_16k_op15.onnx");
    SpeechModel::load(&path).unwrap()
});

/// A way to write a recording: name, arguments of ffmpeg, how many ms of its own it may add.
const WRITTEN: [(&str, &str, u64); 12] = [
    ("a.wav", "-c:a pcm_mulaw -ar 8000", 1),
    ("b.wav", "-c:a pcm_s16le -ar 44100", 1),
    ("c.mp3", "-ar 16000 -q:a 5", 1),
    ("d.mp3", "-ar 8000 -q:a 5 -write_xing 0", 220),
    ("e.m4a", "-c:a aac", 1),
    ("f.opus", "-c:a libopus", 1),
    ("g.mka", "-c:a libopus", 25),
    ("h.flac", "-c:a flac", 1),
    ("i.ogg", "-c:a libvorbis -ar 44100", 1),
    ("j.aac", "-c:a aac", 140),
    ("k.w64", "-c:a pcm_s16le", 1),
    ("l.ts", "-c:a aac", 140),
];

/// What a channel carries: the starts of a sentence of 7.1 s, in ms.
type Channel = Vec<u64>;

/// Channels of speech with pauses of up to 40 s, all of one length; that, in ms.
fn recording() -> impl Strategy<Value = (Vec<Channel>, u64)> {
    let pauses = prop::collection::vec(500_u64..40_000, 1..4);
    prop::collection::vec(pauses, 1..3).prop_map(|channels| {
        let channels: Vec<Channel> = channels
            .into_iter()
            .map(|pauses| {
                let mut at = 0;
                pauses
                    .into_iter()
                    .map(|pause| {
                        let start = at + pause;
                        at = start + SENTENCE_MS;
                        start
                    })
                    .collect()
            })
            .collect();
        let last = channels.iter().flatten().copied().max().unwrap_or(0);
        (channels, last + SENTENCE_MS + 1_000)
    })
}

const SENTENCE_MS: u64 = 7_100;

/// The sentences of the channels: different ones, so that none passes for another's echo. 16 kHz.
static SENTENCES: LazyLock<[Vec<i16>; 2]> = LazyLock::new(|| {
    ["austen0870", "austen0890"].map(|name| {
        let out = Command::new("ffmpeg")
            .args(["-nostdin", "-loglevel", "error", "-i", &format!("{FIXTURES}/real/{name}.flac")])
            .args(["-t", "7.1", "-ar", "16000", "-ac", "1", "-f", "s16le", "-"])
            .output()
            .unwrap();
        out.stdout.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
    })
});

/// Writes it: the samples here, the file by ffmpeg.
fn write(folder: &Path, channels: &[Channel], length_ms: u64, name: &str, arguments: &str) -> PathBuf {
    let width = channels.len();
    let mut samples = vec![0_i16; length_ms as usize * 16 * width];
    for (channel, starts) in channels.iter().enumerate() {
        for start in starts {
            for (at, sample) in SENTENCES[channel].iter().enumerate() {
                samples[(*start as usize * 16 + at) * width + channel] = *sample;
            }
        }
    }
    let (raw, path) = (folder.join("samples"), folder.join(name));
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    std::fs::write(&raw, bytes).unwrap();
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-y", "-f", "s16le", "-ar", "16000", "-ac", &width.to_string()])
        .arg("-i")
        .arg(&raw)
        .args(arguments.split_whitespace())
        .arg(&path)
        .status()
        .unwrap();
    assert!(status.success(), "ffmpeg {arguments}");
    path
}

/// How many samples of `region` the others hold.
fn held(region: Region, others: &[Region]) -> u64 {
    others.iter().map(|other| other.end.min(region.end).saturating_sub(other.start.max(region.start))).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_second_is_decoded_and_every_sentence_is_heard((channels, length_ms) in recording(), way in 0..WRITTEN.len()) {
        let folder = tempfile::tempdir().unwrap();
        let (name, arguments, slack_ms) = WRITTEN[way];
        let path = write(folder.path(), &channels, length_ms, name, arguments);
        let options = DecodeOptions {
            temp_dir: folder.path().into(),
            max_duration_ms: 3_600_000,
            deadline: Duration::from_secs(120),
            memory_bytes: 1 << 28,
            ffmpeg: Some("/usr/bin/ffmpeg".into()),
            raw: None,
        };
        let decoded = decode(&path, name, &options, &|| false).unwrap();
        prop_assert!(decoded.duration_ms.abs_diff(length_ms) <= slack_ms, "{} ms of {length_ms}", decoded.duration_ms);
        prop_assert_eq!(decoded.spools.len(), channels.len());
        prop_assert!(decoded.warnings.is_empty(), "{:?}", decoded.warnings);
        let cut = segment(&decoded.spools, &MODEL, &SegmentOptions::default(), &|| false).unwrap();
        for (channel, starts) in channels.iter().enumerate() {
            let clips = cut.clips.iter().filter(|clip| usize::from(clip.key.channel) == channel);
            let heard: Vec<Region> = clips.flat_map(|clip| clip.regions.iter().copied()).collect();
            let spool = &decoded.spools[channel];
            for pair in heard.windows(2) {
                prop_assert!(pair[0].end <= pair[1].start, "heard twice: {pair:?}");
            }
            for filled in &decoded.filled[channel] {
                let mut samples = Vec::new();
                spool.read(*filled, &mut samples).unwrap();
                prop_assert!(samples.iter().all(|sample| *sample == 0.0), "{filled:?} is called filled and sounds");
            }
            // A sentence has pauses, but no word of it may be missing.
            for start in starts {
                let sentence = Region { start: start * 16, end: start * 16 + SENTENCES[channel].len() as u64 };
                let share = held(sentence, &heard) as f64 / sentence.samples() as f64;
                prop_assert!(share > 0.9, "of the sentence at {start} ms {share:.2} is heard: {heard:?}");
            }
            let told = ChannelAccounting::of(0, spool.samples(), &heard, &decoded.filled[channel], 0);
            prop_assert_eq!(told.decoded_ms, told.heard_ms + told.silent_ms + told.filled_ms);
            prop_assert!(told.heard_ms.abs_diff(heard.iter().map(Region::samples).sum::<u64>() / 16) <= 1);
            prop_assert!(told.decoded_ms.abs_diff(decoded.duration_ms) <= 1);
        }
    }
}
