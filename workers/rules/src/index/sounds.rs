//! Where parts of phrases may stand, by how they sound.

use super::Role;
use super::table::{Anchor, Bits, Table, mark, mix};
use crate::passage::Passage;
use crate::phrase::Cell;
use crate::sound::{Syllable, readings};
use crate::term::Homophones;

/// Parts are looked up by the sound of so many characters that follow one another.
const ANCHOR_CHARS: usize = 3;

/// Parts by the sound of three of their characters.
pub(super) struct Sounds {
    /// The first two syllables: most positions of a text end here.
    pairs: Bits,
    anchors: Table,
    merged: Vec<Syllable>,
}

/// Collects the parts.
#[derive(Default)]
pub(super) struct Filling {
    anchors: Vec<Anchor>,
    pairs: Vec<u64>,
    /// What each syllable is heard as; empty: as itself.
    merged: Vec<Syllable>,
}

impl Filling {
    /// Of parts as they sound to ears that hear each syllable as `merged` says.
    pub(super) fn merging(merged: Vec<Syllable>) -> Self {
        Self { merged, ..Self::default() }
    }

    /// Adds `part`, unless it is too short for its role or in another script.
    pub(super) fn add(&mut self, number: u32, part: &[Cell], role: Role, homophones: Homophones) {
        let least = homophones.least_chars(role == Role::Find);
        if part.len() < least || part.iter().any(|cell| cell.is_letter()) {
            return;
        }
        // There where the fewest ways to read it have to be put down.
        let ways = |at: usize| -> usize {
            part[at..at + ANCHOR_CHARS].iter().map(|cell| readings(cell.char()).len()).product()
        };
        let last = (part.len() - ANCHOR_CHARS).min(usize::from(u8::MAX));
        // What has no reading sounds like itself alone, which is not asked for here.
        let Some(at) = (0..=last).filter(|&at| ways(at) > 0).min_by_key(|&at| ways(at)) else { return };
        let [first, second, third] = [0, 1, 2].map(|i| readings(part[at + i].char()));
        let heard = |syllable: Syllable| self.merged.get(usize::from(syllable)).copied().unwrap_or(syllable);
        for &first in first {
            for &second in second {
                let pair = pair(heard(first), heard(second));
                self.pairs.push(pair);
                let place = u8::try_from(at).unwrap_or(u8::MAX);
                self.anchors.extend(third.iter().map(|&third| Anchor {
                    hash: mix(pair, u64::from(heard(third))),
                    part: number,
                    at: place,
                    // Of another spelling nothing is known but the sound.
                    beside: [mark(None); 2],
                }));
            }
        }
    }

    pub(super) fn finish(self) -> Sounds {
        let mut pairs = Bits::new(self.pairs.len());
        for pair in self.pairs {
            pairs.add(pair);
        }
        Sounds { pairs, anchors: Table::new(&self.anchors), merged: self.merged }
    }
}

impl Sounds {
    /// Calls `found` with number and beginning of every part that sounds like what stands in `passage`, of some that
    /// do not, and of some more than once.
    pub(super) fn scan(&self, passage: &Passage, found: impl FnMut(u32, usize)) {
        if self.anchors.is_empty() {
            return;
        }
        match self.merged.is_empty() {
            true => self.scan_as(passage, |syllable| syllable, found),
            false => {
                let merged = |syllable| self.merged.get(usize::from(syllable)).copied().unwrap_or(syllable);
                self.scan_as(passage, merged, found);
            }
        }
    }

    #[inline]
    fn scan_as(&self, passage: &Passage, as_heard: impl Fn(Syllable) -> Syllable, mut found: impl FnMut(u32, usize)) {
        let mut heard: [&[Syllable]; ANCHOR_CHARS] = [&[]; ANCHOR_CHARS];
        for (at, &c) in passage.chars.iter().enumerate() {
            heard = [heard[1], heard[2], if c.is_ascii_alphabetic() { &[] } else { readings(c) }];
            let [first, second, third] = heard;
            if third.is_empty() || first.is_empty() {
                continue;
            }
            for &first in first {
                for &second in second {
                    let pair = pair(as_heard(first), as_heard(second));
                    if !self.pairs.has(pair) {
                        continue;
                    }
                    for &third in third {
                        self.anchors.find(
                            mix(pair, u64::from(as_heard(third))),
                            || [None; 2],
                            |part, place| {
                                if let Some(start) = (at + 1 - ANCHOR_CHARS).checked_sub(place) {
                                    found(part, start);
                                }
                            },
                        );
                    }
                }
            }
        }
    }
}

/// Whether what stands at `start` of `passage` sounds like `part`, as `is_alike` says of two characters, and is written
/// otherwise.
pub(super) fn is_heard_at(
    part: &[Cell],
    passage: &Passage,
    start: usize,
    is_alike: impl Fn(char, char) -> bool,
) -> bool {
    let end = start + part.len();
    let Some(heard) = passage.chars.get(start..end) else { return false };
    let mut is_other = false;
    let is_heard = heard.iter().zip(part).all(|(&heard, cell)| {
        let said = cell.char();
        is_other |= heard != said;
        heard == said || is_alike(heard, said)
    });
    // Digits are words with edges: 1 is not in 12.
    is_heard && is_other && passage.begins_word(start) && passage.ends_word(end)
}

fn pair(first: Syllable, second: Syllable) -> u64 {
    mix(1, u64::from(first) << 16 | u64::from(second))
}
