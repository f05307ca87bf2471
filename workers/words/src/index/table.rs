//! Anchors by their hash: a bit says for most of a text that nothing is there.

use crate::numbers::{low, wide};

/// An odd number without a pattern: 2^64 divided by the golden ratio.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
/// Bits of a set for each member: one in so many strangers is taken for a member.
const BITS_PER_MEMBER: usize = 16;
const MIN_BITS: u32 = 7;
/// 16 MiB: beyond it more strangers are looked at.
const MAX_BITS: u32 = 27;
const MAX_BUCKETS: u32 = 24;
/// Which of its bytes, the lowest first.
const TAG_BYTE: usize = 3;
const FIRST_BIT_SHIFT: u32 = 36;
const SECOND_BIT_SHIFT: u32 = 30;

/// The hash of `before` (by hash, 0: nothing) and `next` behind it.
#[inline]
pub(crate) fn mix(before: u64, next: u64) -> u64 {
    (before.rotate_left(5) ^ next).wrapping_mul(MIX)
}

/// A set of hashes that never denies a member and seldom takes a stranger for one.
#[derive(Default)]
pub(crate) struct Bits {
    words: Vec<u64>,
    shift: u32,
}

impl Bits {
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
    fn word(&self, hash: u64) -> usize {
        low(hash >> self.shift)
    }
}

/// Two bits of one word stand for a member.
#[inline]
fn two_bits(hash: u64) -> u64 {
    let bit = |shift: u32| 1_u64 << (hash >> shift & 63);
    bit(FIRST_BIT_SHIFT) | bit(SECOND_BIT_SHIFT)
}

/// For every two characters, whether an anchor is these two, and which other two, of which the first is the second of
/// these, follow in an anchor of three: one look-up tells both, and some strangers pass.
pub(super) struct Gate(Bits);

/// What begins with two characters: bits of the pairs that do.
#[derive(Clone, Copy)]
pub(super) struct Opened(u64);

impl Opened {
    pub(super) const NOTHING: Self = Self(0);
}

impl Gate {
    /// Room for so many anchors.
    pub(super) fn new(anchors: usize) -> Self {
        Self(Bits::new(anchors))
    }

    /// Adds an anchor of the two characters with this hash.
    pub(super) fn add_two(&mut self, two: u64) {
        self.0.add(two);
    }

    /// Adds an anchor of three: by the hashes of its first two and of its last two.
    pub(super) fn add_three(&mut self, first: u64, last: u64) {
        let word = self.0.word(first);
        self.0.words[word] |= two_bits(last);
    }

    /// What begins with the two of this hash, and whether they may be an anchor, or may end one that was `opened` by
    /// the first of them and the one before.
    #[inline]
    pub(super) fn pass(&self, opened: Opened, two: u64) -> (Opened, bool) {
        let opens = self.0.words[self.0.word(two)];
        let bits = two_bits(two);
        (Opened(opens), (opens & bits == bits) | (opened.0 & bits == bits))
    }
}

/// A stretch of a part by which the part is looked up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Anchor {
    pub(super) hash: u64,
    pub(super) part: u32,
    /// Where in the part the stretch begins, in characters.
    pub(super) at: u8,
    /// What is known of the character before it and of the one behind it; [`ANY`]: nothing.
    pub(super) beside: [u8; 2],
}

/// Any character, or none.
pub(super) const ANY: u8 = 0;

/// A few bits of `c`, of which most strangers have others; of none, what goes with any.
#[inline]
pub(super) fn mark(c: Option<char>) -> u8 {
    match c {
        Some(c) => u32::from(c).wrapping_mul(0x9e37_79b1).to_be_bytes()[0] | 1,
        None => ANY,
    }
}

/// Anchors by their hash.
pub(super) struct Table {
    bits: Bits,
    shift: u32,
    /// Where the entries of each bucket begin, and where the last ends.
    starts: Vec<u32>,
    entries: Vec<Entry>,
}

struct Entry {
    part: u32,
    at: u8,
    /// Further bits of the hash.
    tag: u8,
    beside: [u8; 2],
}

impl Table {
    pub(super) fn new(anchors: Vec<Anchor>) -> Self {
        let buckets = log2(anchors.len()).clamp(1, MAX_BUCKETS);
        let shift = 64 - buckets;
        let mut bits = Bits::new(anchors.len());
        // Counted one bucket further on, so that filling a bucket moves its count to where the next begins.
        let mut starts = vec![0_u32; (1 << buckets) + 2];
        for anchor in &anchors {
            bits.add(anchor.hash);
            starts[low(anchor.hash >> shift) + 2] += 1;
        }
        for bucket in 1..starts.len() {
            starts[bucket] += starts[bucket - 1];
        }
        let mut entries: Vec<Entry> =
            anchors.iter().map(|_| Entry { part: 0, at: 0, tag: 0, beside: [ANY; 2] }).collect();
        for anchor in anchors {
            let next = &mut starts[low(anchor.hash >> shift) + 1];
            entries[wide(*next)] =
                Entry { part: anchor.part, at: anchor.at, tag: tag(anchor.hash), beside: anchor.beside };
            *next += 1;
        }
        Self { bits, shift, starts, entries }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Calls `found` with part and place in it of every anchor with this hash that wants beside it what, as `fits` says,
    /// is there, and of a few others.
    #[inline]
    pub(super) fn find(
        &self,
        hash: u64,
        beside: impl Fn() -> [u8; 2],
        fits: impl Fn(u8, u8) -> bool,
        found: impl FnMut(u32, usize),
    ) {
        if self.bits.has(hash) {
            self.look_up(hash, beside(), fits, found);
        }
    }

    fn look_up(&self, hash: u64, beside: [u8; 2], fits: impl Fn(u8, u8) -> bool, mut found: impl FnMut(u32, usize)) {
        let bucket = low(hash >> self.shift);
        let tag = tag(hash);
        for entry in &self.entries[wide(self.starts[bucket])..wide(self.starts[bucket + 1])] {
            let mut both = entry.beside.into_iter().zip(beside);
            if entry.tag == tag && both.all(|(wanted, there)| wanted == ANY || fits(wanted, there)) {
                found(entry.part, usize::from(entry.at));
            }
        }
    }
}

fn tag(hash: u64) -> u8 {
    hash.to_le_bytes()[TAG_BYTE]
}

/// The power of two that is not below `number`.
fn log2(number: usize) -> u32 {
    number.max(1).next_power_of_two().trailing_zeros()
}
