//! Recordings made for a test, decoded and compared with what they were made of.

#![allow(dead_code, reason = "each test program uses some of it")]
#![allow(clippy::unwrap_used, reason = "a test may end this way")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use earmark_audio::AudioError;
use earmark_audio::decode::{DecodeOptions, Decoded, decode};
use earmark_core::Region;

pub const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures");

pub fn options() -> DecodeOptions {
    DecodeOptions {
        temp_dir: std::env::temp_dir(),
        max_duration_ms: 7_200_000,
        deadline: Duration::from_secs(120),
        memory_bytes: 256 << 20,
        ffmpeg: Some("ffmpeg".into()),
        raw: None,
    }
}

/// Decodes a file under its own name.
pub fn decode_file(path: &Path) -> Result<Decoded, AudioError> {
    decode(path, path.file_name().unwrap().to_str().unwrap(), &options(), &|| false)
}

/// Decodes bytes as a file called `name`.
pub fn decode_bytes(name: &str, bytes: &[u8]) -> Result<Decoded, AudioError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    decode_file(&path)
}

pub fn samples(decoded: &Decoded, channel: usize) -> Vec<f32> {
    let spool = &decoded.spools[channel];
    let mut samples = Vec::new();
    spool.read(Region { start: 0, end: spool.samples() }, &mut samples).unwrap();
    samples
}

/// The codes of a recording's warnings.
pub fn codes(decoded: &Decoded) -> Vec<&str> {
    decoded.warnings.iter().map(|warning| warning.code.as_str()).collect()
}

/// What all the made recordings are made of, 7.1 s at 16 kHz.
pub fn reference() -> Vec<f32> {
    samples(&decode_file(Path::new(&format!("{FIXTURES}/real/austen0870.flac"))).unwrap(), 0)
}

/// Makes `name` with ffmpeg out of a recording of 7.1 s, its first input.
pub fn make(folder: &Path, name: &str, arguments: &str) -> PathBuf {
    let path = folder.join(name);
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-y", "-i"])
        .arg(format!("{FIXTURES}/real/austen0870.flac"))
        .args(arguments.split_whitespace())
        .arg(&path)
        .status()
        .unwrap();
    assert!(status.success(), "ffmpeg {arguments} {name}");
    path
}

/// As [`make`], through a pipe: sizes cannot be written afterwards.
pub fn pipe(format: &str, arguments: &str) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-i"])
        .arg(format!("{FIXTURES}/real/austen0870.flac"))
        .args(arguments.split_whitespace())
        .args(["-f", format, "-"])
        .output()
        .unwrap();
    assert!(output.status.success(), "ffmpeg {arguments} -f {format} -");
    output.stdout
}

/// How many samples late the reference begins in `other`, within 100 ms of `expected`, and how alike the two are there.
pub fn lag(reference: &[f32], other: &[f32], expected: i64) -> (i64, f64) {
    const REACH: i64 = 1600;
    let (start, len) = (32_000, 8_000);
    let mut best = (0, f64::MIN);
    for lag in -REACH..=REACH {
        let from = i64::try_from(start).unwrap() + expected + lag;
        let Some(b) = usize::try_from(from).ok().and_then(|from| other.get(from..from + len)) else { continue };
        let a = &reference[start..start + len];
        let product = |x: &[f32], y: &[f32]| f64::from(x.iter().zip(y).map(|(x, y)| x * y).sum::<f32>());
        let likeness = product(a, b) / (product(a, a) * product(b, b)).sqrt().max(1e-9);
        if likeness > best.1 {
            best = (lag, likeness);
        }
    }
    best
}

/// Refuses a `decoded` of another codec or length (ms), or in which the reference does not begin at each of `starts` (ms).
pub fn expect(name: &str, decoded: &Decoded, codec: &str, duration_ms: u64, starts: &[i64]) {
    assert_eq!(decoded.codec, codec, "{name}");
    let got = decoded.duration_ms;
    assert!(got.abs_diff(duration_ms) <= 90, "{name}: {got} ms, not {duration_ms}: {:?}", decoded.warnings);
    let (reference, sound) = (reference(), samples(decoded, 0));
    for start in starts {
        let (late, likeness) = lag(&reference, &sound, start * 16);
        assert!(late.abs() <= 1_200 && likeness > 0.7, "{name}: at {start} ms late by {late}, alike {likeness:.3}");
    }
}
