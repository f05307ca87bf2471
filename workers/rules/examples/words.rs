//! Measures the word index through the public API; `benches/rules.py` calls it and writes docs/rules-speed.md.
//!
//! `words scan WORDS TEXT [SOUND]`: findings in each line of TEXT for the words of the list file WORDS, in megabytes a
//! second. `words load WORDS`: from the list in memory to the set. `words inline WORDS`: the same with the words in the
//! YAML. `words segment WORDS TEXT`: one segment of 54 characters. Each prints one line of JSON.
#![allow(clippy::print_stdout, reason = "this is what it is for")]
#![expect(clippy::as_conversions, reason = "a count of bytes as a float")]

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use earmark_core::{Speaker, TimePrecision, Utterance};
use earmark_rules::{Context, RuleSet, SourceFile};
use serde_json::{Value, json};

const ROUNDS: usize = 5;
const SEGMENT_CHARS: usize = 54;
const SEGMENTS: usize = 4_000;
/// Of one segment, so many in a row are timed at once: a clock takes tens of nanoseconds to read.
const REPEATS: u32 = 16;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let of = |number: usize| arguments.get(number).map(String::as_str).ok_or("see the head of this file");
    let read = |number: usize| -> Result<String, Box<dyn Error>> { Ok(std::fs::read_to_string(of(number)?)?) };
    let shown = match of(0)? {
        "scan" => scan(&compile(read(1)?, of(3).unwrap_or("false"))?, &read(2)?)?,
        "load" => load(read(1)?)?,
        "inline" => inline(&read(1)?)?,
        "segment" => segments(&compile(read(1)?, "false")?, &read(2)?),
        "lint" => lint(&compile(read(1)?, "true")?)?,
        other => return Err(format!("{other} is nothing to measure").into()),
    };
    println!("{shown}");
    Ok(())
}

fn compile(words: String, homophones: &str) -> Result<RuleSet, Box<dyn Error>> {
    let rules = format!(
        "rules:\n  - id: words\n    category: c\n    severity: low\n    homophones: {homophones}\n    words_from: [words.txt]\n"
    );
    let file = |path: &str, text| SourceFile { path: path.into(), text };
    Ok(RuleSet::compile("bench", &[file("rules.yaml", rules), file("words.txt", words)])?)
}

/// A clock of the time that this process has been running on a core, in seconds: what else runs does not count.
struct Stopwatch(f64);

impl Stopwatch {
    fn start() -> Result<Self, Box<dyn Error>> {
        Ok(Self(on_core()?))
    }

    fn seconds(&self) -> Result<f64, Box<dyn Error>> {
        Ok(on_core()? - self.0)
    }
}

fn on_core() -> Result<f64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    Ok(text.split_whitespace().next().ok_or("no number in /proc/self/schedstat")?.parse::<f64>()? / 1e9)
}

fn scan(rules: &RuleSet, text: &str) -> Result<Value, Box<dyn Error>> {
    let bytes: usize = text.lines().map(str::len).sum();
    let mut seconds = Vec::new();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..ROUNDS {
        kinds.clear();
        let start = Stopwatch::start()?;
        let found: Vec<_> = text.lines().map(|line| black_box(rules.find_in_text(line))).collect();
        seconds.push(start.seconds()?);
        for finding in found.iter().flatten() {
            *kinds.entry(format!("{:?}", finding.kind)).or_default() += 1;
        }
    }
    let speeds: Vec<f64> = seconds.iter().map(|seconds| bytes as f64 / 1e6 / seconds).collect();
    Ok(json!({
        "mb_per_s": median(speeds.clone()), "each": speeds, "found": kinds.values().sum::<usize>(), "kinds": kinds,
        "chars": text.chars().count(), "bytes": bytes,
    }))
}

fn load(words: String) -> Result<Value, Box<dyn Error>> {
    let before = peak_kb()?;
    let start = Stopwatch::start()?;
    let rules = compile(words, "true")?;
    let ms = start.seconds()? * 1e3;
    Ok(json!({ "ms": ms, "peak_mb": (peak_kb()? - before) / 1024.0, "words": rules.word_count() }))
}

fn inline(words: &str) -> Result<Value, Box<dyn Error>> {
    let mut text = "rules:\n  - id: words\n    category: c\n    severity: low\n    words:\n".to_owned();
    for word in words.lines() {
        text.push_str(&format!("      - \"{word}\"\n"));
    }
    let before = peak_kb()?;
    let start = Stopwatch::start()?;
    let rules = RuleSet::compile("bench", &[SourceFile { path: "rules.yaml".into(), text }])?;
    let ms = start.seconds()? * 1e3;
    Ok(json!({ "ms": ms, "peak_mb": (peak_kb()? - before) / 1024.0, "words": rules.word_count() }))
}

fn lint(rules: &RuleSet) -> Result<Value, Box<dyn Error>> {
    let start = Stopwatch::start()?;
    let warnings = rules.lint().warnings.len();
    Ok(json!({ "ms": start.seconds()? * 1e3, "warnings": warnings }))
}

/// Segments with nothing to find and with one finding, by themselves.
fn segments(rules: &RuleSet, text: &str) -> Value {
    let chars: Vec<char> = text.lines().flat_map(str::chars).take(SEGMENTS * SEGMENT_CHARS).collect();
    let segments: Vec<String> = chars.chunks_exact(SEGMENT_CHARS).map(|chunk| chunk.iter().collect()).collect();
    let mut measured = serde_json::Map::new();
    for (name, count) in [("none", 0), ("one", 1)] {
        let chosen: Vec<_> = segments.iter().filter(|text| rules.find_in_text(text).len() == count).collect();
        let utterances: Vec<_> = chosen.iter().map(|text| utterance(text)).collect();
        let context = Context { language: Some("zh".into()), ..Context::default() };
        let in_text = chosen.iter().map(|text| micros(|| rules.find_in_text(text).len())).collect();
        let in_utterance =
            utterances.iter().map(|one| micros(|| rules.find(std::slice::from_ref(one), &context).len()));
        measured.insert(format!("{name}_find"), json!(median(in_utterance.collect())));
        measured.insert(format!("{name}_find_in_text"), json!(median(in_text)));
        measured.insert(format!("{name}_segments"), json!(chosen.len()));
    }
    Value::Object(measured)
}

fn micros(find: impl Fn() -> usize) -> f64 {
    let start = Instant::now();
    for _ in 0..REPEATS {
        black_box(find());
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(REPEATS)
}

fn utterance(text: &str) -> Utterance {
    Utterance {
        id: 0,
        channel: 0,
        speaker: Speaker::unknown(),
        start_ms: 1_000,
        end_ms: 12_000,
        time_precision: TimePrecision::Segment,
        language: None,
        text: text.into(),
        words: Vec::new(),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The most memory that this process ever had.
fn peak_kb() -> Result<f64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).ok_or("no VmHWM in /proc/self/status")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse()?)
}
