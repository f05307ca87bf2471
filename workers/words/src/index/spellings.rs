//! Where parts of phrases may stand, by how they are written.
//!
//! A part with Chinese characters or the like is looked up by its rarest three neighbouring ones, or by two where it has
//! no more, a part in Latin script by its rarest word. What is found may stand there; whether it does is for the caller to see.

use std::cmp::Ordering;
use std::ops::Range;

use super::anchors::{ANY, Anchor, AnchorTable, mark};
use super::bloom::{Bloom, mix};
use super::gate::{Gate, Opened};
use crate::folding::passage::{Joint, Passage};
use crate::folding::word_hash::WordHash;
use crate::numbers::{low, wide};
use crate::phrase::cell::{Cell, SPLITTABLE_LETTERS};

/// A word of so few letters is in every other sentence.
const COMMON_LETTERS: usize = 4;
const COMMON_COST: u32 = 1 << 16;
/// Most characters are letters, and a word of them is counted once.
const CHARACTERS_PER_COUNT: usize = 2;
const MIN_COUNTS: usize = 1 << 8;
const MAX_COUNTS: usize = 1 << 20;

/// Where parts may stand.
pub(super) struct Spellings {
    /// Parts of one character that stands by itself.
    singles: AnchorTable,
    /// Which two characters are an anchor or begin one: most positions of a text end here.
    gate: Gate,
    /// Parts by a pair of such characters.
    pairs: AnchorTable,
    /// Parts by three of them.
    triples: AnchorTable,
    /// Parts by a whole word.
    words: AnchorTable,
    /// What the words begin with that a text may have in pieces, from [`SPLITTABLE_LETTERS`] letters on.
    openings: Bloom,
    /// The same of their first letters alone: small, and where most words of a text end.
    beginnings: Bloom,
    has_openings: bool,
}

/// A stretch of a part that a text has in one piece, or in pieces if it is a long word.
#[derive(Clone, Copy)]
struct Stretch {
    at: usize,
    characters: usize,
    is_word: bool,
    hash: u64,
}

