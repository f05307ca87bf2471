//! Samples for tests: WAV files and made sounds, mono at 16 kHz.

use std::path::Path;

/// The samples of a 16-bit PCM WAV file, channel by channel. The file's rate is not looked at.
pub fn read_wav(path: &Path) -> Vec<Vec<f32>> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(&bytes[8..12], b"WAVE", "{} is no WAV file", path.display());
    let mut channels = 1;
    let mut at = 12;
    while at + 8 <= bytes.len() {
        let length = u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
        let body = &bytes[at + 8..bytes.len().min(at + 8 + length)];
        match &bytes[at..at + 4] {
            b"fmt " => channels = usize::from(u16::from_le_bytes([body[2], body[3]])),
            b"data" => return samples(body, channels),
            _ => {}
        }
        at += 8 + length + length % 2;
    }
    panic!("{} has no samples", path.display());
}

fn samples(body: &[u8], channels: usize) -> Vec<Vec<f32>> {
    let sample = |pair: &[u8]| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32768.0;
    (0..channels)
        .map(|channel| body.chunks_exact(2 * channels).map(|frame| sample(&frame[2 * channel..])).collect())
        .collect()
}
