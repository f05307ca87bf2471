//! Recordings that no other sounds like, made of one short sentence.

use std::path::Path;

/// Samples, and of mu-law also bytes, a second.
const RATE_HZ: usize = 8000;
const SILENCE: u8 = 0xff;
/// Bits that tell recordings apart.
const BITS: usize = 16;

/// A sentence, to be cut into phrases.
pub struct Sentence {
    head: Vec<u8>,
    samples: Vec<u8>,
}

impl Sentence {
    /// The sentence among the test recordings in `fixtures`.
    pub fn load(fixtures: &Path) -> Self {
        let file = std::fs::read(fixtures.join("formats/austen0870.mulaw8k.wav")).unwrap();
        let data = file.windows(4).position(|name| name == b"data").unwrap();
        Self { head: file[..data].to_vec(), samples: file[data + 8..].to_vec() }
    }

    /// Phrases in recording `number`: 1 to 3.
    pub fn phrases(number: usize) -> usize {
        1 + number % 3
    }

    /// A recording whose `phrases` lie `pause_ms` apart. `number` stands in the lowest bits of their loudest samples, and
    /// the phrase's own place with it.
    pub fn recording(&self, number: usize, phrases: usize, pause_ms: usize) -> Vec<u8> {
        let phrase = RATE_HZ * 13 / 10;
        let mut samples = vec![SILENCE; RATE_HZ / 2];
        for place in 0..phrases {
            let from = (place % 10) * (self.samples.len() - phrase) / 10;
            let mut spoken = self.samples[from..from + phrase].to_vec();
            let mut loudest: Vec<usize> = (phrase / 4..phrase * 3 / 4).collect();
            loudest.sort_by_key(|at| spoken[*at] & 0x7f);
            for (bit, at) in loudest.into_iter().take(2 * BITS).enumerate() {
                let mark = if bit < BITS { number >> bit } else { place >> (bit - BITS) };
                spoken[at] = (spoken[at] & 0xfe) | u8::from(mark & 1 == 1);
            }
            samples.extend(spoken);
            samples.resize(samples.len() + RATE_HZ * pause_ms / 1000, SILENCE);
        }
        let bytes = u32::try_from(samples.len()).unwrap();
        let mut wave = [&self.head[..], b"data", &bytes.to_le_bytes(), &samples].concat();
        let riff = u32::try_from(wave.len() - 8).unwrap();
        wave[4..8].copy_from_slice(&riff.to_le_bytes());
        wave
    }
}
