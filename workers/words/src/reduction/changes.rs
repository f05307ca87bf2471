//! A second reading of a text: without what speech adds to words. Numbers with units become digits, fillers and
//! immediate repeats go, split characters are put together. It only adds hits: what is said as it is written is found
//! without it.

use crate::folding::differences::Differences;
use crate::folding::fold;
use crate::folding::numerals::{self, Sign};
use crate::folding::passage::{Joint, Passage};
use crate::folding::reducible::{FILLER_WORDS, FILLERS, HALVES, REPEATED_CHARS, Reducible, may_be_filler};
use crate::phrase::cell::Cell;

/// Longest word of letters that counts as a repeat.
const REPEATED_LETTERS: usize = 24;
/// More signs than any number that is said.
const MAX_SIGNS: usize = 24;

/// What is read instead of a stretch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReadAs {
    Nothing,
    One(char),
    Text(String),
    /// What stands there: digits, which a phrase may have in another spelling.
    AsWritten,
}

/// A stretch of a passage that is read otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// First folded character.
    pub(crate) start: usize,
    /// After its last one.
    pub(crate) end: usize,
    /// What is read there.
    pub(crate) to: ReadAs,
    /// Which kinds of difference it does away with.
    pub(crate) kinds: Differences,
}

impl Change {
    /// How many characters are read there.
    pub(crate) fn read_len(&self) -> usize {
        match &self.to {
            ReadAs::Nothing => 0,
            ReadAs::One(_) => 1,
            ReadAs::Text(text) => text.chars().filter(|c| *c != '.').count(),
            ReadAs::AsWritten => self.end - self.start,
        }
    }
}

/// Whether the part of a phrase with these cells may read otherwise when it is reduced; most do not.
pub(crate) fn is_reducible(cells: &[Cell]) -> bool {
    let mut word = 0;
    cells.iter().enumerate().any(|(at, cell)| {
        if at > 0 && cell.is_letter() && cells[at - 1].is_letter() && !cell.is_apart() {
            return cell.may_be_reduced() && cell.char().is_ascii_digit();
        }
        if !cell.is_letter() {
            let before = &cells[at.saturating_sub(REPEATED_CHARS)..at];
            return cell.may_be_reduced() || before.iter().any(|before| before.is_same_char(*cell));
        }
        let is_again = at > 0 && cells[word].is_same_char(*cell);
        word = at;
        let reducible = if cell.may_be_reduced() { fold::reducible(cell.char()) } else { Reducible::NONE };
        let may_fill = || cells.get(at + 1).is_some_and(|next| may_be_filler(cell.char(), next.char()));
        is_again || reducible.has(Reducible::NUMERAL) || reducible.has(Reducible::FILLER) && may_fill()
    })
}

/// Calls `found` with what can be reduced in `passage` by `kinds`, in order, and with numbers in digits where that is
/// by numerals; most texts have little of it.
pub(crate) fn changes(passage: &Passage, kinds: Differences, found: impl FnMut(Change)) {
    let reducible = Reducible::of(kinds);
    let mut scan = Scan { passage, kinds, free: 0, kept: 0, written: 0, found };
    let mut at = 0;
    while let Some(next) = passage.next_reducible(at..passage.len(), reducible) {
        at = scan.at(next);
    }
}

struct Scan<'a, F> {
    passage: &'a Passage,
    kinds: Differences,
    /// The end of the last change.
    free: usize,
    /// The end of the last change that is more than one numeral.
    kept: usize,
    /// The end of the last digits that read as they are written.
    written: usize,
    found: F,
}

