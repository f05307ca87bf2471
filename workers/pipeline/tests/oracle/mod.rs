//! A recogniser that knows every word of a recording and when it is said: what it answers for a clip says what the
//! cutting lost, doubled or broke, with no recogniser's own mistakes in between.

use std::path::{Path, PathBuf};
use std::time::Duration;

use earmark_audio::decode::{DecodeOptions, decode};
use earmark_audio::segment::{Listened, SegmentOptions, SpeechModel, listen};
use earmark_audio::{Spool, SpoolWriter};
use earmark_core::{Clip, ClipText, Region, TimePrecision, TimedText, Word, ms_to_samples, samples_to_ms};
use serde_json::Value;

/// Samples of the pieces that words are made of: 10 ms.
const STEP: u64 = 160;
/// What is this much quieter than the loud part of a sentence belongs to its pauses, in dB.
const PAUSE_DB: f32 = 25.0;

/// A word and where it sounds.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// A Latin word, or a Chinese character with the punctuation behind it.
    pub text: String,
    /// The 10 ms in which it sounds, by their first sample; never empty, in order.
    pub steps: Vec<u64>,
}

impl Said {
    /// From its first sound to its last.
    pub fn region(&self) -> Region {
        Region { start: self.steps[0], end: self.steps[self.steps.len() - 1] + STEP }
    }

    /// How much of it `regions` hold, in 10 ms.
    fn held(&self, regions: &[Region]) -> usize {
        let holds = |step: u64| regions.iter().any(|region| region.start <= step && step + STEP <= region.end);
        self.steps.iter().filter(|step| holds(**step)).count()
    }
}

/// A recording whose every word is known.
pub struct Recording {
    /// Its file, or what it is.
    pub name: String,
    /// By channel.
    pub spools: Vec<Spool>,
    /// By channel, in order of time.
    pub said: Vec<Vec<Said>>,
}

impl Recording {
    /// What the detector hears of it, once for all ways to cut it.
    pub fn listened(&self, model: &SpeechModel) -> Listened {
        listen(&self.spools, model, &|| false).unwrap()
    }

    /// Its clips.
    pub fn clips(&self, listened: &Listened, options: &SegmentOptions) -> Vec<Clip> {
        listened.cut(&self.spools, options).unwrap().clips
    }

    /// Which words of a clip's channel are said in it: those of which it holds more than half.
    pub fn heard(&self, clip: &Clip) -> Vec<usize> {
        let (first, last) = (clip.regions[0].start, clip.regions[clip.regions.len() - 1].end);
        let said = self.said[usize::from(clip.key.channel)].iter().enumerate();
        said.filter(|(_, word)| word.region().start < last && word.region().end > first)
            .filter(|(_, word)| 2 * word.held(&clip.regions) > word.steps.len())
            .map(|(number, _)| number)
            .collect()
    }

    /// The oracle's answer: the words of a clip, with their times or without.
    pub fn answer(&self, clip: &Clip, has_times: bool) -> ClipText {
        let said = &self.said[usize::from(clip.key.channel)];
        let mut text = String::new();
        let mut words = Vec::new();
        for number in self.heard(clip) {
            let word = &said[number];
            if text.ends_with(|c: char| c.is_ascii()) && word.text.starts_with(|c: char| c.is_ascii()) {
                text.push(' ');
            }
            let region = word.region();
            words.push(Word {
                start_ms: clip_ms(clip, region.start),
                end_ms: clip_ms(clip, region.end),
                offset: text.chars().count(),
                text: word.text.clone(),
            });
            text.push_str(&word.text);
        }
        let segment = TimedText {
            start_ms: 0,
            end_ms: clip.duration_ms(),
            text,
            confidence: None,
            words: if has_times { words } else { Vec::new() },
        };
        ClipText {
            language: None,
            segments: if segment.text.is_empty() { Vec::new() } else { vec![segment] },
            time_precision: if has_times { TimePrecision::Word } else { TimePrecision::Estimated },
            dropped: Vec::new(),
            billed_ms: 0,
            refused: None,
            other_language: None,
        }
    }
}

