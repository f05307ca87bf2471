//! A second reading of a text: without what speech adds to words. Numbers with units become digits, fillers and
//! immediate repeats go, split characters are put together. It only adds hits: what is said as it is written is found
//! without it.

use std::ops::Range;
use std::sync::LazyLock;

use crate::fold::{Joint, Passage};
use crate::normalise::Kinds;
use crate::numerals::{self, Sign};
use crate::phrase::Cell;

/// Chinese fillers, longest first; one character each, or words that say nothing in front of something.
const FILLERS: [&str; 12] = ["就是说", "那什么", "然后呢", "那个", "这个", "就是", "嗯", "呃", "啊", "哦", "噢", "唔"];
/// English fillers, as folded words.
const FILLER_WORDS: [&[&str]; 10] =
    [&["you", "know"], &["i", "mean"], &["um"], &["umm"], &["uh"], &["uhh"], &["er"], &["erm"], &["hmm"], &["mm"]];

/// Halves of a character that are written one behind the other to get past a list of words.
const HALVES: [(&str, &str); 44] = [
    ("弓虽", "强"),
    ("女马", "妈"),
    ("女干", "奸"),
    ("女昌", "娼"),
    ("女表", "婊"),
    ("女又", "奴"),
    ("女支", "妓"),
    ("贝者", "赌"),
    ("贝武", "赋"),
    ("月兑", "脱"),
    ("月土", "肚"),
    ("禾必", "秘"),
    ("禾中", "种"),
    ("木目", "相"),
    ("木仓", "枪"),
    ("氵去", "法"),
    ("氵每", "海"),
    ("扌丁", "打"),
    ("扌少", "抄"),
    ("亻言", "信"),
    ("亻尔", "你"),
    ("口乞", "吃"),
    ("口合", "哈"),
    ("口卑", "啤"),
    ("火包", "炮"),
    ("米分", "粉"),
    ("古月", "胡"),
    ("钅戋", "钱"),
    ("金戋", "钱"),
    ("又鸟", "鸡"),
    ("鱼羊", "鲜"),
    ("马奇", "骑"),
    ("马扁", "骗"),
    ("车专", "转"),
    ("走召", "超"),
    ("走戉", "越"),
    ("弓长", "张"),
    ("立早", "章"),
    ("白勺", "的"),
    ("言射", "谢"),
    ("石肖", "硝"),
    ("讠果", "课"),
    ("彳正", "征"),
    ("王元", "玩"),
];

/// Longest unit of Chinese that counts as a repeat, in characters.
const REPEATED_CHARS: usize = 3;
/// Longest word of letters that counts as a repeat.
const REPEATED_LETTERS: usize = 24;
/// More signs than any number that is said.
const MAX_SIGNS: usize = 24;

/// A set of characters of the basic plane, a bit for each.
type Characters = Box<[u64; 1024]>;

/// The characters with which something to reduce may begin.
static BEGINS: LazyLock<Characters> = LazyLock::new(|| {
    let halves = HALVES.iter().filter_map(|(halves, _)| halves.chars().next());
    let numerals = (0..=0xffff_u32)
        .filter_map(char::from_u32)
        .filter(|&c| !c.is_ascii() && (numerals::digit(c).is_some() || numerals::unit(c).is_some()));
    characters(fillers().chain(halves).chain(numerals))
});

/// The characters with which a filler begins.
static FILLER_BEGINS: LazyLock<Characters> = LazyLock::new(|| characters(fillers()));

fn fillers() -> impl Iterator<Item = char> {
    FILLERS.iter().chain(FILLER_WORDS.iter().map(|words| &words[0])).filter_map(|text| text.chars().next())
}

fn characters(all: impl Iterator<Item = char>) -> Characters {
    let mut bits = Box::new([0; 1024]);
    for c in all {
        bits[c as usize / 64] |= 1 << (c as usize % 64);
    }
    bits
}

#[inline]
fn has(characters: &Characters, c: char) -> bool {
    characters.get(c as usize / 64).is_some_and(|bits| bits & (1 << (c as usize % 64)) != 0)
}

/// What is read instead of a stretch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Read {
    Nothing,
    One(char),
    Text(String),
}

/// A stretch of a passage that is read otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// First folded character.
    pub(crate) start: usize,
    /// After its last one.
    pub(crate) end: usize,
    /// What is read there.
    pub(crate) to: Read,
    /// Why.
    pub(crate) kinds: Kinds,
}

/// Whether the phrase with these cells may read otherwise when it is reduced; most do not.
pub(crate) fn is_reducible(cells: &[Cell]) -> bool {
    cells.iter().enumerate().any(|(at, cell)| {
        let c = cell.char();
        let is_word = cell.is_letter() && (at == 0 || cell.may_be_apart());
        let before = &cells[at.saturating_sub(REPEATED_CHARS)..at];
        has(&BEGINS, c) || c.is_ascii_digit() || is_word && at > 0 || before.iter().any(|cell| cell.char() == c)
    })
}

/// Calls `found` with what can be reduced in `range` of `passage`, by `kinds`, in order; most texts have little of it.
pub(crate) fn changes(passage: &Passage, range: Range<usize>, kinds: Kinds, found: impl FnMut(Change)) {
    let chars = &passage.chars[..range.end];
    let begins = &*BEGINS;
    let mut at = range.start;
    let mut scan = Scan { passage, end: range.end, kinds, free: range.start, kept: range.start, found };
    while at < chars.len() {
        let c = chars[at];
        at = if has(begins, c) || scan.may_be_more(at, c) { scan.at(at) } else { at + 1 };
    }
}

