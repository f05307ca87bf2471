//! A text as it is matched: what is left of it after folding, and of every character where it stood and what stands
//! between it and the one before.

use std::ops::Range;

use earmark_core::Utterance;

use crate::fold::{Class, Folder};
use crate::hints::Hints;

/// What stands between a character and the one before it, in rising order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Joint {
    /// Nothing: the same word goes on.
    Joined,
    /// An apostrophe.
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
pub(crate) struct Place {
    /// Index into the utterances of the whole search.
    pub(crate) utterance: u32,
    /// In the utterance's text, in Unicode scalar values.
    pub(crate) at: u32,
}

/// Folded text of one utterance, or of neighbouring ones that go on without a pause.
#[derive(Debug, Default)]
pub(crate) struct Passage {
    /// The folded characters.
    pub(crate) chars: Vec<char>,
    marks: Vec<Mark>,
    /// Of each, where it stood in its utterance's text.
    at: Vec<u32>,
    /// Each utterance, by the number of its first character here. All but passages of many have one.
    first: u32,
    others: Vec<(u32, u32)>,
    /// What stands before the character that comes next.
    pending: Joint,
    /// What the last word of letters begins with.
    word: char,
    /// The last characters that stand by themselves, the last one first.
    last: [char; 3],
}

/// Of a mark: the character belongs to a word with edges.
const LETTER: u8 = 8;
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

/// What stands before a character, whether it belongs to a word with edges, and [`Hints`].
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mark(u8);

impl Mark {
    #[inline]
    pub(crate) fn is_letter(self) -> bool {
        self.0 & LETTER != 0
    }

    /// Whether the character goes on with the word of the one before it.
    #[inline]
    pub(crate) fn is_inside_word(self) -> bool {
        self.0 & LETTER != 0 && self.0 & JOINT < Joint::Split as u8
    }

    #[inline]
    fn joint(self) -> Joint {
        JOINTS[usize::from(self.0 & JOINT)]
    }
}

impl Passage {
    /// The passage of one text.
    pub(crate) fn of(text: &str) -> Self {
        let mut passage = Self::default();
        passage.append(0, text);
        passage
    }

    /// Nothing yet, with room for so many characters.
    pub(crate) fn with_capacity(characters: usize) -> Self {
        Self {
            chars: Vec::with_capacity(characters),
            marks: Vec::with_capacity(characters),
            at: Vec::with_capacity(characters),
            ..Self::default()
        }
    }

    /// Folds the texts of `utterances[members]` one behind the other.
    pub(crate) fn joined(utterances: &[Utterance], members: &[usize]) -> Self {
        let mut passage = Self::default();
        for &member in members {
            passage.append(u32::try_from(member).unwrap_or(u32::MAX), &utterances[member].text);
            passage.separate(Joint::Split);
        }
        passage
    }

    /// Folds `text` of utterance number `utterance` behind what is there.
    pub(crate) fn append(&mut self, utterance: u32, text: &str) {
        let mut kept = self.chars.len();
        if kept == 0 {
            self.first = utterance;
        } else {
            self.others.push((u32::try_from(kept).unwrap_or(u32::MAX), utterance));
        }
        // Room for all of them, and what is folded away is cut off in the end: faster than to ask for each.
        let room = kept + text.chars().count();
        self.chars.resize(room, '\0');
        self.marks.resize(room, Mark::default());
        self.at.resize(room, 0);
        let (chars, marks, places) = (&mut self.chars[..room], &mut self.marks[..room], &mut self.at[..room]);
        let mut script = kept.checked_sub(1).map_or(0, |last| marks[last].0 & LETTER);
        let mut joint = self.pending;
        let mut word = self.word;
        let mut last = self.last;
        let mut before = Class::Gap;
        let folder = Folder::new();
        let mut next = text.chars();
        let mut cell = next.next().map(|c| folder.fold(c));
        let mut at = 0;
        while let Some(first) = cell {
            let class = first.class();
            if class <= Class::Letter {
                let letter = if class == Class::Letter { LETTER } else { 0 };
                if letter != script {
                    (joint, script) = (joint.max(Joint::Split), letter);
                }
                let begin = kept;
                let mut put = |c: char, mark: u8| {
                    (chars[kept], marks[kept], places[kept]) = (c, Mark(mark), at);
                    (kept, at) = (kept + 1, at + 1);
                };
                // Right behind the first of its kind no joint has to be looked for.
                if class == Class::Letter {
                    let c = first.char();
                    let hints = match joint {
                        Joint::Split | Joint::Pause if c == word => first.hints().with(Hints::REPEAT),
                        Joint::Split | Joint::Pause => first.hints(),
                        _ => first.hints().inside_word(),
                    };
                    if joint >= Joint::Split {
                        word = c;
                    }
                    put(c, joint as u8 | LETTER | hints.bits());
                    cell = next.next().map(|c| folder.fold(c));
                    while let Some(more) = cell.filter(|cell| cell.is_letter()) {
                        put(more.char(), LETTER | more.hints().inside_word().bits());
                        cell = next.next().map(|c| folder.fold(c));
                    }
                    marks[begin].0 &= Hints::of_word(kept - begin).bits();
                } else {
                    let mut joint = joint as u8;
                    while let Some(more) = cell.filter(|cell| cell.is_ideograph()) {
                        let c = more.char();
                        let is_again = (last[0] == c) | (last[1] == c) | (last[2] == c);
                        last = [c, last[0], last[1]];
                        put(c, joint | more.hints().bits() | if is_again { Hints::REPEAT.bits() } else { 0 });
                        joint = Joint::Joined as u8;
                        cell = next.next().map(|c| folder.fold(c));
                    }
                }
                joint = Joint::Joined;
                before = class;
                continue;
            }
            cell = next.next().map(|c| folder.fold(c));
            joint = joint.max(match class {
                Class::Apostrophe => Joint::Apostrophe,
                Class::Gap => Joint::Split,
                // The point of 3.5 and the comma of 3,000 end nothing.
                Class::Pause => {
                    let following = cell.filter(|cell| before == Class::Letter && cell.is_letter());
                    let is_digit = |c: char| c.is_ascii_digit();
                    let is_behind_digit = kept > 0 && is_digit(chars[kept - 1]);
                    let is_number = is_behind_digit && following.is_some_and(|cell| is_digit(cell.char()));
                    match first.char() {
                        '.' if is_number => Joint::Point,
                        ',' if is_number => Joint::Comma,
                        _ if following.is_some() => Joint::Split,
                        _ => Joint::Pause,
                    }
                }
                Class::Nothing | Class::Ideograph | Class::Letter => Joint::Joined,
            });
            before = class;
            at += 1;
        }
        (self.pending, self.word, self.last) = (joint, word, last);
        self.chars.truncate(kept);
        self.marks.truncate(kept);
        self.at.truncate(kept);
    }