/// Where a sample of the recording lies in a clip, in ms from the clip's start; the nearest place for one outside.
fn clip_ms(clip: &Clip, sample: u64) -> u64 {
    let before: u64 = clip.regions.iter().map(|region| sample.clamp(region.start, region.end) - region.start).sum();
    samples_to_ms(before)
}

/// The repository's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The detector.
pub fn model() -> SpeechModel {
    SpeechModel::load(&root().join("engine/vad/silero_vad_16k_op15.onnx")).unwrap()
}

/// The recordings of `tests/fixtures` in which something known is said and whose entry is `wanted`.
///
/// The manifest knows the times of sentences, exactly where they were synthesised; within a sentence, or a recording
/// without any, its words share the sound by their letters, leaving out the pauses.
pub fn fixtures(wanted: impl Fn(&str) -> bool) -> Vec<Recording> {
    let manifest = std::fs::read(root().join("tests/fixtures/manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let items = manifest["items"].as_array().unwrap().iter();
    items
        .filter(|item| item["expect"] == "ok" && wanted(item["file"].as_str().unwrap()))
        .map(|item| {
            let name = item["file"].as_str().unwrap().to_owned();
            let spools = decoded(&root().join("tests/fixtures").join(&name), &name);
            let mut said = vec![Vec::new(); spools.len()];
            for (channel, region, text) in sentences(item, &spools) {
                said[channel].extend(spread(&spools[channel], region, &text));
            }
            for said in &mut said {
                said.sort_by_key(|word: &Said| (word.steps[word.steps.len() / 2], word.steps[0]));
            }
            Recording { name, spools, said }
        })
        .collect()
}

fn decoded(path: &Path, name: &str) -> Vec<Spool> {
    let folder = tempfile::tempdir().unwrap();
    let options = DecodeOptions {
        temp_dir: folder.path().into(),
        max_duration_ms: 4_000_000,
        deadline: Duration::from_secs(600),
        memory_bytes: 1 << 29,
        ffmpeg: Some("ffmpeg".into()),
        raw: None,
    };
    decode(path, name, &options, &|| false).unwrap().spools
}

/// (channel, where, what) of everything that is said, as finely as the manifest knows it.
fn sentences(item: &Value, spools: &[Spool]) -> Vec<(usize, Region, String)> {
    let text = |value: &Value| value["text"].as_str().unwrap().to_owned();
    let region = |value: &Value| {
        let sample = |key: &str| ms_to_samples((value[key].as_f64().unwrap() * 1000.0).round() as u64);
        Region { start: sample("start_s"), end: sample("end_s").min(spools[0].samples()) }
    };
    let Some(turns) = item["segments"].as_array() else {
        let everything = Region { start: 0, end: spools[0].samples() };
        return vec![(0, everything, item["transcript"].as_str().unwrap().to_owned())];
    };
    let mut sentences = Vec::new();
    for turn in turns {
        let channel = if spools.len() == 1 { 0 } else { usize::try_from(turn["channel"].as_u64().unwrap()).unwrap() };
        let parts = turn["clauses"].as_array().map_or_else(|| vec![turn], |clauses| clauses.iter().collect());
        sentences.extend(parts.into_iter().map(|part| (channel, region(part), text(part))));
    }
    sentences
}

/// The words of a sentence over its sound.
fn spread(spool: &Spool, region: Region, text: &str) -> Vec<Said> {
    let levels = levels(spool, region);
    let mut sorted = levels.clone();
    sorted.sort_by(f32::total_cmp);
    let loud = sorted[sorted.len() * 9 / 10];
    let sounding: Vec<u64> = (0..)
        .zip(&levels)
        .filter(|(_, db)| **db > loud - PAUSE_DB)
        .map(|(step, _)| region.start + step * STEP)
        .collect();
    let words = words(text);
    let letters: usize = words.iter().map(|word| word.chars().count()).sum();
    let mut before = 0;
    let place = |letters_before: usize| letters_before * sounding.len() / letters.max(1);
    words
        .into_iter()
        .map(|word| {
            let from = before;
            before += word.chars().count();
            Said { steps: without_pause(&sounding[place(from)..place(before)]), text: word }
        })
        .inspect(|word| assert!(!word.steps.is_empty(), "{word:?} of {text} has no sound"))
        .collect()
}

/// The longest part of a word's sound without a pause of 50 ms: where the times of sentences put a word on both sides of
/// a pause, it was said on one.
fn without_pause(steps: &[u64]) -> Vec<u64> {
    let parts = steps.chunk_by(|a, b| b - a <= 5 * STEP);
    parts.max_by_key(|part| part.len()).unwrap_or_default().to_vec()
}

/// Latin words and Chinese characters, each with the punctuation behind it.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut is_open = false;
    for c in text.chars() {
        let is_latin = c.is_ascii() && !c.is_whitespace();
        match words.last_mut() {
            Some(word) if (is_latin && is_open) || (!c.is_whitespace() && !c.is_alphanumeric()) => word.push(c),
            _ if c.is_whitespace() => {}
            _ => words.push(c.to_string()),
        }
        is_open = is_latin;
    }
    words
}

/// Words that are cut out of the sound of these fixtures and set one behind the other at known times: `pause_ms` of
/// faint noise behind each, a breath of a second behind every `sentence` of them.
pub fn composed(files: &[&str], count: usize, pause_ms: std::ops::Range<u64>, sentence: usize) -> Recording {
    let sounds: Vec<Vec<f32>> = files.iter().flat_map(|file| bursts(file)).collect();
    assert!(sounds.len() > 20, "{} bursts", sounds.len());
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random >> 33
    };
    let mut samples = vec![0.0; 16_000];
    let mut said = Vec::new();
    for number in 0..count {
        let sound = &sounds[(next() % sounds.len() as u64) as usize];
        let start = samples.len() as u64;
        samples.extend(sound);
        said.push(Said {
            text: format!("w{number}"),
            steps: (0..sound.len() as u64 / STEP).map(|step| start + step * STEP).collect(),
        });
        let pause_ms =
            if (number + 1) % sentence == 0 { 1000 } else { pause_ms.start + next() % (pause_ms.end - pause_ms.start) };
        samples.resize(samples.len() + ms_to_samples(pause_ms) as usize, 0.0);
    }
    for sample in &mut samples {
        *sample += 0.0005 * (next() as f32 / (1_u64 << 30) as f32 - 1.0);
    }
    Recording { name: "composed".into(), spools: vec![spool(&samples)], said: vec![said] }
}

