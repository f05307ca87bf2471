//! Hashes, and sets of them that take a few bits for each.

use crate::numbers::low;

/// An odd number without a pattern: 2^64 divided by the golden ratio.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
/// Bits of a set for each member: one in so many strangers is taken for a member.
const BITS_PER_MEMBER: usize = 16;
const MIN_BITS: u32 = 7;
/// 16 MiB: beyond it more strangers are looked at.
const MAX_BITS: u32 = 27;
const FIRST_BIT_SHIFT: u32 = 36;
const SECOND_BIT_SHIFT: u32 = 30;

/// The hash of `before` (by hash, 0: nothing) and `next` behind it.
#[inline]
pub(crate) fn mix(before: u64, next: u64) -> u64 {
    (before.rotate_left(5) ^ next).wrapping_mul(MIX)
}

/// A Bloom filter: a set of hashes that never denies a member and seldom takes a stranger for one.
#[derive(Default)]
pub(crate) struct Bloom {
    pub(super) words: Vec<u64>,
    shift: u32,
}

impl Bloom {
    /// Room for so many.
    pub(crate) fn new(members: usize) -> Self {
        let bits = log2(members.saturating_mul(BITS_PER_MEMBER)).clamp(MIN_BITS, MAX_BITS);
        Self { words: vec![0; 1 << (bits - 6)], shift: 64 + 6 - bits }
    }

    pub(crate) fn add(&mut self, hash: u64) {
        let word = self.word(hash);
        self.words[word] |= two_bits(hash);
    }

    #[inline]
    pub(crate) fn has(&self, hash: u64) -> bool {
        let bits = two_bits(hash);
        self.words[self.word(hash)] & bits == bits
    }

    #[inline]
    pub(super) fn word(&self, hash: u64) -> usize {
        low(hash >> self.shift)
    }
}

/// Two bits of one word stand for a member.
#[inline]
pub(super) fn two_bits(hash: u64) -> u64 {
    let bit = |shift: u32| 1_u64 << (hash >> shift & 63);
    bit(FIRST_BIT_SHIFT) | bit(SECOND_BIT_SHIFT)
}

/// The power of two that is not below `number`.
pub(super) fn log2(number: usize) -> u32 {
    number.max(1).next_power_of_two().trailing_zeros()
}
