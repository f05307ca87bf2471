//! The first look at two characters: whether anything can begin or end with them.

use super::bloom::{Bloom, two_bits};

/// For every two characters, whether an anchor is these two, and which other two, of which the first is the second of
/// these, follow in an anchor of three: one look-up tells both, and some strangers pass.
pub(super) struct Gate(Bloom);

/// What begins with two characters: bits of the pairs that do.
#[derive(Clone, Copy)]
pub(super) struct Opened(u64);

impl Opened {
    pub(super) const NOTHING: Self = Self(0);
}

impl Gate {
    /// Room for so many anchors.
    pub(super) fn new(anchors: usize) -> Self {
        Self(Bloom::new(anchors))
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
