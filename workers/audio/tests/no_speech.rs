//! Hours without a word: nothing of them is ever sent.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its material fails")]
#![expect(clippy::as_conversions, reason = "numbers of samples as floats and back")]

use std::f32::consts::TAU;
use std::path::Path;

use earmark_audio::SpoolWriter;
use earmark_audio::segment::{SegmentOptions, SpeechModel, segment};

const RATE: usize = 16_000;
const HOUR: usize = 3600 * RATE;

/// The clips of an hour whose second number `n` is what `sound(n, samples)` writes.
fn clips(mut sound: impl FnMut(usize, &mut [f32])) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = SpoolWriter::create(folder.path()).unwrap();
    let mut second = vec![0.0; RATE];
    for number in 0..HOUR / RATE {
        sound(number, &mut second);
        writer.push(&second).unwrap();
    }
    let spool = writer.finish().unwrap();
    assert_eq!(spool.samples(), HOUR as u64);
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../engine/vad/silero_vad_16k_op15.onnx");
    let model = SpeechModel::load(&model).unwrap();
    segment(&[spool], &model, &SegmentOptions::default(), &|| false).unwrap().clips.len()
}

/// White noise between -1 and 1, the same in every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / 8_388_608.0 - 1.0
    }
}

/// Two tones together, each as loud as `level`; whole periods fit a second, so that one second follows another.
fn tones(first_hz: f32, second_hz: f32, level: f32) -> Vec<f32> {
    let sine = |hz: f32, i: usize| (TAU * (hz * i as f32 / RATE as f32).fract()).sin();
    (0..RATE).map(|i| level * (sine(first_hz, i) + sine(second_hz, i))).collect()
}

#[test]
fn an_hour_of_silence_gives_no_clip() {
    assert_eq!(clips(|_, second| second.fill(0.0)), 0);
}

#[test]
fn an_hour_of_noise_gives_no_clip() {
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    // Noises that change every 1, 2, 4, … samples together fall by 3 dB an octave (Voss).
    let mut rows = [0.0_f32; 12];
    let mut at = 0_u32;
    assert_eq!(
        clips(|number, second| {
            // Half an hour white, half an hour pink; each louder every six minutes, from the hiss of a line to a storm.
            let level = 0.0009 * 10.0_f32.powf((number % 1800 / 360) as f32 * 0.6);
            for sample in second {
                at = at.wrapping_add(1);
                let fresh = noise.next();
                rows[(at.trailing_zeros() as usize).min(rows.len() - 1)] = fresh;
                *sample = level * if number < 1800 { fresh } else { rows.iter().sum::<f32>() / 4.0 };
            }
        }),
        0
    );
}

#[test]
fn an_hour_of_dtmf_gives_no_clip() {
    let keys: Vec<Vec<f32>> = [697.0, 770.0, 852.0, 941.0]
        .iter()
        .flat_map(|low| [1209.0, 1336.0, 1477.0, 1633.0].map(|high| tones(*low, high, 0.1)))
        .collect();
    let mut dialled = Noise(0x1405_7b7e_f767_814f);
    // Five keys a second, 100 ms each; then a key held down for a second; then a pause.
    let is_sounding = |i: usize| i % (RATE / 5) < RATE / 10;
    assert_eq!(
        clips(|number, second| {
            let mut key = &keys[number % keys.len()];
            for (i, sample) in second.iter_mut().enumerate() {
                if i % (RATE / 5) == 0 && number % 8 < 6 {
                    key = &keys[(dialled.next().abs() * 16.0) as usize % keys.len()];
                }
                let sounds = number % 8 == 6 || (number % 8 < 6 && is_sounding(i));
                *sample = if sounds { key[i] } else { 0.0 };
            }
        }),
        0
    );
}

#[test]
fn an_hour_of_ringing_gives_no_clip() {
    // 425 Hz, a second in five, in digital silence, and 440 with 480 Hz, two seconds in six, with the hiss of a line.
    let (european, american) = (tones(425.0, 425.0, 0.05), tones(440.0, 480.0, 0.1));
    let mut noise = Noise(0xd134_2543_de82_ef95);
    assert_eq!(
        clips(|number, second| {
            let (tone, sounds, hiss) =
                if number < 1800 { (&european, number % 5 == 0, 0.0) } else { (&american, number % 6 < 2, 0.001) };
            for (sample, tone) in second.iter_mut().zip(tone) {
                *sample = hiss * noise.next() + if sounds { *tone } else { 0.0 };
            }
        }),
        0
    );
}
