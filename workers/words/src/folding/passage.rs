//! A text as it is matched: what is left of it after folding, and of every character where it stood and what stands
//! between it and the one before.

use std::ops::Range;

use super::fold::Class;
use super::reducible::Reducible;
use super::word_hash::WordHash;
use crate::numbers::{small, wide};

/// What stands between a character and the one before it, in rising order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Joint {
    /// Nothing: the same word goes on.
    Joined,
    /// An apostrophe or a sign like it.
    Apostrophe,
    /// The comma of 3,000.
    Comma,
    /// The point of 3.5.
    Point,
    /// Space or a sign, or the script changes.
    Split,
    /// The end of a clause, or the edge of the text.
    #[default]
    Pause,
}

/// Where a folded character stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Number of the text.
    pub text: usize,
    /// In that text, in Unicode scalar values.
    pub at: usize,
}

/// Folded characters of one text, or of neighbouring ones that go on without a pause.
#[derive(Debug, Default)]
pub struct Passage {
    /// The folded characters.
    pub(crate) chars: Vec<char>,
    pub(super) marks: Vec<Mark>,
    /// Stretches of one script, in order; the characters of each stood side by side.
    pub(super) runs: Vec<Run>,
    /// Each text, by the number of its first character here. All but passages of many have one.
    pub(super) first: u32,
    pub(super) others: Vec<(u32, u32)>,
    /// What stands before the character that comes next.
    pub(super) pending: Joint,
}

/// Characters of one script that stood side by side in their text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// The first of them, in the passage.
    pub(crate) first: u32,
    /// Where that stood in the text, in Unicode scalar values.
    pub(super) at: u32,
    /// Of letters, all those of the word up to the run's end: a word with an apostrophe has several runs.
    pub(crate) word: WordHash,
}

/// Of a mark: the character belongs to a word with edges.
pub(super) const LETTER: u8 = 1 << LETTER_SHIFT;
const LETTER_SHIFT: u8 = 3;
const JOINT: u8 = 7;
/// Marks that are looked at together.
const CHUNK: usize = 16;
const JOINTS: [Joint; 8] = [
    Joint::Joined,
    Joint::Apostrophe,
    Joint::Comma,
    Joint::Point,
    Joint::Split,
    Joint::Pause,
    Joint::Pause,
    Joint::Pause,
];

/// What stands before a character, whether it belongs to a word with edges, and [`Reducible`].
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mark(pub(super) u8);

impl Joint {
    /// Its place in the order, in the bits of a mark.
    #[inline]
    #[expect(clippy::as_conversions, reason = "a joint is one of six, kept in eight bits")]
    pub(crate) const fn bits(self) -> u8 {
        self as u8
    }
}

impl Mark {
    #[inline]
    pub(crate) fn is_letter(self) -> bool {
        self.0 & LETTER != 0
    }

    /// Whether the character goes on with the word of the one before it.
    #[inline]
    pub(crate) fn is_inside_word(self) -> bool {
        self.0 & LETTER != 0 && self.0 & JOINT < Joint::Split.bits()
    }

    #[inline]
    fn joint(self) -> Joint {
        JOINTS[usize::from(self.0 & JOINT)]
    }
}

impl Passage {
    /// Nothing yet, with room for so many characters.
    pub(crate) fn with_capacity(characters: usize) -> Self {
        Self { chars: Vec::with_capacity(characters), marks: Vec::with_capacity(characters), ..Self::default() }
    }

    /// Puts `joint` before what follows.
    pub(crate) fn separate(&mut self, joint: Joint) {
        self.pending = self.pending.max(joint);
    }

    /// Puts `folded`, of class `class`, behind what is there; where it stood is not known.
    pub(crate) fn push(&mut self, folded: char, class: Class) {
        let letter = if class == Class::Letter { LETTER } else { 0 };
        let is_other = self.marks.last().is_some_and(|last| last.0 & LETTER != letter);
        let joint = if is_other { self.pending.max(Joint::Split) } else { self.pending };
        self.chars.push(folded);
        self.marks.push(Mark(joint.bits() | letter));
        self.pending = Joint::Joined;
        match self.runs.last_mut() {
            Some(_) if letter == 0 && !is_other => {}
            Some(run) if letter != 0 && joint == Joint::Joined => run.word = run.word.with(folded),
            last => {
                let before = last.filter(|_| joint < Joint::Split).map(|run| run.word);
                let word = if letter == 0 { WordHash::default() } else { before.unwrap_or_default().with(folded) };
                self.runs.push(Run { first: small(self.chars.len() - 1), at: 0, word });
            }
        }
    }

    /// The stretches of one script.
    pub(crate) fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Of each character, what stands before it and what it belongs to.
    pub(crate) fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// How many characters are left after folding.
    pub(crate) fn len(&self) -> usize {
        self.chars.len()
    }