impl Spellings {
    /// Of the parts, with their numbers, that `all` gives each time it is called.
    pub(super) fn new<'a, I: Iterator<Item = (u32, &'a [Cell])>>(all: impl Fn() -> I) -> Self {
        let counts = Counts::of(all().map(|(_, part)| part), all().map(|(_, part)| part.len()).sum());
        let (mut singles, mut pairs, mut triples, mut words) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        // Many words begin alike.
        let mut openings = Bloom::new(counts.openings / 2);
        let mut beginnings = Bloom::new(counts.long);
        let mut gate = Gate::new(counts.wordless);
        for (number, part) in all() {
            let anchor = |hash, at: usize, end: usize| {
                let before = at.checked_sub(1).map(|before| part[before].char());
                let beside = [mark(before), mark(part.get(end).map(|cell| cell.char()))];
                Anchor { hash, part: number, at: u8::try_from(at).unwrap_or(u8::MAX), beside }
            };
            let Some(rarest) = counts.rarest(part) else {
                singles.extend(part.first().map(|cell| anchor(mix(0, u64::from(cell.char())), 0, 1)));
                continue;
            };
            let found = anchor(rarest.hash, rarest.at, rarest.at + rarest.characters);
            if !rarest.is_word {
                let two = pair(part[rarest.at].char(), part[rarest.at + 1].char());
                if rarest.characters == 2 {
                    gate.add_two(two);
                    pairs.push(found);
                } else {
                    gate.add_three(two, pair(part[rarest.at + 1].char(), part[rarest.at + 2].char()));
                    triples.push(found);
                }
                continue;
            }
            words.push(found);
            if rarest.characters >= SPLITTABLE_LETTERS {
                let word = &part[rarest.at..rarest.at + rarest.characters];
                let mut so_far = WordHash::default();
                for (letters, cell) in (1..).zip(word) {
                    so_far = so_far.with(cell.char());
                    match letters.cmp(&SPLITTABLE_LETTERS) {
                        Ordering::Less => {}
                        Ordering::Equal => beginnings.add(hash(so_far)),
                        Ordering::Greater => openings.add(hash(so_far)),
                    }
                }
                continue;
            }
            // A short word with hyphens may be split there, and is looked up by what stands before as well.
            let word = &part[rarest.at..rarest.at + rarest.characters];
            let loose = (1..word.len()).filter(|&i| word[i].is_loose());
            words.extend(loose.map(|i| anchor(hash_of_word(&word[..i]), rarest.at, rarest.at + i)));
        }
        let has_openings = counts.openings > 0;
        // The tables take the room of the counts.
        drop(counts);
        Self {
            singles: AnchorTable::new(singles),
            gate,
            pairs: AnchorTable::new(pairs),
            triples: AnchorTable::new(triples),
            words: AnchorTable::new(words),
            openings,
            beginnings,
            has_openings,
        }
    }

    /// Calls `found` with number and beginning of every part that stands in `passage`, and of some that do not.
    pub(super) fn scan(&self, passage: &Passage, mut found: impl FnMut(u32, usize)) {
        let (chars, marks) = (passage.chars.as_slice(), passage.marks());
        let runs = passage.runs();
        let ends = runs.iter().skip(1).map(|run| wide(run.first)).chain([chars.len()]);
        // The character before, what begins with the two before, and where the word begins.
        let (mut last, mut opened, mut begin) = ('\0', Opened::NOTHING, 0);
        let mut word = WordHash::default();
        for (run, end) in runs.iter().zip(ends) {
            let first = wide(run.first);
            if !marks[first].is_letter() {
                for (at, &c) in (first..).zip(&chars[first..end]) {
                    let two = pair(last, c);
                    let (opens, may_be_here) = self.gate.pass(opened, two);
                    if may_be_here {
                        self.few(chars, at, two, &mut found);
                    }
                    (last, opened) = (c, opens);
                }
                if !self.singles.is_empty() {
                    self.single(chars, first..end, &mut found);
                }
                continue;
            }
            (last, opened) = ('\0', Opened::NOTHING);
            if !marks[first].is_inside_word() {
                begin = first;
                if self.has_openings && self.may_open(&chars[first..]) {
                    self.pieces(passage, first, &mut found);
                }
            } else if chars[first] == 's' && is_genitive(passage, first) {
                self.look_up(chars, word, begin..first, &mut found);
            }
            word = run.word;
            if !passage.is_inside_word(end) {
                self.look_up(chars, word, begin..end, &mut found);
            }
        }
    }

    /// Looks up the two and the three characters that end at `at`.
    #[cold]
    fn few(&self, chars: &[char], at: usize, two: u64, found: &mut impl FnMut(u32, usize)) {
        let beside =
            |from: usize| [from.checked_sub(1), Some(at + 1)].map(|at| mark(at.and_then(|at| chars.get(at)).copied()));
        if let Some(from) = at.checked_sub(1) {
            self.pairs.find(two, || beside(from), is_same, |part, place| candidate(part, from, place, found));
        }
        if let Some(from) = at.checked_sub(2) {
            let three = triple(pair(chars[from], chars[from + 1]), chars[at]);
            self.triples.find(three, || beside(from), is_same, |part, place| candidate(part, from, place, found));
        }
    }

    #[cold]
    fn single(&self, chars: &[char], range: Range<usize>, found: &mut impl FnMut(u32, usize)) {
        for at in range {
            self.singles.find(mix(0, u64::from(chars[at])), || [ANY; 2], is_same, |part, _| found(part, at));
        }
    }

    /// Looks up the letters `word`, which stand at `range`.
    #[inline]
    fn look_up(&self, chars: &[char], word: WordHash, range: Range<usize>, found: &mut impl FnMut(u32, usize)) {
        let beside =
            || [range.start.checked_sub(1), Some(range.end)].map(|at| mark(at.and_then(|at| chars.get(at)).copied()));
        self.words.find(hash(word), beside, is_same, |part, place| candidate(part, range.start, place, found));
    }

    /// Whether some word that a text may have in pieces begins with the first of `letters`.
    #[inline]
    fn may_open(&self, letters: &[char]) -> bool {
        letters
            .first_chunk::<SPLITTABLE_LETTERS>()
            .is_some_and(|first| self.beginnings.has(hash(WordHash::of(first.iter().copied()))))
    }

    /// Looks up the word that begins at `start` together with the words behind it, as long as some long word goes on
    /// so: it may be heard in pieces.
    #[cold]
    fn pieces(&self, passage: &Passage, start: usize, found: &mut impl FnMut(u32, usize)) {
        let chars = passage.chars.as_slice();
        let mut word = WordHash::default();
        let mut is_first = true;
        for at in start..=chars.len() {
            let letters = at - start;
            let is_inside = at == start || passage.is_inside_word(at);
            let goes_on = is_inside || passage.is_letter(at) && passage.joint(at) < Joint::Pause;
            let may_end = !is_inside || is_genitive(passage, at);
            // The first by itself is looked up anyway.
            if !is_first && may_end && letters >= SPLITTABLE_LETTERS {
                self.look_up(chars, word, start..at, found);
            }
            if !goes_on {
                break;
            }
            is_first &= is_inside;
            word = word.with(chars[at]);
            let some = match (letters + 1).cmp(&SPLITTABLE_LETTERS) {
                Ordering::Less => continue,
                Ordering::Equal => &self.beginnings,
                Ordering::Greater => &self.openings,
            };
            if !some.has(hash(word)) {
                break;
            }
        }
    }
}

