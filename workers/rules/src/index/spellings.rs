//! Where parts of phrases may stand, by how they are written.
//!
//! A part with Chinese characters or the like is looked up by its rarest three neighbouring ones, or by two where it has
//! no more, a part in Latin script by its rarest word. What is found may stand there; whether it does is for the caller to see.

use std::cmp::Ordering;

use super::table::{Anchor, Bits, Table, mark, mix};
use crate::passage::{Joint, Passage};
use crate::phrase::{Cell, SPLITTABLE_LETTERS};

/// A word of so few letters is in every other sentence.
const COMMON_LETTERS: usize = 4;
const COMMON_COST: u32 = 1 << 16;
const MIN_COUNTS: usize = 1 << 8;
const MAX_COUNTS: usize = 1 << 20;

/// Where parts may stand.
pub(super) struct Spellings {
    /// Parts of one character that stands by itself.
    singles: Table,
    /// Parts by a pair of such characters.
    pairs: Table,
    /// Parts by three of them.
    triples: Table,
    /// Parts by a whole word.
    words: Table,
    /// What the words begin with that a text may have in pieces, from [`SPLITTABLE_LETTERS`] letters on.
    openings: Bits,
    /// The same of their first letters alone: small, and where most words of a text end.
    beginnings: Bits,
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
        let mut openings = Bits::new(counts.openings / 2);
        let mut beginnings = Bits::new(counts.long);
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
            let of_its_length = match rarest.characters {
                _ if rarest.is_word => &mut words,
                2 => &mut pairs,
                _ => &mut triples,
            };
            of_its_length.push(anchor(rarest.hash, rarest.at, rarest.at + rarest.characters));
            if !rarest.is_word {
                continue;
            }
            if rarest.characters >= SPLITTABLE_LETTERS {
                let word = &part[rarest.at..rarest.at + rarest.characters];
                let mut so_far = Word::default();
                for (letters, cell) in (1..).zip(word) {
                    so_far = so_far.with(cell.char());
                    match letters.cmp(&SPLITTABLE_LETTERS) {
                        Ordering::Less => {}
                        Ordering::Equal => beginnings.add(so_far.hash()),
                        Ordering::Greater => openings.add(so_far.hash()),
                    }
                }
                continue;
            }
            // A short word with hyphens may be split there, and is looked up by what stands before as well.
            let word = &part[rarest.at..rarest.at + rarest.characters];
            let loose = (1..word.len()).filter(|&i| word[i].is_loose());
            words.extend(loose.map(|i| anchor(hash_of_word(&word[..i]), rarest.at, rarest.at + i)));
        }
        Self {
            singles: Table::new(&singles),
            pairs: Table::new(&pairs),
            triples: Table::new(&triples),
            words: Table::new(&words),
            openings,
            beginnings,
            has_openings: counts.openings > 0,
        }
    }

    /// Calls `found` with number and beginning of every part that stands in `passage`, and of some that do not.
    pub(super) fn scan(&self, passage: &Passage, mut found: impl FnMut(u32, usize)) {
        let (chars, marks) = (passage.chars.as_slice(), passage.marks());
        let marks = &marks[..chars.len()];
        let has_singles = !self.singles.is_empty();
        let mut at = 0;
        while at < chars.len() {
            if marks[at].is_letter() {
                at = self.word(passage, at, &mut found);
                continue;
            }
            let begin = at;
            let mut two = 0;
            while at < chars.len() && !marks[at].is_letter() {
                let c = chars[at];
                if has_singles {
                    self.singles.find(mix(0, u64::from(c)), || [None; 2], |part, _| found(part, at));
                }
                if at > begin {
                    let beside = |from: usize| [from.checked_sub(1), Some(at + 1)].map(|at| chars.get(at?).copied());
                    if at > begin + 1 {
                        let found = |part, place| candidate(part, at - 2, place, &mut found);
                        self.triples.find(mix(two, u64::from(c)), || beside(at - 2), found);
                    }
                    two = pair(chars[at - 1], c);
                    let found = |part, place| candidate(part, at - 1, place, &mut found);
                    self.pairs.find(two, || beside(at - 1), found);
                }
                at += 1;
            }
        }
    }

    /// Looks up the word that begins at `start`, alone and with the words behind it; gives where it ends.
    #[inline]
    fn word(&self, passage: &Passage, start: usize, found: &mut impl FnMut(u32, usize)) -> usize {
        let (chars, marks) = (passage.chars.as_slice(), passage.marks());
        let marks = &marks[..chars.len()];
        let mut look_up = |word: Word, end: usize| {
            let beside = || [start.checked_sub(1).map(|before| chars[before]), chars.get(end).copied()];
            self.words.find(word.hash(), beside, |part, place| candidate(part, start, place, found));
        };
        // `idiot's` holds the word `idiot`.
        let is_genitive = |at: usize| {
            chars[at] == 's' && passage.joint(at) == Joint::Apostrophe && passage.joint(at + 1) >= Joint::Split
        };
        let mut word = Word::default().with(chars[start]);
        let mut at = start + 1;
        let mut may_go_on = self.has_openings;
        while at < chars.len() && marks[at].is_inside_word() {
            if chars[at] == 's' && is_genitive(at) {
                look_up(word, at);
            }
            word = word.with(chars[at]);
            at += 1;
            if at - start == SPLITTABLE_LETTERS {
                may_go_on &= self.beginnings.has(word.hash());
            }
        }
        look_up(word, at);
        let end = at;
        // A long word may be heard in pieces: go on as long as some long word goes on so.
        while may_go_on && passage.is_letter(at) && passage.joint(at) < Joint::Pause {
            if at - start >= SPLITTABLE_LETTERS && is_genitive(at) {
                look_up(word, at);
            }
            word = word.with(chars[at]);
            at += 1;
            let letters = at - start;
            if letters >= SPLITTABLE_LETTERS {
                let some = if letters == SPLITTABLE_LETTERS { &self.beginnings } else { &self.openings };
                if !some.has(word.hash()) {
                    break;
                }
                if !passage.is_inside_word(at) {
                    look_up(word, at);
                }
            }
        }
        end
    }
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

