//! Dialogic's OKI ADPCM, the `.vox` files of telephone boards: four bits a sample, the high ones first, no header.

use std::fs::File;

use super::bytes::read_fully;
use super::output::Output;
use super::sink::Streamed;
use crate::AudioError;
use crate::wide::wide;

/// Bytes read at once.
const BLOCK_BYTES: usize = 1 << 14;

/// Sizes of a step, each a tenth more than the one before.
const STEPS: [i32; 49] = [
    16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66, 73, 80, 88, 97, 107, 118, 130, 143, 157, 173, 190,
    209, 230, 253, 279, 307, 337, 371, 408, 449, 494, 544, 598, 658, 724, 796, 876, 963, 1060, 1166, 1282, 1411, 1552,
];

/// By how many steps the size changes behind a difference of 0 to 7.
const CHANGES: [i32; 8] = [-1, -1, -1, -1, 2, 4, 6, 8];

/// Decodes `file` from its first byte to its last.
pub(super) fn decode(file: &File, rate_hz: u32, output: &mut Output<'_>) -> Result<Streamed, AudioError> {
    output.open(1, rate_hz)?;
    let mut decoder = Decoder::default();
    let mut block = vec![0; BLOCK_BYTES];
    let mut planes = vec![Vec::with_capacity(2 * BLOCK_BYTES)];
    let mut at = 0;
    loop {
        let got = read_fully(file, &mut block, at)?;
        if got == 0 {
            break;
        }
        planes[0].clear();
        planes[0].extend(block[..got].iter().flat_map(|byte| [decoder.sample(byte >> 4), decoder.sample(byte & 15)]));
        output.push_pcm16(&planes)?;
        at += wide(got);
    }
    output.finish("adpcm_ima_oki".into(), rate_hz, "Dialogic VOX", None)
}

#[derive(Default)]
struct Decoder {
    /// 12 bits.
    last: i32,
    /// Which of the steps.
    step: i32,
}

impl Decoder {
    /// The sample that four bits stand for: a sign, and how many eighths of a step the difference is.
    fn sample(&mut self, code: u8) -> i16 {
        let step = usize::try_from(self.step).ok().and_then(|at| STEPS.get(at)).copied().unwrap_or(STEPS[0]);
        let size = i32::from(code & 7);
        let mut difference = step >> 3;
        for (bit, part) in [(4, step), (2, step >> 1), (1, step >> 2)] {
            if size & bit != 0 {
                difference += part;
            }
        }
        let difference = if code & 8 == 0 { difference } else { -difference };
        self.last = (self.last + difference).clamp(-2048, 2047);
        self.step = (self.step + CHANGES[usize::from(code & 7)]).clamp(0, 48);
        i16::try_from(self.last << 4).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_grow_with_the_differences_and_the_range_is_kept() {
        let mut decoder = Decoder::default();
        let given: Vec<i16> = [0, 7, 15, 8].iter().map(|code| decoder.sample(*code)).collect();
        // A step of 16: an eighth; then all of it and 7/8; then with a step of 34 the same down; then an eighth.
        assert_eq!(given, [32, 32 + 480, 512 - 63 * 16, 512 - 63 * 16 - 9 * 16]);
        assert!((0..1000).map(|_| decoder.sample(7)).all(|sample| sample <= 32_752));
        assert_eq!(decoder.last, 2047);
    }
}
