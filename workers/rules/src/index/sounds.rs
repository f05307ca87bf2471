//! Where parts of phrases may stand, by how they sound.
//!
//! A character has one reading or two, seldom more, and three in a row have many ways to be read: what may stand before
//! and behind two syllables is noted in one number, so that most places end at a few look-ups without a branch.

use super::Role;
use super::table::{ANY, Anchor, Table, mix};
use crate::passage::Passage;
use crate::phrase::Cell;
use crate::sound::{SYLLABLES, Syllable, Voiced, beside, readings, voiced};
use crate::term::Homophones;

/// Parts are looked up by the sound of so many characters that follow one another.
const ANCHOR_CHARS: usize = 3;

/// Parts by the sound of three of their characters.
pub(super) struct Sounds {
    /// What stands beside two syllables in the anchors: most positions of a text end here.
    pairs: Pairs,
    /// Those of parts of three characters.
    threes: Table,
    /// Those with a fourth behind them.
    fours: Table,
    /// What each syllable is heard as; empty: as itself.
    merged: Vec<Syllable>,
}

/// Collects the parts.
#[derive(Default)]
pub(super) struct Filling {
    threes: Vec<Anchor>,
    fours: Vec<Anchor>,
    pairs: Pairs,
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
        // There where the fewest ways to read it have to be put down. What has no reading sounds like itself alone,
        // which is not asked for here.
        let rarest = |characters: usize| {
            let ways = |at: usize| {
                let readings = part[at..at + characters].iter().map(|cell| readings(cell.char()).len());
                let ways = readings.clone().take(ANCHOR_CHARS).product::<usize>();
                (ways * readings.last().unwrap_or(0).min(1), at)
            };
            let last = part.len().checked_sub(characters)?.min(usize::from(u8::MAX));
            (0..=last).map(ways).filter(|(ways, _)| *ways > 0).min()
        };
        let (is_four, (_, at)) = match (rarest(ANCHOR_CHARS + 1), rarest(ANCHOR_CHARS)) {
            (Some(found), _) => (true, found),
            (None, Some(found)) => (false, found),
            (None, None) => return,
        };
        let merged = &self.merged;
        let heard = |syllable: Syllable| merged.get(usize::from(syllable)).copied().unwrap_or(syllable);
        let all = |readings: &[Syllable]| readings.iter().fold(0, |all, &reading| all | beside(heard(reading)));
        let of = |i: usize| part.get(at + i).filter(|_| i < 3 || is_four).map_or(&[][..], |cell| readings(cell.char()));
        let [first, second, third, fourth] = [of(0), of(1), of(2), of(3)];
        let mut note = |one: &[Syllable], other: &[Syllable], beside: u32| {
            for (&one, &other) in one.iter().flat_map(|one| other.iter().map(move |other| (one, other))) {
                self.pairs.add(heard(one), heard(other), beside);
            }
        };
        note(first, second, all(third));
        note(second, third, all(first) << BEFORE | all(fourth));
        note(third, fourth, all(second) << BEFORE);
        let anchors = if is_four { &mut self.fours } else { &mut self.threes };
        for &first in first {
            for &second in second {
                let pair = pair(heard(first), heard(second));
                anchors.extend(third.iter().map(|&third| Anchor {
                    hash: mix(pair, u64::from(heard(third))),
                    part: number,
                    at: u8::try_from(at).unwrap_or(u8::MAX),
                    beside: [ANY, mark(all(fourth))],
                }));
            }
        }
    }

    pub(super) fn finish(self) -> Sounds {
        let Self { threes, fours, pairs, merged } = self;
        Sounds { pairs, threes: Table::new(&threes), fours: Table::new(&fours), merged }
    }
}

/// The bits of [`beside`] in fewer; of none, what goes with any.
fn mark(beside: u32) -> u8 {
    (beside | beside >> u8::BITS) as u8
}

/// For every two syllables, as [`beside`], what stands behind them in some anchor, and what stands before them: 1 MB.
#[derive(Default)]
struct Pairs(Vec<u32>);

/// From this bit on, what stands before.
const BEFORE: u32 = 16;

impl Pairs {
    fn add(&mut self, first: Syllable, second: Syllable, beside: u32) {
        if self.0.is_empty() {
            self.0 = vec![0; SYLLABLES * SYLLABLES];
        }
        self.0[usize::from(first) * SYLLABLES + usize::from(second)] |= beside;
    }

    #[inline]
    fn get(&self, first: Syllable, second: Syllable) -> u32 {
        self.0[usize::from(first) * SYLLABLES + usize::from(second)]
    }
}