/// The letters of a word so far: little work for each of them, more when it is looked up.
#[derive(Clone, Copy, Default)]
struct Word(u64);

impl Word {
    #[inline]
    fn with(self, letter: char) -> Self {
        Self(self.0.rotate_left(7) ^ u64::from(letter))
    }

    #[inline]
    fn hash(self) -> u64 {
        mix(0, self.0)
    }
}

fn hash_of_word(word: &[Cell]) -> u64 {
    word.iter().fold(Word::default(), |word, cell| word.with(cell.char())).hash()
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
                let hash = mix(pair(three[0].char(), three[1].char()), u64::from(three[2].char()));
                each(Stretch { at: begin + offset, characters: 3, is_word, hash });
            }
        }
    }
}

/// How often each stretch occurs in the parts, or more.
struct Counts {
    counts: Vec<u16>,
    /// Words that a text may have in pieces.
    long: usize,
    /// What they begin with.
    openings: usize,
}

impl Counts {
    fn of<'a>(parts: impl Iterator<Item = &'a [Cell]>, characters: usize) -> Self {
        let size = characters.next_power_of_two().clamp(MIN_COUNTS, MAX_COUNTS);
        let mut counts = Self { counts: vec![0; size], long: 0, openings: 0 };
        for part in parts {
            stretches(part, |stretch| {
                let count = counts.slot(stretch.hash);
                counts.counts[count] = counts.counts[count].saturating_add(1);
                if stretch.is_word && stretch.characters >= SPLITTABLE_LETTERS {
                    counts.long += 1;
                    counts.openings += stretch.characters + 1 - SPLITTABLE_LETTERS;
                }
            });
        }
        counts
    }

    fn slot(&self, hash: u64) -> usize {
        (hash >> 32) as usize & (self.counts.len() - 1)
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
