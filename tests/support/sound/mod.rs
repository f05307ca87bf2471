//! Samples for tests: WAV files and made sounds, mono at 16 kHz.
// The example takes the reader alone.
#![allow(dead_code)]

use std::path::Path;

/// The samples of a 16-bit PCM WAV file, channel by channel. The file's rate is not looked at.
pub fn read_wav(path: &Path) -> Vec<Vec<f32>> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(&bytes[8..12], b"WAVE", "{} is no WAV file", path.display());
    let mut channels = 1;
    let mut at = 12;
    while at + 8 <= bytes.len() {
        let length = u32::from_le_bytes([bytes[at + 4], bytes[at + 5], bytes[at + 6], bytes[at + 7]]);
        let length = usize::try_from(length).unwrap();
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

/// Samples of 8 kHz at 16 kHz: each new one half-way between its neighbours.
pub fn doubled(samples: &[f32]) -> Vec<f32> {
    samples.iter().zip(samples.iter().skip(1).chain(samples.last())).flat_map(|(a, b)| [*a, (a + b) / 2.0]).collect()
}

/// White noise up to `peak`, the same every time.
pub fn noise(samples: usize, peak: f32) -> Vec<f32> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        #[expect(clippy::as_conversions, reason = "24 bits, which are exact")]
        let unit = (state >> 40) as f32 / (1 << 23) as f32 - 1.0;
        unit
    };
    (0..samples).map(|_| next() * peak).collect()
}

/// Phone keys 1, 2, 3, … pressed for 200 ms every 400 ms.
#[expect(clippy::as_conversions, reason = "a few seconds of samples, which are exact")]
pub fn keys(count: usize) -> Vec<f32> {
    let tone = |hertz: f32, at: usize| (2.0 * std::f32::consts::PI * hertz * at as f32 / 16_000.0).sin();
    let (rows, columns) = ([697.0, 770.0, 852.0], [1209.0, 1336.0, 1477.0]);
    (0..count)
        .flat_map(|key| {
            let (row, column) = (rows[key / 3 % 3], columns[key % 3]);
            (0..6400).map(move |at| if at < 3200 { 0.3 * (tone(row, at) + tone(column, at)) } else { 0.0 })
        })
        .collect()
}
