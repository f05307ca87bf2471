//! Where parts of phrases may stand, by how they sound.
//!
//! A character has one reading or two, seldom more, and three in a row have many ways to be read: what may stand before
//! and behind two syllables is noted in one number, so that most places end at a few look-ups without a branch.

use super::anchors::{Anchor, AnchorTable};
use super::bloom::mix;
use crate::folding::passage::Passage;
use crate::numbers::wide;
use crate::phrase::cell::Cell;
use crate::sound::glances::{Glance, Glances, SyllableBits, beside};
use crate::sound::pairs::{Pairs, behind, in_front};
use crate::sound::readings::{SYLLABLES, Syllable, readings};
use crate::terms::hit::Role;
use crate::terms::matching::Homophones;

/// Parts are looked up by the sound of so many characters that follow one another.
const ANCHOR_CHARS: usize = 3;

/// Parts by the sound of three of their characters.
pub(super) struct Sounds {
    /// What stands beside two syllables in the anchors: most positions of a text end here.
    pairs: Option<Pairs>,
    anchors: AnchorTable,
    /// What each syllable is heard as; empty: as itself.
    merged: Vec<Syllable>,
}

/// Collects the parts.
pub(super) struct SoundsBuilder {
    anchors: Vec<Anchor>,
    pairs: Option<Pairs>,
    merged: Vec<Syllable>,
    /// How often each syllable is in the parts: about as often as elsewhere.
    counts: Vec<u32>,
}

impl SoundsBuilder {
    /// Of parts as they sound to ears that hear each syllable as `merged` says; empty: as itself.
    pub(super) fn new(merged: Vec<Syllable>) -> Self {
        Self { anchors: Vec::new(), pairs: None, merged, counts: vec![0; SYLLABLES] }
    }

    fn heard(&self, syllable: Syllable) -> Syllable {
        self.merged.get(usize::from(syllable)).copied().unwrap_or(syllable)
    }

    /// Notes the sounds of `part`; all parts, before any is added.
    pub(super) fn count(&mut self, part: &[Cell]) {
        for &reading in part.iter().flat_map(|cell| readings(cell.char())) {
            let heard = self.heard(reading);
            self.counts[usize::from(heard)] += 1;
        }
    }

    /// Adds `part`, unless it is too short for its role or in another script.
    pub(super) fn add(&mut self, number: u32, part: &[Cell], role: Role, homophones: Homophones) {
        let least = homophones.least_chars(role == Role::Find);
        if part.len() < least || part.iter().any(|cell| cell.is_letter()) {
            return;
        }
        // How often a character sounds like this one: not at all for what has no reading. That sounds like itself
        // alone, which is not asked for here.
        let count = |at: usize| {
            let counts = readings(part[at].char()).iter().map(|&reading| self.counts[usize::from(self.heard(reading))]);
            counts.map(u64::from).sum::<u64>()
        };
        let last = (part.len() - ANCHOR_CHARS).min(usize::from(u8::MAX));
        let places = (0..=last).map(|at| ((at..at + ANCHOR_CHARS).map(count).fold(1, u64::saturating_mul), at));
        let Some((_, at)) = places.filter(|(count, _)| *count > 0).min() else { return };
        self.pairs = self.pairs.take().or_else(Pairs::new);
        let of = |at: usize| part.get(at).map_or(&[][..], |cell| readings(cell.char()));
        let all = |readings: &[Syllable]| readings.iter().fold(0, |all, &reading| all | beside(self.heard(reading)));
        let [first, second, third] = [at, at + 1, at + 2].map(of);
        let outside = [at.checked_sub(1), Some(at + ANCHOR_CHARS)].map(|at| mark(at.map_or(0, |at| all(of(at)))));
        let (before, after) = (in_front(all(first)), behind(all(third)));
        let merged = &self.merged;
        let heard = |syllable: &Syllable| merged.get(usize::from(*syllable)).copied().unwrap_or(*syllable);
        let Some(pairs) = self.pairs.as_mut() else { return };
        for second in second.iter().map(heard) {
            third.iter().map(heard).for_each(|third| pairs.add(second, third, before));
            for first in first.iter().map(heard) {
                pairs.add(first, second, after);
                let two = pair(first, second);
                self.anchors.extend(third.iter().map(heard).map(|third| Anchor {
                    hash: mix(two, u64::from(third)),
                    part: number,
                    at: u8::try_from(at).unwrap_or(u8::MAX),
                    beside: outside,
                }));
            }
        }
    }

    pub(super) fn finish(self) -> Sounds {
        Sounds { pairs: self.pairs, anchors: AnchorTable::new(self.anchors), merged: self.merged }
    }
}

/// The bits of [`beside`] in fewer; of none, what goes with any.
fn mark(beside: SyllableBits) -> u8 {
    let [low, high] = beside.to_le_bytes();
    low | high
}

