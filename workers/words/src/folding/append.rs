//! How a text is folded into a passage: run by run, each of one script with nothing in between.

use std::str::Chars;
use std::sync::LazyLock;

use super::fold::{Class, Folded, Folder};
use super::passage::{Joint, LETTER, Mark, Passage, Run};
use super::reducible::{REPEATED_CHARS, Reducible};
use super::word_hash::WordHash;
use crate::numbers::{small, wide};

/// English words are about as long, with the space behind them; Chinese clauses are longer.
const CHARACTERS_PER_RUN: usize = 6;

/// A text that is folded character by character.
struct Folding<'a> {
    folder: Folder,
    ascii: &'static [(u8, Mark); 256],
    text: Chars<'a>,
}

/// The folded letter or digit of each byte, and its mark inside a word; 0 for other bytes.
static ASCII_LETTERS: LazyLock<[(u8, Mark); 256]> = LazyLock::new(|| {
    let folder = Folder::new();
    let mut letters = [(0, Mark::default()); 256];
    for (byte, letter) in (0..128).zip(&mut letters) {
        let cell = folder.fold(char::from(byte));
        if let Ok(folded) = u8::try_from(cell.c)
            && cell.is_letter()
        {
            *letter = (folded, Mark(LETTER | cell.reducible.inside_word().bits()));
        }
    }
    letters
});

impl Folding<'_> {
    /// The next character; [`Folded::END`] behind the last.
    #[inline]
    fn cell(&mut self) -> Folded {
        self.text.next().map_or(Folded::END, |c| self.folder.fold(c))
    }

    /// Puts the ASCII letters and digits that come next, which go on with `word`, at the beginning of `chars` and
    /// `marks`; gives how many.
    #[inline]
    fn ascii_letters(&mut self, chars: &mut [char], marks: &mut [Mark], word: &mut WordHash) -> usize {
        let rest = self.text.as_str();
        let mut letters = *word;
        let mut count = 0;
        for ((byte, c), mark) in rest.bytes().zip(chars).zip(marks) {
            let (letter, its_mark) = self.ascii[usize::from(byte)];
            if letter == 0 {
                break;
            }
            (*c, *mark) = (char::from(letter), its_mark);
            letters = letters.with(char::from(letter));
            count += 1;
        }
        *word = letters;
        self.text = rest[count..].chars();
        count
    }
}

impl Passage {
    /// The passage of one text.
    pub fn of(text: &str) -> Self {
        let mut passage = Self::default();
        passage.append(0, text);
        passage.note_repeats();
        passage
    }