/// Whether `at` is the s of `idiot's`, which holds the word `idiot`.
fn is_genitive(passage: &Passage, at: usize) -> bool {
    passage.chars.get(at) == Some(&'s')
        && passage.joint(at) == Joint::Apostrophe
        && passage.joint(at + 1) >= Joint::Split
}

fn is_same(wanted: u8, there: u8) -> bool {
    wanted == there
}

/// An anchor stands at `at`, `place` characters from the beginning of its part.
#[inline]
fn candidate(part: u32, at: usize, place: usize, found: &mut impl FnMut(u32, usize)) {
    if let Some(start) = at.checked_sub(place) {
        found(part, start);
    }
}

/// The hash of two characters that stand side by side.
pub(crate) fn pair(first: char, second: char) -> u64 {
    mix(0, u64::from(first) << 21 | u64::from(second))
}

/// The hash of three characters, the first two by theirs.
pub(crate) fn triple(two: u64, third: char) -> u64 {
    mix(two, u64::from(third))
}

/// The hash of a word.
#[inline]
fn hash(word: WordHash) -> u64 {
    mix(0, word.number())
}

fn hash_of_word(word: &[Cell]) -> u64 {
    hash(WordHash::of(word.iter().map(|cell| cell.char())))
}

/// The stretches by which `part` can be looked up; none of a single character that stands by itself.
fn stretches(part: &[Cell], mut each: impl FnMut(Stretch)) {
    let mut at = 0;
    while at < part.len() {
        let begin = at;
        let is_word = part[begin].is_letter();
        at += 1;
        while at < part.len() && part[at].is_letter() == is_word && !(is_word && part[at].is_apart()) {
            at += 1;
        }
        let run = &part[begin..at];
        if is_word {
            each(Stretch { at: begin, characters: run.len(), is_word, hash: hash_of_word(run) });
        } else if let [first, second] = run {
            each(Stretch { at: begin, characters: 2, is_word, hash: pair(first.char(), second.char()) });
        } else {
            for (offset, three) in run.windows(3).enumerate() {
                let hash = triple(pair(three[0].char(), three[1].char()), three[2].char());
                each(Stretch { at: begin + offset, characters: 3, is_word, hash });
            }
        }
    }
}

/// How often each stretch occurs in the parts, or more.
struct Counts {
    counts: Vec<u16>,
    /// Parts with characters that stand by themselves, two or more together.
    wordless: usize,
    /// Words that a text may have in pieces.
    long: usize,
    /// What they begin with.
    openings: usize,
}

impl Counts {
    fn of<'a>(parts: impl Iterator<Item = &'a [Cell]>, characters: usize) -> Self {
        let size = (characters / CHARACTERS_PER_COUNT).next_power_of_two().clamp(MIN_COUNTS, MAX_COUNTS);
        let mut counts = Self { counts: vec![0; size], wordless: 0, long: 0, openings: 0 };
        for part in parts {
            let mut has_wordless = false;
            stretches(part, |stretch| {
                has_wordless |= !stretch.is_word;
                let count = counts.slot(stretch.hash);
                counts.counts[count] = counts.counts[count].saturating_add(1);
                if stretch.is_word && stretch.characters >= SPLITTABLE_LETTERS {
                    counts.long += 1;
                    counts.openings += stretch.characters + 1 - SPLITTABLE_LETTERS;
                }
            });
            counts.wordless += usize::from(has_wordless);
        }
        counts
    }

    fn slot(&self, hash: u64) -> usize {
        low(hash >> 32) & (self.counts.len() - 1)
    }

    /// The stretch of `part` that is in the fewest parts, long words before short ones.
    fn rarest(&self, part: &[Cell]) -> Option<Stretch> {
        let mut rarest: Option<(u32, Stretch)> = None;
        stretches(part, |stretch| {
            let is_common = stretch.is_word && stretch.characters < COMMON_LETTERS;
            let cost = u32::from(self.counts[self.slot(stretch.hash)]) + if is_common { COMMON_COST } else { 0 };
            if rarest.is_none_or(|(least, _)| cost < least) {
                rarest = Some((cost, stretch));
            }
        });
        rarest.map(|(_, stretch)| stretch)
    }
}