/// Stretches of 200 to 500 ms in which the first channel of a fixture sounds without a pause, faded at both ends.
fn bursts(file: &str) -> Vec<Vec<f32>> {
    let spool = decoded(&root().join("tests/fixtures").join(file), file).swap_remove(0);
    let everything = Region { start: 0, end: spool.samples() };
    let levels = levels(&spool, everything);
    let mut sorted = levels.clone();
    sorted.sort_by(f32::total_cmp);
    let loud = sorted[sorted.len() * 19 / 20];
    let steps: Vec<(u64, f32)> = (0..).zip(levels).collect();
    let runs = steps.chunk_by(|a, b| (a.1 > loud - 18.0) == (b.1 > loud - 18.0));
    runs.filter(|run| run[0].1 > loud - 18.0 && (20..=50).contains(&run.len()))
        .map(|run| {
            let (start, end) = (run[0].0 * STEP, (run[run.len() - 1].0 + 1) * STEP);
            let mut samples = Vec::new();
            spool.read(Region { start, end }, &mut samples).unwrap();
            let length = samples.len();
            for i in 0..80 {
                samples[i] *= i as f32 / 80.0;
                samples[length - 1 - i] *= i as f32 / 80.0;
            }
            samples
        })
        .collect()
}

/// The level of each 10 ms of a region, in dBFS without the constant part.
fn levels(spool: &Spool, region: Region) -> Vec<f32> {
    let mut samples = Vec::new();
    spool.read(region, &mut samples).unwrap();
    let level = |step: &[f32]| {
        let mean = step.iter().sum::<f32>() / step.len() as f32;
        let power = step.iter().map(|sample| (sample - mean) * (sample - mean)).sum::<f32>() / step.len() as f32;
        10.0 * (power + 1e-10).log10()
    };
    samples.chunks_exact(STEP as usize).map(level).collect()
}

/// A spool of these samples.
fn spool(samples: &[f32]) -> Spool {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = SpoolWriter::create(folder.path()).unwrap();
    writer.push(samples).unwrap();
    writer.finish().unwrap()
}
