//! A-law and mu-law bytes as 16 bit samples: ITU-T G.711, table 1a and 2a, scaled to the full 16 bits.

/// A-law byte to sample.
pub(super) const A_LAW: [i16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = a_law(byte);
        byte += 1;
    }
    table
};

/// Mu-law byte to sample.
pub(super) const MU_LAW: [i16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = mu_law(byte);
        byte += 1;
    }
    table
};

#[expect(clippy::as_conversions, reason = "at most 16 bits by construction, and computed by the compiler")]
const fn a_law(byte: usize) -> i16 {
    // Even bits travel inverted; the sign bit is 1 for positive samples.
    let code = byte ^ 0x55;
    let (segment, step) = ((code >> 4) & 7, (code & 15) as i32);
    let magnitude = if segment == 0 { step * 16 + 8 } else { (step * 16 + 264) << (segment - 1) };
    (if code & 0x80 == 0 { -magnitude } else { magnitude }) as i16
}

#[expect(clippy::as_conversions, reason = "at most 16 bits by construction, and computed by the compiler")]
const fn mu_law(byte: usize) -> i16 {
    // All bits travel inverted; the bias of 132 makes every segment twice the one before.
    let code = !byte & 0xFF;
    let (segment, step) = ((code >> 4) & 7, (code & 15) as i32);
    let magnitude = ((step * 8 + 132) << segment) - 132;
    (if code & 0x80 == 0 { magnitude } else { -magnitude }) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_give_the_values_of_the_recommendation() {
        for (byte, expected) in [(0xFF, 0), (0x7F, 0), (0x00, -32_124), (0x80, 32_124), (0xFE, 8), (0x7E, -8)] {
            assert_eq!(MU_LAW[byte], expected, "mu-law {byte:#x}");
        }
        for (byte, expected) in [(0xD5, 8), (0x55, -8), (0xAA, 32_256), (0x2A, -32_256), (0xD4, 24), (0x80, 5_504)] {
            assert_eq!(A_LAW[byte], expected, "A-law {byte:#x}");
        }
    }
}
