//! Stretches of parts by their hash, which the parts are looked up by: a bit says for most of a text that none is there.

use super::bloom::{Bloom, log2};

use crate::numbers::{low, wide};

const MAX_BUCKETS: u32 = 24;
/// Which of its bytes, the lowest first.
const TAG_BYTE: usize = 3;

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
pub(super) struct AnchorTable {
    bits: Bloom,
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

impl AnchorTable {
    pub(super) fn new(anchors: Vec<Anchor>) -> Self {
        let buckets = log2(anchors.len()).clamp(1, MAX_BUCKETS);
        let shift = 64 - buckets;
        let mut bits = Bloom::new(anchors.len());
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
