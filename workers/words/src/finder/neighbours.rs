//! Where a phrase may stand across something that is reduced: most of what is reduced stands in no phrase, and need not
//! be read again.

use std::collections::HashSet;

use crate::folding::numerals;
use crate::folding::passage::Passage;
use crate::index::bloom::{Bloom, mix};
use crate::index::spellings::{pair, triple};
use crate::numbers::{low, wide};
use crate::phrase::cell::Cell;
use crate::phrase::phrases::Phrases;
use crate::reduction::changes::{Change, ReadAs};
use crate::sound::fuzzy::Fuzzy;
use crate::sound::glances::beside;
use crate::sound::pairs::{Pairs, behind, in_front};
use crate::sound::readings::{NO_SYLLABLE, Syllable, readings};
use crate::terms::term::Term;

/// What stands side by side in some phrase, and how far phrases with it reach at most, in characters: where a
/// reduction puts nothing of that sort together, no phrase stands. 0: no phrase; 255: [`Self::longest`].
pub(super) struct Neighbours {
    /// What the furthest reaching phrase reaches, and 255 at least.
    longest: usize,
    /// By the hash of two characters; its upper bits are the place.
    spelled: Vec<u8>,
    shift: u32,
    /// The two with the one before and the one behind them; [`EDGE`] where the phrase begins or ends.
    fours: Bloom,
    /// What four sound like that stand side by side in a phrase that is matched by sound; three that are all of it.
    sounding: Bloom,
    /// What stands beside each two syllables there.
    sounding_pairs: Option<Pairs>,
    has_three_sounds: bool,
    /// How far these phrases reach at most; 0: there are none.
    sound_reach: usize,
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

/// What is matched by sound has so many characters, or one less.
const SOUNDS: usize = 4;
/// So many on each side of two that stand side by side.
pub(super) const BESIDE: usize = SOUNDS - 1;
const AROUND: usize = 2 * BESIDE;
/// Beyond the ends of a phrase.
const EDGE: char = '\0';

/// Places for each pair of characters that stand side by side: few share one.
const PLACES: usize = 4;
const MIN_BITS: u32 = 10;
/// The places of more would take more than 256 KB, and not stay at hand.
const MAX_BITS: u32 = 18;
/// Of what stands inside words nothing is noted, but where they meet.
const LETTERS_PER_FOUR: usize = 4;
/// Four characters have so many readings in common text, 1.5 each.
const WAYS_TO_READ: usize = 5;
/// More characters than any number that is said.
const NUMBER_REACH: usize = 32;

impl Neighbours {
    pub(super) fn of(terms: &[Term], reduced: &[Term]) -> Self {
        let all = || terms.iter().chain(reduced);
        let (mut cells, mut fours, mut sounding) = (0, 0, 0);
        for (list, least) in all().flat_map(lists) {
            for (part, _) in list.reaches() {
                let letters = part.iter().filter(|cell| cell.is_letter()).count();
                cells += part.len();
                fours += part.len() - letters + letters / LETTERS_PER_FOUR;
                if is_by_sound(part, least) {
                    sounding += (part.len() + 1).saturating_sub(SOUNDS).max(1) * WAYS_TO_READ;
                }
            }
        }
        let bits = (cells * PLACES).next_power_of_two().ilog2().clamp(MIN_BITS, MAX_BITS);
        let has_fuzzy = all().any(|term| term.matching.homophones.is_some_and(|how| !how.fuzzy.is_empty()));
        let mut made = Self {
            longest: u8::MAX.into(),
            spelled: vec![0; 1 << bits],
            shift: 64 - bits,
            fours: Bloom::new(fours),
            sounding: Bloom::new(sounding),
            sounding_pairs: None,
            has_three_sounds: false,
            sound_reach: 0,
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
        let known = &mut self.digits[wide(digit)];
        *known = match *known {
            Spelling::Nowhere => Spelling::Only(c),
            Spelling::Only(other) if other == c => Spelling::Only(c),
            Spelling::Only(_) | Spelling::InSeveralWays => Spelling::InSeveralWays,
        };
    }

    /// Whether some phrase writes the digit `read` in another way than `written`.
    fn is_written_otherwise(&self, read: char, written: char) -> bool {
        read.to_digit(10).is_none_or(|digit| match self.digits[wide(digit)] {
            Spelling::Nowhere => false,
            Spelling::Only(c) => c != written,
            Spelling::InSeveralWays => true,
        })
    }

    /// Adds the phrases of `term`, which are as they are written or, where all digits are the same, as they are reduced.
    fn add(&mut self, term: &Term, is_written: bool) {
        for (phrases, least) in lists(term) {
            for (part, reach) in phrases.reaches() {
                self.longest = self.longest.max(reach);
                if is_by_sound(part, least) {
                    self.sound_reach = self.sound_reach.max(reach);
                    self.note_sounds(part);
                }
                let is_digit = |cell: &Cell| cell.may_be_reduced() && cell.char().is_ascii_digit();
                for (at, two) in part.windows(2).enumerate() {
                    // What stands inside a word is never parted by a filler.
                    let is_inside = two[0].is_letter() && two[1].is_letter() && !two[1].may_be_apart();
                    if is_inside && !two.iter().any(is_digit) {
                        continue;
                    }
                    let [a, b] = [two[0].char(), two[1].char()];
                    let place = self.place(a, b);
                    self.spelled[place] = self.spelled[place].max(u8::try_from(reach).unwrap_or(u8::MAX));
                    let beside = [at.checked_sub(1), Some(at + 2)];
                    let beside = beside.map(|at| at.and_then(|at| part.get(at)).map_or(EDGE, |cell| cell.char()));
                    self.fours.add(four(beside[0], [a, b], beside[1]));
                }
                if is_written {
                    part.iter().filter(|cell| cell.may_be_reduced()).for_each(|cell| self.note_digit(cell.char()));
                }
                if part.iter().all(is_digit) {
                    self.numbers.insert(part.iter().map(|cell| cell.char()).collect());
                }
            }
        }
    }

    fn place(&self, a: char, b: char) -> usize {
        low(pair(a, b) >> self.shift)
    }

    fn note_sounds(&mut self, part: &[Cell]) {
        self.has_three_sounds |= part.len() < SOUNDS;
        let Some(mut pairs) = self.sounding_pairs.take().or_else(Pairs::new) else { return };
        let mut sounding = std::mem::take(&mut self.sounding);
        for window in part.windows(part.len().min(SOUNDS)) {
            let mut chars = [None; SOUNDS];
            chars.iter_mut().zip(window).for_each(|(c, cell)| *c = Some(cell.char()));
            let mut note = |one, other, beside| {
                pairs.add(one, other, beside);
                true
            };
            self.any_sound(chars, &mut note, |sound| {
                sounding.add(sound);
                false
            });
        }
        (self.sounding, self.sounding_pairs) = (sounding, Some(pairs));
    }

    /// Whether `is_it` says so of the hash of some way to read four characters, or three, of which `goes_with` says of
    /// each two that what stands beside them, as [`Pairs`] has it, goes with them.
    #[inline]
    fn any_sound(
        &self,
        chars: [Option<char>; SOUNDS],
        goes_with: &mut impl FnMut(Syllable, Syllable, u32) -> bool,
        mut is_it: impl FnMut(u64) -> bool,
    ) -> bool {
        let [first, second, third, fourth] = chars.map(|c| match c.map_or(&[][..], readings) {
            // It sounds like itself alone.
            [] => &[NO_SYLLABLE],
            readings => readings,
        });
        let heard = |syllable: &Syllable| self.merged.get(usize::from(*syllable)).copied().unwrap_or(*syllable);
        for second in second.iter().map(heard) {
            for third in third.iter().map(heard) {
                for first in first.iter().map(heard) {
                    let is_beside = goes_with(first, second, behind(beside(third)))
                        && goes_with(second, third, in_front(beside(first)));
                    if !is_beside {
                        continue;
                    }
                    let three = [first, second, third].into_iter().fold(0, |hash, sound| mix(hash, u64::from(sound)));
                    for fourth in fourth.iter().map(heard) {
                        let is_beside = goes_with(second, third, behind(beside(fourth)))
                            && goes_with(third, fourth, in_front(beside(second)));
                        if is_beside && is_it(mix(three, u64::from(fourth))) {
                            return true;
                        }
                    }
                }
            }
        }
        false
    }

    /// How far phrases reach in which the two in the middle of `around` stand side by side, or what sounds like them,
    /// with those around them as far as the phrase goes.
    fn reach_of(&self, around: &[Beside; AROUND]) -> usize {
        let &[_, before, a, b, behind, _] = around;
        let (Beside::Char(a), Beside::Char(b)) = (a, b) else { return 0 };
        let spelled = match self.spelled[self.place(a, b)] {
            0 => 0,
            _ if !self.is_spelled(before, [a, b], behind) => 0,
            u8::MAX => self.longest,
            reach => reach.into(),
        };
        if self.sound_reach > spelled && self.is_heard(around) { self.sound_reach } else { spelled }
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

    /// Whether four around the middle of `around`, or three, sound like four side by side in some phrase, or three.
    fn is_heard(&self, around: &[Beside; AROUND]) -> bool {
        let Some(pairs) = &self.sounding_pairs else { return false };
        let is_there = |window: &[Beside]| {
            let mut chars = [None; SOUNDS];
            for (c, beside) in chars.iter_mut().zip(window) {
                match beside {
                    Beside::Nothing => return false,
                    Beside::Unknown => return true,
                    Beside::Char(there) => *c = Some(*there),
                }
            }
            let mut goes_with = |one, other, beside| pairs.get(one, other) & beside != 0;
            self.any_sound(chars, &mut goes_with, |sound| self.sounding.has(sound))
        };
        let threes = if self.has_three_sounds { &around[1..AROUND - 1] } else { &[] };
        around.windows(SOUNDS).any(is_there) || threes.windows(SOUNDS - 1).any(is_there)
    }

    /// How far phrases reach that may stand across `change`, with what is read before it, the nearest last; 0: none may.
    pub(super) fn reach(&self, passage: &Passage, change: &Change, before: [Beside; BESIDE]) -> usize {
        let behind = [change.end, change.end + 1, change.end + 2];
        let behind = behind.map(|at| passage.chars.get(at).map_or(Beside::Nothing, |c| Beside::Char(*c)));
        let reach = self.reach_before(passage, change, before, behind);
        // A single numeral behind it may be read as a digit, as those before it are.
        let read = behind.map(|beside| match beside {
            Beside::Char(c) => Beside::Char(numerals::digit(c).unwrap_or(c)),
            nothing => nothing,
        });
        if read == behind { reach } else { reach.max(self.reach_before(passage, change, before, read)) }
    }

    fn reach_before(
        &self,
        passage: &Passage,
        change: &Change,
        before: [Beside; BESIDE],
        behind: [Beside; BESIDE],
    ) -> usize {
        match &change.to {
            ReadAs::Nothing => self.reach_across(before, std::iter::empty(), behind, true),
            // Written as in every phrase, it is found as it stands.
            ReadAs::One(c) if !self.is_written_otherwise(*c, passage.chars[change.start]) => 0,
            ReadAs::One(c) => self.reach_across(before, std::iter::once(*c), behind, true),
            ReadAs::Text(text) => self.reach_across(before, text.chars().filter(|c| *c != '.'), behind, true),
            ReadAs::AsWritten => {
                let digits = passage.chars[change.start..change.end].iter().copied();
                self.reach_across(before, digits, behind, false)
            }
        }
    }

    /// The furthest reach across any place of `read`, which stands between `before` and `behind` and, if it is
    /// whole, is in a phrase from end to end.
    fn reach_across(
        &self,
        before: [Beside; BESIDE],
        read: impl Iterator<Item = char> + Clone,
        behind: [Beside; BESIDE],
        is_whole: bool,
    ) -> usize {
        let mut next = read.clone().map(Beside::Char).chain(behind);
        let mut around = [Beside::Nothing; AROUND];
        around[1..=BESIDE].copy_from_slice(&before);
        around[BESIDE + 1..].iter_mut().zip(&mut next).for_each(|(slot, beside)| *slot = beside);
        let mut furthest = 0;
        let last = read.clone().count();
        for (at, beside) in next.enumerate() {
            around.rotate_left(1);
            around[AROUND - 1] = beside;
            let reach = self.reach_of(&around);
            if is_whole && reach == 0 && (1..last).contains(&at) {
                return 0;
            }
            furthest = furthest.max(reach);
        }
        let is_number = || self.numbers.contains(&read.collect::<String>());
        if furthest == 0 && is_number() { NUMBER_REACH } else { furthest }
    }
}

/// The lists of `term`, each with the fewest characters that are matched by sound in it, if any are.
fn lists(term: &Term) -> [(&Phrases, Option<usize>); 2] {
    [(&term.phrases, true), (&term.except, false)].map(|(list, is_found)| {
        let homophones = term.matching.homophones.as_ref();
        (list, homophones.map(|homophones| homophones.least_chars(is_found)))
    })
}

fn is_by_sound(part: &[Cell], least: Option<usize>) -> bool {
    least.is_some_and(|least| part.len() >= least) && !part.iter().any(|cell| cell.is_letter())
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
