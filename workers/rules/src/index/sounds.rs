//! Where parts of phrases may stand, by how they sound.

use super::Role;
use super::table::{Anchor, Table, mark, mix};
use crate::passage::Passage;
use crate::phrase::Cell;
use crate::sound::{SYLLABLES, Syllable, readings};
use crate::term::Homophones;

/// Parts are looked up by the sound of so many characters that follow one another.
const ANCHOR_CHARS: usize = 3;

/// Parts by the sound of three of their characters.
pub(super) struct Sounds {
    /// What two syllables are to the anchors: most positions of a text end here.
    pairs: Pairs,
    anchors: Table,
    merged: Vec<Syllable>,
}

/// Collects the parts.
#[derive(Default)]
pub(super) struct Filling {
    anchors: Vec<Anchor>,
    pairs: Pairs,
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
        let merged = &self.merged;
        let heard = |syllable: Syllable| merged.get(usize::from(syllable)).copied().unwrap_or(syllable);
        for &second in second {
            third.iter().for_each(|&third| self.pairs.add(heard(second), heard(third), Pairs::LAST));
        }
        for &first in first {
            for &second in second {
                self.pairs.add(heard(first), heard(second), Pairs::FIRST);
                let pair = pair(heard(first), heard(second));
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
        Sounds { pairs: self.pairs, anchors: Table::new(&self.anchors), merged: self.merged }
    }
}

/// For every two syllables, whether some anchor begins or ends with them: two bits for each, 64 KB.
#[derive(Default)]
struct Pairs(Vec<u64>);

impl Pairs {
    const FIRST: u64 = 1;
    const LAST: u64 = 2;
    /// Two syllables in a number of 64 bits.
    const EACH: usize = 32;

    fn add(&mut self, first: Syllable, second: Syllable, what: u64) {
        if self.0.is_empty() {
            self.0 = vec![0; SYLLABLES * SYLLABLES / Self::EACH];
        }
        let at = usize::from(first) * SYLLABLES + usize::from(second);
        self.0[at / Self::EACH] |= what << (at % Self::EACH * 2);
    }

    #[inline]
    fn get(&self, first: Syllable, second: Syllable) -> u64 {
        let at = usize::from(first) * SYLLABLES + usize::from(second);
        self.0[at / Self::EACH] >> (at % Self::EACH * 2) & 0b11
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
        // Whether some anchor begins with the last two.
        let mut may_begin = false;
        for (at, (&c, mark)) in passage.chars.iter().zip(passage.marks()).enumerate() {
            let is_word = mark.is_letter() && !c.is_ascii_digit();
            heard = [heard[1], heard[2], if is_word { &[] } else { readings(c) }];
            let [first, second, third] = heard;
            let mut two = 0;
            for &second in second {
                for &third in third {
                    two |= self.pairs.get(as_heard(second), as_heard(third));
                }
            }
            let may_be_here = may_begin && two & Pairs::LAST != 0;
            may_begin = two & Pairs::FIRST != 0;
            if !may_be_here {
                continue;
            }
            for (&first, &second) in first.iter().flat_map(|first| second.iter().map(move |second| (first, second))) {
                let (first, second) = (as_heard(first), as_heard(second));
                if self.pairs.get(first, second) & Pairs::FIRST == 0 {
                    continue;
                }
                let pair = pair(first, second);
                for third in third.iter().map(|third| as_heard(*third)) {
                    if self.pairs.get(second, third) & Pairs::LAST == 0 {
                        continue;
                    }
                    let found = |part, place| {
                        if let Some(start) = (at + 1 - ANCHOR_CHARS).checked_sub(place) {
                            found(part, start);
                        }
                    };
                    self.anchors.find(mix(pair, u64::from(third)), || [None; 2], found);
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
