//! Where a phrase may stand across something that is reduced: most of what is reduced stands in no phrase, and need not
//! be read again.

use std::collections::HashSet;

use crate::index::pair;
use crate::numerals;
use crate::passage::Passage;
use crate::phrase::Cell;
use crate::reduce::{Change, Read};
use crate::sound::{Fuzzy, SYLLABLES, Syllable, readings};
use crate::term::Term;

/// What stands side by side in some phrase, and how far phrases with it reach at most, in characters: where a
/// reduction puts nothing of that sort together, no phrase stands. 0: no phrase.
pub(super) struct Neighbours {
    /// By the hash of two characters; its upper bits are the place.
    spelled: Vec<u16>,
    shift: u32,
    /// By their syllables, for phrases that are matched by sound.
    sounding: Vec<u16>,
    /// What each syllable is taken for, where some term merges some; empty: each for itself.
    merged: Vec<Syllable>,
    /// Numbers that are phrases of their own.
    numbers: HashSet<String>,
    /// How the phrases write each digit.
    digits: [Spelling; 10],
}

/// How the phrases of a set write a digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    Nowhere,
    Only(char),
    InSeveralWays,
}

/// Places for each pair of characters that stand side by side: few share one.
const PLACES: usize = 8;
const MIN_BITS: u32 = 10;
/// 2 MB.
const MAX_BITS: u32 = 20;
/// More characters than any number that is said.
const NUMBER_REACH: usize = 32;

impl Neighbours {
    pub(super) fn of(terms: &[Term], reduced: &[Term]) -> Self {
        let all = || terms.iter().chain(reduced);
        let cells: usize = all().map(|term| term.phrases.cells().len() + term.except.cells().len()).sum();
        let bits = (cells * PLACES).next_power_of_two().ilog2().clamp(MIN_BITS, MAX_BITS);
        let has_fuzzy = all().any(|term| term.matching.homophones.is_some_and(|how| !how.fuzzy.is_empty()));
        let mut made = Self {
            spelled: vec![0; 1 << bits],
            shift: 64 - bits,
            sounding: Vec::new(),
            merged: if has_fuzzy { Fuzzy::ALL.merged() } else { Vec::new() },
            numbers: HashSet::new(),
            digits: [Spelling::Nowhere; 10],
        };
        terms.iter().for_each(|term| made.add(term, true));
        reduced.iter().for_each(|term| made.add(term, false));
        made
    }

    fn note_digit(&mut self, c: char) {
        let Some(digit) = numerals::digit(c).and_then(|digit| digit.to_digit(10)) else { return };
        let known = &mut self.digits[digit as usize];
        *known = match *known {
            Spelling::Nowhere => Spelling::Only(c),
            Spelling::Only(other) if other == c => Spelling::Only(c),
            Spelling::Only(_) | Spelling::InSeveralWays => Spelling::InSeveralWays,
        };
    }

    /// Whether some phrase writes the digit `read` in another way than `written`.
    fn is_written_otherwise(&self, read: char, written: char) -> bool {
        read.to_digit(10).is_none_or(|digit| match self.digits[digit as usize] {
            Spelling::Nowhere => false,
            Spelling::Only(c) => c != written,
            Spelling::InSeveralWays => true,
        })
    }