    /// The first character in `range` that has one of `hints`.
    pub(crate) fn next_reducible(&self, range: Range<usize>, reducible: Reducible) -> Option<usize> {
        let marks = self.marks.get(range.clone())?;
        // Many at once: next to none has one.
        let is_reducible = |mark: &Mark| mark.0 & reducible.bits() != 0;
        let bits = |chunk: &[Mark]| chunk.iter().fold(0, |bits, mark| bits | mark.0);
        let skipped = marks.chunks_exact(CHUNK).take_while(|chunk| bits(chunk) & reducible.bits() == 0).count() * CHUNK;
        marks[skipped..].iter().position(is_reducible).map(|at| range.start + skipped + at)
    }

    /// What may begin at character `at`.
    pub(crate) fn reducible(&self, at: usize) -> Reducible {
        self.marks.get(at).map_or(Reducible::NONE, |mark| Reducible::from_bits(mark.0))
    }

    /// Where character `at` stood.
    pub fn place(&self, at: usize) -> Place {
        let begun = self.others.partition_point(|(first, _)| wide(*first) <= at);
        let text = if begun == 0 { self.first } else { self.others[begun - 1].1 };
        Place { text: wide(text), at: wide(self.run_of(at).at_of(at)) }
    }

    /// Whether nothing at all stands between character `at` and the one before it.
    pub(crate) fn is_adjacent(&self, at: usize) -> bool {
        let (before, here) = (self.place(at - 1), self.place(at));
        before.text == here.text && before.at + 1 == here.at
    }

    /// Where the characters of the text of character `at` end.
    pub fn end_of_text(&self, at: usize) -> usize {
        let begun = self.others.partition_point(|(first, _)| wide(*first) <= at);
        self.others.get(begun).map_or(self.len(), |(first, _)| wide(*first))
    }

    /// The characters of text number `text`, which is one of them.
    pub fn range_of(&self, text: usize) -> Range<usize> {
        // Their numbers rise.
        let behind = self.others.partition_point(|(_, number)| wide(*number) <= text);
        let start = behind.checked_sub(1).map_or(0, |last| wide(self.others[last].0));
        start..self.others.get(behind).map_or(self.len(), |(first, _)| wide(*first))
    }

    /// How many of the characters `range` belong to words with edges.
    pub fn letters(&self, range: Range<usize>) -> usize {
        // In wide steps, each of fewer than fit into a byte.
        let of_step = |step: &[Mark]| usize::from(step.iter().map(|mark| mark.0 >> LETTER_SHIFT & 1).sum::<u8>());
        self.marks[range].chunks(u8::MAX.into()).map(of_step).sum()
    }

    /// How many of the characters `range`, of one text, stand before `at` of its text.
    pub fn count_before(&self, range: Range<usize>, at: usize) -> usize {
        if range.is_empty() {
            return 0;
        }
        let (mut from, mut to) = (range.start, range.end);
        // What stands in one run rises by one from character to character, and from run to run by more.
        while from < to {
            let middle = from.midpoint(to);
            if wide(self.run_of(middle).at_of(middle)) < at { from = middle + 1 } else { to = middle }
        }
        from - range.start
    }

    fn run_of(&self, at: usize) -> Run {
        self.runs[self.runs.partition_point(|run| wide(run.first) <= at) - 1]
    }

    /// All folded characters.
    pub fn folded_text(&self) -> String {
        self.chars.iter().collect()
    }

    /// The folded characters `from..to`.
    pub fn folded(&self, from: usize, to: usize) -> String {
        self.chars[from..to].iter().collect()
    }

    /// What stands before character `at`; at the end of the passage a pause.
    pub(crate) fn joint(&self, at: usize) -> Joint {
        self.marks.get(at).map_or(Joint::Pause, |mark| mark.joint())
    }

    /// Whether character `at` belongs to a word with edges.
    pub(crate) fn is_letter(&self, at: usize) -> bool {
        self.marks.get(at).is_some_and(|mark| mark.is_letter())
    }

    /// Whether character `at` goes on with the word of the one before it.
    pub(crate) fn is_inside_word(&self, at: usize) -> bool {
        self.marks.get(at).is_some_and(|mark| mark.is_inside_word())
    }

    /// Whether a word may begin at `at`.
    pub(crate) fn begins_word(&self, at: usize) -> bool {
        !self.is_letter(at) || self.joint(at) >= Joint::Split
    }

    /// Whether a word may end before `end`; `idiot's` holds the word `idiot`, `can't` does not hold `can`.
    pub(crate) fn ends_word(&self, end: usize) -> bool {
        if end == 0 || !self.is_letter(end - 1) || self.joint(end) >= Joint::Split {
            return true;
        }
        self.joint(end) == Joint::Apostrophe && self.chars[end] == 's' && self.joint(end + 1) >= Joint::Split
    }
}

impl Run {
    /// Where character `at` of the passage, which is one of them, stood.
    fn at_of(self, at: usize) -> u32 {
        self.at + small(at - wide(self.first))
    }
}