struct Scan<'a, F> {
    passage: &'a Passage,
    /// No change goes beyond it.
    end: usize,
    kinds: Kinds,
    /// The end of the last change.
    free: usize,
    /// The end of the last change that is more than one numeral.
    kept: usize,
    found: F,
}

impl<F: FnMut(Change)> Scan<'_, F> {
    /// Whether `c` at `at` may say something again, or be the first after the comma of a number.
    #[inline]
    fn may_be_more(&self, at: usize, c: char) -> bool {
        let passage = self.passage;
        if passage.is_letter(at) {
            // A word, or thousands.
            let is_again = || passage.chars[..at].iter().rev().take(REPEATED_LETTERS).any(|before| *before == c);
            return match passage.joint(at) {
                Joint::Joined | Joint::Apostrophe | Joint::Point => false,
                Joint::Comma => true,
                Joint::Split | Joint::Pause => is_again(),
            };
        }
        // Where a unit is said again, one of the three characters before is the same.
        passage.chars[at.saturating_sub(REPEATED_CHARS)..at].contains(&c)
    }

    fn note(&mut self, start: usize, end: usize, to: Read, kinds: Kinds) -> usize {
        self.free = end;
        // A numeral that is read as one digit may be said again, and is seen to be the same as it stands.
        if !matches!(to, Read::One(_)) {
            self.kept = end;
        }
        (self.found)(Change { start, end, to, kinds });
        end
    }

    /// Notes what is to be reduced at `start`, and gives the place to go on from.
    fn at(&mut self, start: usize) -> usize {
        let mut end = start;
        let mut kinds = Kinds::NONE;
        loop {
            let filler = if self.kinds.contains(Kinds::FILLERS) { self.filler(end) } else { 0 };
            if filler > 0 {
                end += filler;
                kinds = kinds.with(Kinds::FILLERS);
                continue;
            }
            let again = if self.kinds.contains(Kinds::REPEATS) { self.again(start, end) } else { 0 };
            if again == 0 {
                break;
            }
            end += again;
            kinds = kinds.with(Kinds::REPEATS);
        }
        if end > start {
            return self.note(start, end, Read::Nothing, kinds);
        }
        if self.kinds.contains(Kinds::NUMERALS)
            && let Some((from, end, to)) = self.number(start)
        {
            return self.note(from, end, to, Kinds::NUMERALS);
        }
        if self.kinds.contains(Kinds::SPLIT_CHARACTERS)
            && let Some(to) = self.halves(start)
        {
            return self.note(start, start + 2, Read::Text(to.into()), Kinds::SPLIT_CHARACTERS);
        }
        start + 1
    }

    /// The number around the numeral, the unit, the point or the thousand at `at`: begin, end, and what it says in
    /// digits.
    fn number(&self, at: usize) -> Option<(usize, usize, Read)> {
        self.sign(at)?;
        let mut start = at;
        while start > self.free && at - start < MAX_SIGNS && self.goes_on(start) && self.sign(start - 1).is_some() {
            start -= 1;
        }
        let mut end = at + 1;
        while end < self.end && end - start <= MAX_SIGNS && self.goes_on(end) && self.sign(end).is_some() {
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
            return self.sign(start).map(|sign| (start, end, Read::One(sign.c)));
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
        said.map(|said| (start, end, Read::Text(said)))
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
        let (before, here) = (self.passage.place(at - 1), self.passage.place(at));
        match self.passage.joint(at) {
            Joint::Joined | Joint::Point | Joint::Comma => true,
            Joint::Split => before.utterance == here.utterance && before.at + 1 == here.at,
            Joint::Apostrophe | Joint::Pause => false,
        }
    }

    fn halves(&self, at: usize) -> Option<&'static str> {
        let two = self.passage.chars.get(at..at + 2).filter(|_| at + 2 <= self.end)?;
        HALVES.iter().find(|(halves, _)| halves.chars().eq(two.iter().copied())).map(|(_, whole)| *whole)
    }

    /// How many characters at `at` are a filler.
    fn filler(&self, at: usize) -> usize {
        let rest = self.passage.chars.get(at..self.end).unwrap_or_default();
        let Some(&first) = rest.first().filter(|first| has(&FILLER_BEGINS, **first)) else { return 0 };
        if !self.passage.is_letter(at) {
            let is_here = |word: &&&str| {
                word.starts_with(first) && {
                    let count = word.chars().count();
                    rest.len() >= count && word.chars().eq(rest[..count].iter().copied())
                }
            };
            return FILLERS.iter().find(is_here).map_or(0, |word| word.chars().count());
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
        if at >= self.end || !passage.is_letter(at) || !passage.begins_word(at) {
            return None;
        }
        let mut end = at + 1;
        while end < self.end && passage.is_inside_word(end) {
            end += 1;
        }
        Some(end)
    }

    /// How many characters at `at` say again what stands before `start`.
    fn again(&self, start: usize, at: usize) -> usize {
        let passage = self.passage;
        let chars = &passage.chars[..self.end];
        if at >= chars.len() {
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