impl<F: FnMut(Change)> Scan<'_, F> {
    fn note(&mut self, start: usize, end: usize, to: ReadAs, kinds: Differences) -> usize {
        self.free = end;
        // A numeral that is read as one digit may be said again, and is seen to be the same as it stands.
        if !matches!(to, ReadAs::One(_)) {
            self.kept = end;
        }
        (self.found)(Change { start, end, to, kinds });
        end
    }

    /// Notes what is to be reduced at `start`, and gives the place to go on from.
    fn at(&mut self, start: usize) -> usize {
        let mut end = start;
        let mut kinds = Differences::NONE;
        loop {
            let filler = if self.kinds.contains(Differences::FILLERS) { self.filler(end) } else { 0 };
            if filler > 0 {
                end += filler;
                kinds = kinds.with(Differences::FILLERS);
                continue;
            }
            let repeated = if self.kinds.contains(Differences::REPEATS) { self.repeated(start, end) } else { 0 };
            if repeated == 0 {
                break;
            }
            end += repeated;
            kinds = kinds.with(Differences::REPEATS);
        }
        if end > start {
            return self.note(start, end, ReadAs::Nothing, kinds);
        }
        let reducible = self.passage.reducible(start);
        if self.kinds.contains(Differences::NUMERALS) && reducible.has(Reducible::NUMERAL) {
            if let Some((from, end, to)) = self.number(start).filter(|(from, ..)| *from >= self.written) {
                return self.note(from, end, to, Differences::NUMERALS);
            }
            if let Some(end) = self.digits(start) {
                self.written = end;
                (self.found)(Change { start, end, to: ReadAs::AsWritten, kinds: Differences::NONE });
                return end;
            }
        }
        if self.kinds.contains(Differences::SPLIT_CHARACTERS)
            && reducible.has(Reducible::HALF)
            && let Some(to) = self.halves(start)
        {
            return self.note(start, start + 2, ReadAs::Text(to.into()), Differences::SPLIT_CHARACTERS);
        }
        start + 1
    }

    /// The number around the numeral, the unit, the point or the thousand at `at`: begin, end, and what it says in
    /// digits.
    fn number(&self, at: usize) -> Option<(usize, usize, ReadAs)> {
        let mut start = at;
        while start > self.free && at - start < MAX_SIGNS && self.is_sign(start - 1) && self.goes_on(start) {
            start -= 1;
        }
        let mut end = at + 1;
        while end < self.passage.len() && end - start <= MAX_SIGNS && self.is_sign(end) && self.goes_on(end) {
            end += 1;
        }
        // 三点, 一点: no number begins or ends with its point.
        while end > start && self.passage.chars[end - 1] == '点' {
            end -= 1;
        }
        while start < end && self.passage.chars[start] == '点' {
            start += 1;
        }
        if end <= at || at < start || end - start > MAX_SIGNS {
            return None;
        }
        if end - start == 1 && !self.passage.is_letter(start) && numerals::unit(self.passage.chars[start]).is_none() {
            return self.sign(start).map(|sign| (start, end, ReadAs::One(sign.c)));
        }
        let mut signs: Vec<Sign> = Vec::with_capacity(end - start);
        for here in start..end {
            if here > start && self.passage.joint(here) == Joint::Point {
                signs.push(Sign { c: '.', is_arabic: true });
            }
            signs.extend(self.sign(here));
        }
        let is_said = |sign: &Sign| numerals::unit(sign.c).is_some() || (sign.c == '.' && !sign.is_arabic);
        let said = if signs.iter().any(is_said) {
            numerals::amount(&signs)
        } else if signs.iter().any(|sign| !sign.is_arabic) {
            // Read out one by one.
            Some(signs.iter().map(|sign| sign.c).collect())
        } else {
            self.thousands(start, end)
        };
        said.map(|said| (start, end, ReadAs::Text(said)))
    }

    /// The end of the number that begins at `start` and is digits alone.
    fn digits(&self, start: usize) -> Option<usize> {
        let is_digit = |at: usize| self.passage.chars[at].is_ascii_digit();
        let mut end = start;
        while end < self.passage.len() && is_digit(end) && (end == start || self.goes_on(end)) {
            end += 1;
        }
        (end > start).then_some(end)
    }

    /// `3,000` without its comma.
    fn thousands(&self, start: usize, end: usize) -> Option<String> {
        let mut said = String::new();
        let mut group = 0;
        let mut has_comma = false;
        for at in start..end {
            if at > start && self.passage.joint(at) == Joint::Comma {
                if group == 0 || group > 3 || (has_comma && group != 3) {
                    return None;
                }
                (group, has_comma) = (0, true);
            }
            let c = self.passage.chars[at];
            let is_plain = c.is_ascii_digit()
                && self.passage.is_letter(at)
                && matches!(self.passage.joint(at), Joint::Joined | Joint::Comma)
                || at == start;
            if !is_plain {
                return None;
            }
            said.push(c);
            group += 1;
        }
        (has_comma && group == 3).then_some(said)
    }

    /// Whether a sign of a number stands at `at`: what is hinted at, or its point.
    fn is_sign(&self, at: usize) -> bool {
        self.passage.reducible(at).has(Reducible::NUMERAL) || self.passage.chars[at] == '点'
    }

    fn sign(&self, at: usize) -> Option<Sign> {
        let c = self.passage.chars[at];
        let is_arabic = self.passage.is_letter(at);
        if let Some(digit) = numerals::digit(c) {
            return Some(Sign { c: digit, is_arabic });
        }
        match c {
            '点' => Some(Sign { c: '.', is_arabic: false }),
            _ => numerals::unit(c).map(|_| Sign { c, is_arabic }),
        }
    }

    /// Whether a number may go on at `at`: nothing stands there, a point or comma of a number, or digits meet Chinese.
    fn goes_on(&self, at: usize) -> bool {
        match self.passage.joint(at) {
            Joint::Joined | Joint::Point | Joint::Comma => true,
            Joint::Split => self.passage.is_adjacent(at),
            Joint::Apostrophe | Joint::Pause => false,
        }
    }

    fn halves(&self, at: usize) -> Option<&'static str> {
        let two = self.passage.chars.get(at..at + 2)?;
        HALVES.iter().find(|(halves, _)| halves.chars().eq(two.iter().copied())).map(|(_, whole)| *whole)
    }

    /// How many characters at `at` are a filler.
    fn filler(&self, at: usize) -> usize {
        if !self.passage.reducible(at).has(Reducible::FILLER) {
            return 0;
        }
        let rest = &self.passage.chars[at..];
        let first = rest[0];
        if !self.passage.is_letter(at) {
            return FILLERS.iter().find(|filler| rest.starts_with(filler)).map_or(0, |filler| filler.len());
        }
        if !rest.get(1).is_some_and(|second| may_be_filler(first, *second)) {
            return 0;
        }
        let of_words = |words: &&[&str]| -> Option<usize> {
            let mut end = at;
            for word in *words {
                let word_end = self.word_end(end)?;
                word.chars().eq(self.passage.chars[end..word_end].iter().copied()).then_some(())?;
                end = word_end;
            }
            Some(end - at)
        };
        FILLER_WORDS.iter().find_map(of_words).unwrap_or(0)
    }

    /// The end of the word of letters that begins at `at`.
    fn word_end(&self, at: usize) -> Option<usize> {
        let passage = self.passage;
        if !passage.is_letter(at) || !passage.begins_word(at) {
            return None;
        }
        let mut end = at + 1;
        while passage.is_inside_word(end) {
            end += 1;
        }
        Some(end)
    }

    /// How many characters at `at` say again what stands before `start`.
    fn repeated(&self, start: usize, at: usize) -> usize {
        let passage = self.passage;
        let chars = &passage.chars;
        // At the beginning of a change it would have been noted.
        if at >= chars.len() || at == start && !passage.reducible(at).has(Reducible::REPEAT) {
            return 0;
        }
        let kept = &chars[self.kept.min(start)..start];
        if passage.is_letter(at) {
            let Some(end) = self.word_end(at) else { return 0 };
            let word = &chars[at..end];
            let is_again = start >= word.len()
                && kept.ends_with(word)
                && passage.begins_word(start - word.len())
                && word.iter().any(|c| !c.is_ascii_digit())
                && word.len() <= REPEATED_LETTERS
                && (start - word.len()..start).all(|i| passage.is_letter(i));
            return if is_again { end - at } else { 0 };
        }
        let is_again = |&count: &usize| {
            let Some(unit) = chars.get(at..at + count) else { return false };
            kept.last() == unit.last()
                && kept.ends_with(unit)
                && unit.iter().any(|c| numerals::digit(*c).is_none() && numerals::unit(*c).is_none())
                && (0..count).all(|i| !passage.is_letter(at + i) && !passage.is_letter(start - count + i))
        };
        (1..=REPEATED_CHARS).rev().find(is_again).unwrap_or(0)
    }
}
