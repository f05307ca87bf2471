//! Where a phrase may stand across something that is reduced: most of what is reduced stands in no phrase, and need not
//! be read again.

use std::collections::HashSet;

use crate::index::{Bits, mix, pair, triple};
use crate::numerals;
use crate::passage::Passage;
use crate::phrase::Cell;
use crate::reduce::{Change, Read};
use crate::sound::{Fuzzy, SYLLABLES, Syllable, readings};
use crate::term::Term;

/// What stands side by side in some phrase, and how far phrases with it reach at most, in characters: where a
/// reduction puts nothing of that sort together, no phrase stands. 0: no phrase; 255: [`Self::longest`].
pub(super) struct Neighbours {
    /// What the furthest reaching phrase reaches, and 255 at least.
    longest: usize,
    /// By the hash of two characters; its upper bits are the place.
    spelled: Vec<u8>,
    shift: u32,
    /// The two with the one before and the one behind them; [`EDGE`] where the phrase begins or ends.
    fours: Bits,
    /// By their syllables, for phrases that are matched by sound.
    sounding: Vec<u8>,
    /// Three syllables that stand side by side.
    sounding_threes: Bits,
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

/// Beyond the ends of a phrase.
const EDGE: char = '\0';

/// Places for each pair of characters that stand side by side: few share one.
const PLACES: usize = 4;
const MIN_BITS: u32 = 10;
/// 512 KB.
const MAX_BITS: u32 = 19;
/// Most characters are letters, which have most of their neighbours in common.
const CELLS_PER_FOUR: usize = 2;
/// More characters than any number that is said.
const NUMBER_REACH: usize = 32;

impl Neighbours {
    pub(super) fn of(terms: &[Term], reduced: &[Term]) -> Self {
        let all = || terms.iter().chain(reduced);
        let cells: usize = all().map(|term| term.phrases.cells().len() + term.except.cells().len()).sum();
        let bits = (cells * PLACES).next_power_of_two().ilog2().clamp(MIN_BITS, MAX_BITS);
        let has_fuzzy = all().any(|term| term.matching.homophones.is_some_and(|how| !how.fuzzy.is_empty()));
        let has_sounds = all().any(|term| term.matching.homophones.is_some());
        let mut made = Self {
            longest: u8::MAX.into(),
            spelled: vec![0; 1 << bits],
            shift: 64 - bits,
            fours: Bits::new(cells / CELLS_PER_FOUR),
            sounding: Vec::new(),
            sounding_threes: Bits::new(if has_sounds { cells } else { 0 }),
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
                self.longest = self.longest.max(reach);
                let reach = u8::try_from(reach).unwrap_or(u8::MAX);
                let is_by_sound =
                    least.is_some_and(|least| part.len() >= least) && !part.iter().any(|cell| cell.is_letter());
                if is_by_sound && self.sounding.is_empty() {
                    self.sounding = vec![0; SYLLABLES * SYLLABLES];
                }
                let is_digit = |cell: &Cell| cell.is_hinted() && cell.char().is_ascii_digit();
                for (at, two) in part.windows(2).enumerate() {
                    // What stands inside a word is never parted by a filler.
                    let is_inside = two[0].is_letter() && two[1].is_letter() && !two[1].may_be_apart();
                    if is_inside && !two.iter().any(is_digit) {
                        continue;
                    }
                    let [a, b] = [two[0].char(), two[1].char()];
                    let place = self.place(a, b);
                    self.spelled[place] = self.spelled[place].max(reach);
                    let beside = [at.checked_sub(1), Some(at + 2)];
                    let beside = beside.map(|at| at.and_then(|at| part.get(at)).map_or(EDGE, |cell| cell.char()));
                    self.fours.add(four(beside[0], [a, b], beside[1]));
                    if is_by_sound {
                        self.note_sounds(a, b, reach);
                    }
                }
                for three in part.windows(3).filter(|_| is_by_sound) {
                    let mut threes = std::mem::take(&mut self.sounding_threes);
                    let hashes = self.sounds_of(three[0].char(), three[1].char(), three[2].char());
                    hashes.for_each(|hash| threes.add(hash));
                    self.sounding_threes = threes;
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

    fn note_sounds(&mut self, a: char, b: char, reach: u8) {
        let (first, second) = (readings(a), readings(b));
        for (&first, &second) in first.iter().flat_map(|first| second.iter().map(move |second| (first, second))) {
            let place = self.place_of_sounds(first, second);
            self.sounding[place] = self.sounding[place].max(reach);
        }
    }

    fn heard(&self, syllable: Syllable) -> Syllable {
        self.merged.get(usize::from(syllable)).copied().unwrap_or(syllable)
    }

    fn place_of_sounds(&self, first: Syllable, second: Syllable) -> usize {
        usize::from(self.heard(first)) * SYLLABLES + usize::from(self.heard(second))
    }

    /// The hashes of the ways to read three characters.
    fn sounds_of(&self, a: char, b: char, c: char) -> impl Iterator<Item = u64> {
        let pairs = readings(a).iter().flat_map(move |&a| readings(b).iter().map(move |&b| (a, b)));
        pairs.flat_map(move |(a, b)| {
            let two = mix(0, self.place_of_sounds(a, b) as u64);
            readings(c).iter().map(move |&c| mix(two, u64::from(self.heard(c))))
        })
    }

    /// How far phrases reach in which the two in the middle of `four` stand side by side, or what sounds like them,
    /// with those around them as far as the phrase goes.
    fn reach_of(&self, [before, a, b, behind]: [Beside; 4]) -> usize {
        let (Beside::Char(a), Beside::Char(b)) = (a, b) else { return 0 };
        let reach = self.short_reach(before, [a, b], behind);
        if reach == u8::MAX { self.longest } else { reach.into() }
    }

    fn short_reach(&self, before: Beside, [a, b]: [char; 2], behind: Beside) -> u8 {
        let spelled = self.spelled[self.place(a, b)];
        let spelled = if spelled > 0 && self.is_spelled(before, [a, b], behind) { spelled } else { 0 };
        if self.sounding.is_empty() {
            return spelled;
        }
        let pairs = readings(a).iter().flat_map(|&a| readings(b).iter().map(move |&b| (a, b)));
        let heard = pairs.map(|(a, b)| self.sounding[self.place_of_sounds(a, b)]).max().unwrap_or(0);
        if heard > spelled && self.is_heard(before, [a, b], behind) { heard } else { spelled }
    }

    fn is_spelled(&self, before: Beside, two: [char; 2], behind: Beside) -> bool {
        let is_behind = |before: char| {
            let is_there = |behind: char| self.fours.has(four(before, two, behind));
            is_there(EDGE) || matches!(behind, Beside::Char(behind) if is_there(behind))
        };
        match before {
            Beside::Unknown => true,
            Beside::Nothing => is_behind(EDGE),
            Beside::Char(before) => is_behind(EDGE) || is_behind(before),
        }
    }

    /// What is matched by sound has three characters or more.
    fn is_heard(&self, before: Beside, [a, b]: [char; 2], behind: Beside) -> bool {
        let is_three = |a, b, c| self.sounds_of(a, b, c).any(|three| self.sounding_threes.has(three));
        let begins = matches!(behind, Beside::Char(behind) if is_three(a, b, behind));
        begins
            || match before {
                Beside::Unknown => true,
                Beside::Nothing => false,
                Beside::Char(before) => is_three(before, a, b),
            }
    }

    /// How far phrases reach that may stand across `change`, with what is read before the last character before it,
    /// and that one; 0: none may.
    pub(super) fn reach(&self, passage: &Passage, change: &Change, before: [Beside; 2]) -> usize {
        let behind = [change.end, change.end + 1];
        let behind = behind.map(|at| passage.chars.get(at).map_or(Beside::Nothing, |c| Beside::Char(*c)));
        match &change.to {
            Read::Nothing => self.reach_of([before[0], before[1], behind[0], behind[1]]),
            // Written as in every phrase, it is found as it stands.
            Read::One(c) if !self.is_written_otherwise(*c, passage.chars[change.start]) => 0,
            Read::One(c) => self.reach_across(before, std::iter::once(*c), behind, true),
            Read::Text(text) => self.reach_across(before, text.chars().filter(|c| *c != '.'), behind, true),
            Read::AsWritten => {
                let digits = passage.chars[change.start..change.end].iter().copied();
                self.reach_across(before, digits, behind, false)
            }
        }
    }

    /// The furthest reach across any place of `read`, which stands between `before` and `behind` and, if it is
    /// `whole`, is in a phrase as a whole.
    fn reach_across(
        &self,
        before: [Beside; 2],
        read: impl Iterator<Item = char> + Clone,
        behind: [Beside; 2],
        is_whole: bool,
    ) -> usize {
        let mut next = read.clone().map(Beside::Char).chain(behind);
        let mut four = [Beside::Nothing, before[0], before[1], next.next().unwrap_or(Beside::Nothing)];
        let mut furthest = 0;
        let last = read.clone().count();
        for (at, beside) in next.enumerate() {
            four = [four[1], four[2], four[3], beside];
            let reach = self.reach_of(four);
            if is_whole && reach == 0 && (1..last).contains(&at) {
                return 0;
            }
            furthest = furthest.max(reach);
        }
        let is_number = || self.numbers.contains(&read.collect::<String>());
        if furthest == 0 && is_number() { NUMBER_REACH } else { furthest }
    }
}

/// What is read beside something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beside {
    Nothing,
    Char(char),
    /// It depends on another change.
    Unknown,
}

/// The hash of two characters and of those around them.
fn four(before: char, [a, b]: [char; 2], behind: char) -> u64 {
    mix(triple(pair(before, a), b), u64::from(behind))
}