impl Sounds {
    /// Calls `found` with number and beginning of every part that sounds like what stands in `passage`, of some that
    /// do not, and of some more than once.
    pub(super) fn scan(&self, passage: &Passage, found: impl FnMut(u32, usize)) {
        let Some(pairs) = &self.pairs else { return };
        if self.merged.is_empty() {
            self.scan_as(pairs, passage, |syllable| syllable, |voiced, _| voiced.beside, found);
        } else {
            let heard = |syllable| self.merged.get(usize::from(syllable)).copied().unwrap_or(syllable);
            let all = |_, c| readings(c).iter().fold(0, |all, &reading| all | beside(heard(reading)));
            self.scan_as(pairs, passage, heard, all, found);
        }
    }

    #[inline]
    fn scan_as(
        &self,
        pairs: &Pairs,
        passage: &Passage,
        heard: impl Fn(Syllable) -> Syllable,
        beside: impl Fn(Glance, char) -> SyllableBits,
        mut found: impl FnMut(u32, usize),
    ) {
        let glances = Glances::new();
        let chars = passage.chars.as_slice();
        let runs = passage.runs();
        let ends = runs.iter().skip(1).map(|run| wide(run.first)).chain([chars.len()]);
        let mut last = Heard::NOTHING;
        for (run, end) in runs.iter().zip(ends) {
            let first = wide(run.first);
            // Of what stands in words only digits have sounds of their own.
            if passage.is_letter(first) && !chars[first..end].iter().any(char::is_ascii_digit) {
                last = Heard::NOTHING;
                continue;
            }
            for (at, &c) in (first..).zip(&chars[first..end]) {
                let here = glances.of(c);
                let (a, b) = (heard(last.voiced.first), heard(last.voiced.second));
                let (y, z) = (heard(here.first), heard(here.second));
                let mut pair = pairs.get(a, y) | pairs.get(a, z) | pairs.get(b, y) | pairs.get(b, z);
                if last.voiced.has_more | here.has_more {
                    pair = either(pairs, last.c, c, &heard);
                }
                let beside = beside(here, c);
                if (last.pair & behind(beside) != 0) & (pair & in_front(last.before) != 0) {
                    self.look_up(pairs, chars, at + 1 - ANCHOR_CHARS, &heard, &mut found);
                }
                last = Heard { c, voiced: here, beside, before: last.beside, pair };
            }
        }
    }

    /// Looks up three characters from `at` on.
    #[cold]
    fn look_up(
        &self,
        pairs: &Pairs,
        chars: &[char],
        at: usize,
        heard: impl Fn(Syllable) -> Syllable,
        found: &mut impl FnMut(u32, usize),
    ) {
        let of = |at: usize| chars.get(at).map_or(&[][..], |c| readings(*c));
        let all = |readings: &[Syllable]| readings.iter().fold(0, |all, &reading| all | beside(heard(reading)));
        let outside = || [at.checked_sub(1), Some(at + ANCHOR_CHARS)].map(|at| mark(at.map_or(0, |at| all(of(at)))));
        let [first, second, third] = [at, at + 1, at + 2].map(of);
        let (before, after) = (in_front(all(first)), behind(all(third)));
        for second in second.iter().map(|second| heard(*second)) {
            let closed = third.iter().fold(0, |closed, third| closed | pairs.get(second, heard(*third)));
            if closed & before == 0 {
                continue;
            }
            for first in first.iter().map(|first| heard(*first)) {
                let before = in_front(beside(first));
                let opened = pairs.get(first, second);
                if (opened & after == 0) | (closed & before == 0) {
                    continue;
                }
                let two = pair(first, second);
                for third in third.iter().map(|third| heard(*third)) {
                    if (opened & behind(beside(third)) == 0) | (pairs.get(second, third) & before == 0) {
                        continue;
                    }
                    let fits = |wanted, there| wanted & there != 0;
                    self.anchors.find(mix(two, u64::from(third)), outside, fits, |part, place| {
                        if let Some(start) = at.checked_sub(place) {
                            found(part, start);
                        }
                    });
                }
            }
        }
    }
}

/// What stands beside two characters in all ways to read them.
fn either(pairs: &Pairs, first: char, second: char, heard: impl Fn(Syllable) -> Syllable) -> u32 {
    let seconds = readings(second);
    readings(first).iter().fold(0, |either, &first| {
        seconds.iter().fold(either, |either, &second| either | pairs.get(heard(first), heard(second)))
    })
}

/// A character of a text, as it matters to the next ones.
struct Heard {
    c: char,
    voiced: Glance,
    /// Its [`beside`], and that of the character before it.
    beside: SyllableBits,
    before: SyllableBits,
    /// What stands beside it and the character before it.
    pair: u32,
}

impl Heard {
    const NOTHING: Self = Self { c: '\0', voiced: Glance::NONE, beside: 0, before: 0, pair: 0 };
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
