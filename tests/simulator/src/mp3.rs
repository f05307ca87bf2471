//! The length of MPEG audio, layer III, by its frames' heads.

use crate::audio::{Container, Sound};

/// One frame's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame {
    sample_rate_hz: u32,
    samples: u32,
    length: usize,
    /// Bytes between the head and what the frame holds.
    side_info: usize,
}

const KBITS_V1: [u32; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const KBITS_V2: [u32; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

/// What `bytes` hold when they are layer III frames, after an ID3 tag perhaps: two frames in a row, or one and nothing
/// behind it, are taken for audio.
pub(crate) fn inspect(bytes: &[u8]) -> Option<Sound> {
    let mut at = id3_length(bytes);
    let first = frame(bytes.get(at..)?)?;
    let next = bytes.get(at + first.length..)?;
    if !next.is_empty() && frame(next).is_none() {
        return None;
    }
    let mut samples = 0u64;
    while let Some(frame) = bytes.get(at..).and_then(frame) {
        if !is_info(bytes, at, frame) {
            samples += u64::from(frame.samples);
        }
        at += frame.length;
    }
    let audio_ms = (samples * 1000).div_ceil(u64::from(first.sample_rate_hz));
    Some(Sound { container: Container::Mp3, sample_rate_hz: first.sample_rate_hz, audio_ms, pcm16: None })
}

fn id3_length(bytes: &[u8]) -> usize {
    match bytes {
        [b'I', b'D', b'3', _, _, _, a, b, c, d, ..] => {
            10 + [a, b, c, d].into_iter().fold(0, |length, byte| length << 7 | usize::from(byte & 0x7F))
        }
        _ => 0,
    }
}

fn frame(bytes: &[u8]) -> Option<Frame> {
    let &[0xFF, second, third, fourth, ..] = bytes else { return None };
    // Eleven bits of sync, then the version (1 is none), then the layer (1 is III).
    let version = second >> 3 & 3;
    if second & 0xE0 != 0xE0 || version == 1 || second >> 1 & 3 != 1 {
        return None;
    }
    let is_v1 = version == 3;
    let kbits = *if is_v1 { &KBITS_V1 } else { &KBITS_V2 }.get(usize::from(third >> 4)).filter(|kbits| **kbits > 0)?;
    let halvings = match version {
        3 => 0,
        2 => 1,
        _ => 2,
    };
    let sample_rate_hz = [44_100, 48_000, 32_000].get(usize::from(third >> 2 & 3))? >> halvings;
    let samples = if is_v1 { 1152 } else { 576 };
    let padding = u32::from(third >> 1 & 1);
    let length = usize::try_from(samples / 8 * kbits * 1000 / sample_rate_hz + padding).ok()?;
    let is_mono = fourth >> 6 == 3;
    let side_info = match (is_v1, is_mono) {
        (true, false) => 32,
        (true, true) | (false, false) => 17,
        (false, true) => 9,
    };
    Some(Frame { sample_rate_hz, samples, length, side_info })
}

/// Whether a frame holds figures about the file instead of sound.
fn is_info(bytes: &[u8], at: usize, frame: Frame) -> bool {
    let tag = at + 4 + frame.side_info;
    matches!(bytes.get(tag..tag + 4), Some(b"Xing" | b"Info"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MPEG 2, 48 kbit/s, 16 kHz, mono: 576 samples in 216 bytes.
    fn frames(count: usize) -> Vec<u8> {
        let mut frame = vec![0xFF, 0xF3, 0x68, 0xC0];
        frame.resize(216, 0);
        frame.repeat(count)
    }

    #[test]
    fn frames_are_counted_behind_a_tag_and_without_the_info_frame() {
        let mut mp3 = b"ID3\x04\0\0\0\0\0\x02xx".to_vec();
        let mut info = frames(1);
        info[13..17].copy_from_slice(b"Info");
        mp3.extend(info);
        mp3.extend(frames(100));
        let sound = inspect(&mp3).unwrap();
        assert_eq!((sound.sample_rate_hz, sound.audio_ms), (16_000, 3600));
    }

    #[test]
    fn a_sync_word_by_chance_is_not_audio() {
        let mut noise = frames(1);
        noise.extend([0; 16]);
        assert_eq!(inspect(&noise), None);
        assert_eq!(inspect(&[]), None);
    }
}
