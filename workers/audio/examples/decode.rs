//! Decodes a recording to spools and prints what it took: `decode FILE [ffmpeg]`.
//!
//! With `ffmpeg` as a second word the ffmpeg program decodes it to the same samples instead, for comparison.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]
#![expect(clippy::as_conversions, reason = "numbers of samples as floats and back")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use earmark_audio::decode::{DecodeOptions, decode};
use earmark_core::Failure;

fn main() -> std::process::ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some(file) = words.first() else {
        eprintln!("usage: decode FILE [ffmpeg]");
        return 2.into();
    };
    let temp_dir = tempfile::tempdir().expect("a folder for temporary files");
    let started = Instant::now();
    let outcome = if words.len() > 1 { by_ffmpeg(file, temp_dir.path()) } else { in_process(file, temp_dir.path()) };
    let wall = started.elapsed();
    let cpu = cpu_secs();
    println!(
        "{file}: {outcome}; wall {:.3} s, CPU {:.2} s, children's CPU {:.2} s, peak {:.1} MB",
        wall.as_secs_f64(),
        cpu[0],
        cpu[1],
        peak_mb()
    );
    0.into()
}

fn in_process(file: &str, temp_dir: &Path) -> String {
    let options = DecodeOptions {
        temp_dir: temp_dir.into(),
        max_duration_ms: 100 * 3_600_000,
        deadline: Duration::from_secs(3600),
        memory_bytes: 512 << 20,
        ffmpeg: Some(PathBuf::from("/usr/bin/ffmpeg")),
        raw: None,
    };
    match decode(Path::new(file), file, &options, &|| false) {
        Ok(decoded) => {
            let warnings: Vec<String> =
                decoded.warnings.iter().map(|warning| format!(" [{}: {}]", warning.code, warning.detail)).collect();
            let (codec, channels, rate_hz, secs) =
                (decoded.codec, decoded.channels, decoded.sample_rate_hz, decoded.duration_ms as f64 / 1000.0);
            format!("{codec}, {channels} x {rate_hz} Hz, {secs:.3} s{}", warnings.concat())
        }
        Err(error) => {
            let problem = error.problem();
            format!("{}: {}", problem.code, problem.message)
        }
    }
}

fn by_ffmpeg(file: &str, temp_dir: &Path) -> String {
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-threads", "1", "-i", file, "-vn", "-ar", "16000", "-f", "s16le"])
        .arg(temp_dir.join("samples"))
        .stdin(Stdio::null())
        .status();
    status.map_or_else(|error| error.to_string(), |status| status.to_string())
}

/// Of this process and of its children that have ended, user and system together. proc(5).
fn cpu_secs() -> [f64; 2] {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let (_, fields) = stat.rsplit_once(')').expect("the name stands in brackets");
    let ticks: Vec<f64> =
        fields.split_whitespace().skip(11).take(4).map(|field| field.parse().expect("a number")).collect();
    // A tick is 10 ms on every Linux there is.
    [(ticks[0] + ticks[1]) / 100.0, (ticks[2] + ticks[3]) / 100.0]
}

/// The most memory this process had resident. proc(5).
fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line with the peak");
    peak.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
}
