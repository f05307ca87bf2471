//! Which phrases a list has, by their hashes.

use crate::numbers::{low, small, wide};

/// Numbers of phrases by their hashes. Memory is what filling it waits for: a few bits say that most phrases are new,
/// and those are entered many at once, so that it waits for many at once.
pub(super) struct KnownPhrases {
    /// Numbers of phrases, or [`FREE`]. A power of two, at most half full.
    slots: Vec<u32>,
    /// Set for the hash of each phrase, [`BITS_PER_SLOT`] times as many as there are slots.
    bits: Vec<u64>,
    /// How many phrases.
    len: usize,
    /// The hashes of the last phrases, which have no slots yet.
    waiting: Vec<u64>,
}

/// Not zero: a page of memory that comes as zeros costs twice, when it is first read and when it is first written.
const FREE: u32 = u32::MAX;
const MIN_SLOTS: usize = 64;
const BITS_PER_SLOT: usize = 4;

impl KnownPhrases {
    pub(super) fn new() -> Self {
        let mut made = Self { slots: Vec::new(), bits: Vec::new(), len: 0, waiting: Vec::new() };
        made.set_size(MIN_SLOTS);
        made
    }

    /// Makes room for `more` phrases; `hash_of` gives the hash of each that is there.
    pub(super) fn reserve(&mut self, more: usize, hash_of: impl Fn(usize) -> u64) {
        let wanted = (self.len + more) * 2;
        if wanted > self.slots.len() {
            self.set_size(wanted.next_power_of_two());
            self.waiting = (0..self.len).map(hash_of).collect();
            for at in 0..self.len {
                let (word, bit) = self.bit(self.waiting[at]);
                self.bits[word] |= bit;
            }
            self.enter();
        }
    }

    /// Adds the phrase with `hash` under the next number, unless one is there that `is_same`; gives whether it did.
    /// There must be room.
    pub(super) fn add(&mut self, hash: u64, is_same: impl Fn(usize) -> bool) -> bool {
        let (word, bit) = self.bit(hash);
        if self.bits[word] & bit != 0 {
            self.enter();
            let mut slot = self.slot(hash);
            while self.slots[slot] != FREE {
                if is_same(wide(self.slots[slot])) {
                    return false;
                }
                slot = (slot + 1) & (self.slots.len() - 1);
            }
        }
        self.bits[word] |= bit;
        self.waiting.push(hash);
        self.len += 1;
        true
    }

    /// Gives slots to those that wait.
    fn enter(&mut self) {
        let mask = self.slots.len() - 1;
        let first = self.len - self.waiting.len();
        for (number, hash) in (first..).zip(&self.waiting) {
            let mut slot = self.slot(*hash);
            while self.slots[slot] != FREE {
                slot = (slot + 1) & mask;
            }
            self.slots[slot] = small(number);
        }
        self.waiting.clear();
    }

    fn set_size(&mut self, slots: usize) {
        self.slots = vec![FREE; slots];
        self.bits = vec![0; slots * BITS_PER_SLOT / 64];
    }

    fn slot(&self, hash: u64) -> usize {
        low(hash >> 32) & (self.slots.len() - 1)
    }

    fn bit(&self, hash: u64) -> (usize, u64) {
        (low(hash >> 38) & (self.bits.len() - 1), 1 << (hash >> 32 & 63))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phrase_is_added_once_whatever_its_hash_and_however_the_room_grows() {
        // Eight neighbours share a hash, and every phrase comes three times.
        let hash_of = |phrase: usize| u64::try_from(phrase / 8).unwrap().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut phrases: Vec<usize> = Vec::new();
        let mut known = KnownPhrases::new();
        for phrase in [0..300, 100..700, 0..700].into_iter().flatten() {
            known.reserve(1, |number| hash_of(phrases[number]));
            let is_new = known.add(hash_of(phrase), |number| phrases[number] == phrase);
            assert_eq!(is_new, !phrases.contains(&phrase), "{phrase}");
            phrases.extend(is_new.then_some(phrase));
        }
        assert_eq!(phrases.len(), 700);
    }
}