impl Sounds {
    /// Calls `found` with number and beginning of every part that sounds like what stands in `passage`, of some that
    /// do not, and of some more than once.
    pub(super) fn scan(&self, passage: &Passage, found: impl FnMut(u32, usize)) {
        if self.threes.is_empty() && self.fours.is_empty() {
            return;
        }
        match self.merged.is_empty() {
            true => self.scan_as(passage, |syllable| syllable, |voiced, _| voiced.beside(), found),
            false => {
                let heard = |syllable| self.merged.get(usize::from(syllable)).copied().unwrap_or(syllable);
                let all = |_, c| readings(c).iter().fold(0, |all, &reading| all | beside(heard(reading)));
                self.scan_as(passage, heard, all, found);
            }
        }
    }

    #[inline]
    fn scan_as(
        &self,
        passage: &Passage,
        heard: impl Fn(Syllable) -> Syllable,
        beside: impl Fn(Voiced, char) -> u32,
        mut found: impl FnMut(u32, usize),
    ) {
        let chars = passage.chars.as_slice();
        let runs = passage.runs();
        let ends = runs.iter().skip(1).map(|run| run.first as usize).chain([chars.len()]);
        let has_threes = !self.threes.is_empty();
        let mut last = Heard::NOTHING;
        for (run, end) in runs.iter().zip(ends) {
            let first = run.first as usize;
            // Of what stands in words only digits have sounds of their own.
            if passage.is_letter(first) && !chars[first..end].iter().any(char::is_ascii_digit) {
                last = Heard::NOTHING;
                continue;
            }
            for (at, &c) in (first..).zip(&chars[first..end]) {
                let here = voiced(c);
                let [(a, b), (y, z)] = [last.voiced.two(), here.two()].map(|(one, other)| (heard(one), heard(other)));
                let mut pair = self.pairs.get(a, y) | self.pairs.get(a, z) | self.pairs.get(b, y) | self.pairs.get(b, z);
                if last.voiced.has_more() | here.has_more() {
                    pair = self.pair(last.c, c, &heard);
                }
                let beside = beside(here, c);
                let may_end = (last.pair & beside != 0) & (pair & last.before << BEFORE != 0);
                if may_end & last.may_end {
                    let behind = mark(beside);
                    self.look_up(&self.fours, &chars[at - ANCHOR_CHARS..at], at - ANCHOR_CHARS, behind, &heard, &mut found);
                }
                if may_end & has_threes {
                    self.look_up(&self.threes, &chars[at + 1 - ANCHOR_CHARS..=at], at + 1 - ANCHOR_CHARS, ANY, &heard, &mut found);
                }
                last = Heard { c, voiced: here, beside, before: last.beside, pair, may_end };
            }
        }
    }

    /// What stands beside two characters in all ways to read them.
    fn pair(&self, first: char, second: char, heard: impl Fn(Syllable) -> Syllable) -> u32 {
        let seconds = readings(second);
        readings(first).iter().fold(0, |pair, &first| {
            seconds.iter().fold(pair, |pair, &second| pair | self.pairs.get(heard(first), heard(second)))
        })
    }

    /// Looks up the three characters `three`, which begin at `at`, with the [`mark`] of what stands behind them.
    #[cold]
    fn look_up(
        &self,
        anchors: &Table,
        three: &[char],
        at: usize,
        behind: u8,
        heard: impl Fn(Syllable) -> Syllable,
        found: &mut impl FnMut(u32, usize),
    ) {
        let &[first, second, third] = three else { return };
        for first in readings(first).iter().map(|first| heard(*first)) {
            for second in readings(second).iter().map(|second| heard(*second)) {
                let opened = self.pairs.get(first, second);
                let two = pair(first, second);
                for third in readings(third).iter().map(|third| heard(*third)) {
                    let closed = self.pairs.get(second, third);
                    if (opened & beside(third) == 0) | (closed & beside(first) << BEFORE == 0) {
                        continue;
                    }
                    let fits = |wanted, there| wanted & there != 0;
                    anchors.find(mix(two, u64::from(third)), || [ANY, behind], fits, |part, place| {
                        if let Some(start) = at.checked_sub(place) {
                            found(part, start);
                        }
                    });
                }
            }
        }
    }
}

/// A character of a text, as it matters to the next ones.
struct Heard {
    c: char,
    voiced: Voiced,
    /// Its [`beside`], and that of the character before it.
    beside: u32,
    before: u32,
    /// What stands beside it and the character before it.
    pair: u32,
    /// Whether it may end three characters of an anchor.
    may_end: bool,
}

impl Heard {
    const NOTHING: Self = Self { c: '\0', voiced: Voiced::NONE, beside: 0, before: 0, pair: 0, may_end: false };
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