    /// Folds `texts`, each with its number, one behind the other; their numbers rise.
    pub fn joined<'t>(texts: impl IntoIterator<Item = (usize, &'t str)>) -> Self {
        let mut passage = Self::default();
        for (number, text) in texts {
            passage.append(small(number), text);
            passage.separate(Joint::Split);
        }
        passage.note_repeats();
        passage
    }

    /// Folds text number `number` behind what is there.
    fn append(&mut self, number: u32, text: &str) {
        let first = self.chars.len();
        if first == 0 {
            self.first = number;
        } else {
            self.others.push((small(first), number));
        }
        // Room for all of them, and what is folded away is cut off in the end: faster than to ask for each.
        let room = first + text.chars().count();
        self.chars.resize(room, '\0');
        self.marks.resize(room, Mark::default());
        self.runs.reserve((room - first) / CHARACTERS_PER_RUN + 1);
        let mut next = Folding { folder: Folder::new(), ascii: &ASCII_LETTERS, text: text.chars() };
        let (chars, marks) = (&mut self.chars[..room], &mut self.marks[..room]);
        let mut kept = first;
        let mut script = kept.checked_sub(1).map_or(0, |last| marks[last].0 & LETTER);
        let mut joint = self.pending;
        let mut word = self.runs.last().map_or(WordHash::default(), |run| run.word);
        let mut before = Class::Gap;
        let mut cell = next.cell();
        let mut at = 0;
        while cell != Folded::END {
            let class = cell.class;
            if class <= Class::Letter {
                let letter = if class == Class::Letter { LETTER } else { 0 };
                if letter != script {
                    (joint, script) = (joint.max(Joint::Split), letter);
                }
                let begin = kept;
                // Right behind the first of its kind no joint has to be looked for.
                if class == Class::Letter {
                    let is_new = joint >= Joint::Split;
                    let reducible = if is_new { cell.reducible } else { cell.reducible.inside_word() };
                    let before = if is_new { WordHash::default() } else { word };
                    word = before.with(cell.c);
                    (chars[kept], marks[kept]) = (cell.c, Mark(joint.bits() | LETTER | reducible.bits()));
                    kept += 1;
                    loop {
                        kept += next.ascii_letters(&mut chars[kept..], &mut marks[kept..], &mut word);
                        cell = next.cell();
                        if !cell.is_letter() {
                            break;
                        }
                        let reducible = cell.reducible.inside_word();
                        (chars[kept], marks[kept]) = (cell.c, Mark(LETTER | reducible.bits()));
                        word = word.with(cell.c);
                        kept += 1;
                    }
                    marks[begin].0 &= Reducible::of_word(kept - begin).bits();
                    self.runs.push(Run { first: small(begin), at, word });
                } else {
                    let mut joint = joint.bits();
                    while cell.is_ideograph() {
                        (chars[kept], marks[kept]) = (cell.c, Mark(joint | cell.reducible.bits()));
                        joint = Joint::Joined.bits();
                        kept += 1;
                        cell = next.cell();
                    }
                    self.runs.push(Run { first: small(begin), at, word: WordHash::default() });
                }
                at += small(kept - begin);
                joint = Joint::Joined;
                before = class;
                continue;
            }
            let sign = cell.c;
            cell = next.cell();
            joint = joint.max(match class {
                Class::Apostrophe => Joint::Apostrophe,
                Class::Gap => Joint::Split,
                // The point of 3.5 and the comma of 3,000 end nothing.
                Class::Pause => {
                    let goes_on = before == Class::Letter && cell.is_letter();
                    let is_digit = |c: char| c.is_ascii_digit();
                    let is_number = goes_on && kept > 0 && is_digit(chars[kept - 1]) && is_digit(cell.c);
                    match sign {
                        '.' if is_number => Joint::Point,
                        ',' if is_number => Joint::Comma,
                        _ if goes_on => Joint::Split,
                        _ => Joint::Pause,
                    }
                }
                Class::Nothing | Class::Ideograph | Class::Letter => Joint::Joined,
            });
            before = class;
            at += 1;
        }
        self.pending = joint;
        self.chars.truncate(kept);
        self.marks.truncate(kept);
    }

    /// Reducible at what is said again at once: looking for it passes over everything else.
    fn note_repeats(&mut self) {
        // Characters that stand by themselves: in wide steps, without a branch.
        let chars = self.chars.as_slice();
        for (at, mark) in self.marks.iter_mut().enumerate().take(REPEATED_CHARS) {
            let is_again = chars[..at].contains(&chars[at]);
            mark.0 |= if is_again && !mark.is_letter() { Reducible::REPEAT.bits() } else { 0 };
        }
        if let Some(marks) = self.marks.get_mut(REPEATED_CHARS..) {
            let before = chars.iter().zip(&chars[1..]).zip(&chars[2..]);
            for ((mark, here), ((third, second), first)) in marks.iter_mut().zip(&chars[REPEATED_CHARS..]).zip(before) {
                let is_again = (here == third) | (here == second) | (here == first);
                // The bit of letters, where that of repeats is.
                mark.0 |= u8::from(is_again) << 7 & !(mark.0 << 4);
            }
        }
        // Words of letters: where the last one begins, its letters, and those of the one before.
        let (mut begin, mut word, mut before) = (0, WordHash::default(), WordHash::default());
        let end_word = |marks: &mut [Mark], begin: usize, word: WordHash, before: WordHash| {
            if word == before && word != WordHash::default() {
                marks[begin].0 |= Reducible::REPEAT.bits();
            }
        };
        for run in &self.runs {
            let mark = self.marks[wide(run.first)];
            if mark.is_inside_word() {
                word = run.word;
            } else if mark.is_letter() {
                end_word(&mut self.marks, begin, word, before);
                (begin, before, word) = (wide(run.first), word, run.word);
            }
        }
        end_word(&mut self.marks, begin, word, before);
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
