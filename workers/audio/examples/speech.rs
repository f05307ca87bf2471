//! Finds the speech of recordings and prints what the stage took: `speech [--runs N] [--beside PROGRAM] FILE...`.
//!
//! Each recording is decoded once and segmented `N` times (5 by default); the least CPU time is printed, of the stage
//! as a whole. With `--beside PROGRAM`, another build of this example, both are asked in turn and printed side by side.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]
#![expect(clippy::as_conversions, reason = "numbers of samples as floats")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use earmark_audio::decode::{DecodeOptions, decode};
use earmark_audio::segment::{SegmentOptions, SpeechModel, segment};

fn main() -> std::process::ExitCode {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let mut taken = |name: &str| {
        let at = words.iter().position(|word| word == name)?;
        let value = words.get(at + 1)?.clone();
        words.drain(at..at + 2);
        Some(value)
    };
    let runs = taken("--runs").and_then(|runs| runs.parse().ok()).unwrap_or(5_u32);
    let beside = taken("--beside");
    if words.is_empty() {
        eprintln!("usage: speech [--runs N] [--beside PROGRAM] FILE...");
        return 2.into();
    }
    for file in &words {
        let Some(beside) = &beside else {
            println!("{:.4} {}", cpu_of(file, runs).0, cpu_of(file, 1).1);
            continue;
        };
        // In turn, so that what else the machine does hits both.
        let mut least = [f64::INFINITY; 2];
        for _ in 0..runs {
            for (least, program) in least.iter_mut().zip([beside.as_str(), "/proc/self/exe"]) {
                let output = Command::new(program).args(["--runs", "1", file]).output().expect("the other build runs");
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                let secs = text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(f64::INFINITY);
                *least = least.min(secs);
            }
        }
        println!("{file}: {:.3} s beside {:.3} s, {:+.1} %", least[1], least[0], 100.0 * (least[1] / least[0] - 1.0));
    }
    0.into()
}

/// The least CPU seconds of `runs` runs, and what was found.
fn cpu_of(file: &str, runs: u32) -> (f64, String) {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let options = DecodeOptions {
        temp_dir: folder.path().into(),
        max_duration_ms: 100 * 3_600_000,
        deadline: Duration::from_secs(3600),
        memory_bytes: 512 << 20,
        ffmpeg: None,
        raw: None,
    };
    let decoded = decode(Path::new(file), file, &options, &|| false).expect("a recording");
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../engine/vad/silero_vad_16k_op15.onnx");
    let model = SpeechModel::load(&model).expect("the detector");
    let mut least = f64::INFINITY;
    let mut said = String::new();
    for _ in 0..runs {
        let before = cpu_secs();
        let found = segment(&decoded.spools, &model, &SegmentOptions::default(), &|| false).expect("readable spools");
        least = least.min(cpu_secs() - before);
        let warnings: Vec<String> =
            found.warnings.iter().map(|warning| format!("\n  {}: {}", warning.code, warning.detail)).collect();
        said = format!("{} clips, speech {:?} ms{}", found.clips.len(), found.speech_ms, warnings.concat());
    }
    (least, said)
}

/// CPU seconds of this thread's process so far. proc(5): nanoseconds on the processor come first in `schedstat`.
fn cpu_secs() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").expect("Linux");
    let nanos: u64 = stat.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number");
    nanos as f64 / 1e9
}