    /// Adds the phrases of `term`, which are as they are written or, where all digits are the same, as they are reduced.
    fn add(&mut self, term: &Term, is_written: bool) {
        for (phrases, is_found) in [(&term.phrases, true), (&term.except, false)] {
            let least = term.matching.homophones.as_ref().map(|homophones| homophones.least_chars(is_found));
            for (part, reach) in phrases.reaches() {
                let reach = u16::try_from(reach).unwrap_or(u16::MAX);
                let is_by_sound =
                    least.is_some_and(|least| part.len() >= least) && !part.iter().any(|cell| cell.is_letter());
                if is_by_sound && self.sounding.is_empty() {
                    self.sounding = vec![0; SYLLABLES * SYLLABLES];
                }
                let is_digit = |cell: &Cell| cell.is_hinted() && cell.char().is_ascii_digit();
                for two in part.windows(2) {
                    // What stands inside a word is never parted by a filler.
                    let is_inside = two[0].is_letter() && two[1].is_letter() && !two[1].may_be_apart();
                    if is_inside && !two.iter().any(is_digit) {
                        continue;
                    }
                    let [a, b] = [two[0].char(), two[1].char()];
                    let place = self.place(a, b);
                    self.spelled[place] = self.spelled[place].max(reach);
                    if is_by_sound {
                        self.note_sounds(a, b, reach);
                    }
                }
                if is_written {
                    part.iter().filter(|cell| cell.is_hinted()).for_each(|cell| self.note_digit(cell.char()));
                }
                if part.iter().all(is_digit) {
                    self.numbers.insert(part.iter().map(|cell| cell.char()).collect());
                }
            }
        }
    }

    fn place(&self, a: char, b: char) -> usize {
        (pair(a, b) >> self.shift) as usize
    }

    fn note_sounds(&mut self, a: char, b: char, reach: u16) {
        let (first, second) = (readings(a), readings(b));
        for (&first, &second) in first.iter().flat_map(|first| second.iter().map(move |second| (first, second))) {
            let place = self.place_of_sounds(first, second);
            self.sounding[place] = self.sounding[place].max(reach);
        }
    }

    fn place_of_sounds(&self, first: Syllable, second: Syllable) -> usize {
        let heard = |syllable| usize::from(self.merged.get(usize::from(syllable)).copied().unwrap_or(syllable));
        heard(first) * SYLLABLES + heard(second)
    }

    /// How far phrases reach in which `a` and `b` stand side by side, or what sounds like them.
    fn reach_of(&self, a: char, b: char) -> usize {
        let spelled = usize::from(self.spelled[self.place(a, b)]);
        if self.sounding.is_empty() {
            return spelled;
        }
        let pairs = readings(a).iter().flat_map(|&a| readings(b).iter().map(move |&b| (a, b)));
        let heard = pairs.map(|(a, b)| usize::from(self.sounding[self.place_of_sounds(a, b)]));
        heard.max().unwrap_or(0).max(spelled)
    }

    /// How far phrases reach that may stand across `change`, where `before` is read before it; 0: none may.
    pub(super) fn reach(&self, passage: &Passage, change: &Change, before: Option<char>) -> usize {
        let after = passage.chars.get(change.end).copied();
        let meet = |a: Option<char>, b: Option<char>| a.zip(b).map_or(0, |(a, b)| self.reach_of(a, b));
        let or_number = |reach: usize, digits: &dyn Fn() -> String| {
            if reach == 0 && self.numbers.contains(&digits()) { NUMBER_REACH } else { reach }
        };
        match &change.to {
            Read::Nothing => meet(before, after),
            // Written as in every phrase, it is found as it stands.
            Read::One(c) if !self.is_written_otherwise(*c, passage.chars[change.start]) => 0,
            Read::One(c) => or_number(meet(before, Some(*c)).max(meet(Some(*c), after)), &|| c.to_string()),
            Read::AsWritten => {
                let digits = &passage.chars[change.start..change.end];
                let within = digits.windows(2).map(|two| self.reach_of(two[0], two[1])).max().unwrap_or(0);
                let beside = meet(before, digits.first().copied()).max(meet(digits.last().copied(), after));
                or_number(within.max(beside), &|| digits.iter().collect())
            }
            Read::Text(text) => {
                let digits = || text.chars().filter(|c| *c != '.');
                let first = digits().next();
                let mut last = first;
                for c in digits().skip(1) {
                    if meet(last, Some(c)) == 0 {
                        return 0;
                    }
                    last = Some(c);
                }
                or_number(meet(before, first).max(meet(last, after)), &|| digits().collect())
            }
        }
    }
}