    /// Puts `joint` before what follows.
    pub(crate) fn separate(&mut self, joint: Joint) {
        self.pending = self.pending.max(joint);
    }

    /// Puts `folded`, of class `class`, behind what is there.
    pub(crate) fn push(&mut self, folded: char, class: Class) {
        let letter = if class == Class::Letter { LETTER } else { 0 };
        let is_other = self.marks.last().is_some_and(|last| last.0 & LETTER != letter);
        let joint = if is_other { self.pending.max(Joint::Split) } else { self.pending };
        self.chars.push(folded);
        self.marks.push(Mark(joint as u8 | letter));
        self.at.push(0);
        self.pending = Joint::Joined;
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
    pub(crate) fn hinted(&self, range: Range<usize>, hints: Hints) -> Option<usize> {
        let marks = self.marks.get(range.clone())?;
        // Many at once: next to none has one.
        let is_hinted = |mark: &Mark| mark.0 & hints.bits() != 0;
        let bits = |chunk: &[Mark]| chunk.iter().fold(0, |bits, mark| bits | mark.0);
        let skipped = marks.chunks_exact(CHUNK).take_while(|chunk| bits(chunk) & hints.bits() == 0).count() * CHUNK;
        marks[skipped..].iter().position(is_hinted).map(|at| range.start + skipped + at)
    }

    /// What may begin at character `at`.
    pub(crate) fn hints(&self, at: usize) -> Hints {
        self.marks.get(at).map_or(Hints::NONE, |mark| Hints::from_bits(mark.0))
    }

    /// Where character `at` stood.
    pub(crate) fn place(&self, at: usize) -> Place {
        let begun = self.others.partition_point(|(first, _)| *first as usize <= at);
        let utterance = if begun == 0 { self.first } else { self.others[begun - 1].1 };
        Place { utterance, at: self.at[at] }
    }

    /// Whether nothing at all stands between character `at` and the one before it.
    pub(crate) fn is_adjacent(&self, at: usize) -> bool {
        let (before, here) = (self.place(at - 1), self.place(at));
        before.utterance == here.utterance && before.at + 1 == here.at
    }

    /// Where the characters of the utterance of character `at` end.
    pub(crate) fn end_of_utterance(&self, at: usize) -> usize {
        let begun = self.others.partition_point(|(first, _)| *first as usize <= at);
        self.others.get(begun).map_or(self.len(), |(first, _)| *first as usize)
    }

    /// The characters of utterance number `utterance`, which is one of them.
    pub(crate) fn range_of(&self, utterance: u32) -> Range<usize> {
        // Their numbers rise.
        let behind = self.others.partition_point(|(_, number)| *number <= utterance);
        let start = behind.checked_sub(1).map_or(0, |last| self.others[last].0 as usize);
        start..self.others.get(behind).map_or(self.len(), |(first, _)| *first as usize)
    }

    /// How many of the characters `range` belong to words with edges.
    pub(crate) fn letters(&self, range: Range<usize>) -> usize {
        self.marks[range].iter().filter(|mark| mark.is_letter()).count()
    }

    /// How many of the characters `range`, of one utterance, stand before `at` of its text.
    pub(crate) fn count_before(&self, range: Range<usize>, at: usize) -> usize {
        self.at[range].partition_point(|&here| (here as usize) < at)
    }

    /// The folded characters `from..to`.
    pub(crate) fn text(&self, from: usize, to: usize) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_the_same_words_fold_to_the_same_characters() {
        for (text, folded) in [
            ("保證收益", "保证收益"),
            ("保 证，收\u{200b}益", "保证收益"),
            ("ＧＵＡＲＡＮＴＥＥＤ Returns!", "guaranteedreturns"),
            ("薴", "苎"),
            ("妳", "你"),
            ("Don’t", "dont"),
            ("加ＷeＣhat", "加wechat"),
            ("，。 !", ""),
            ("①９⑴", "191"),
        ] {
            assert_eq!(Passage::of(text).chars.iter().collect::<String>(), folded, "{text}");
        }
    }

    #[test]
    fn what_stands_between_characters_is_kept() {
        let passage = Passage::of("it's 3.5, 好x");
        let joints: Vec<_> = (0..=passage.len()).map(|at| passage.joint(at)).collect();
        assert_eq!(
            joints,
            [
                Joint::Pause,
                Joint::Joined,
                Joint::Apostrophe,
                Joint::Split,
                Joint::Point,
                Joint::Pause,
                Joint::Split,
                Joint::Pause
            ]
        );
    }
}
