//! A second reading of a text: without what speech adds to words. Numbers with units become digits, fillers and
//! immediate repeats go, split characters are put together. It only adds hits: what is said as it is written is found
//! without it.

use std::sync::LazyLock;

use crate::fold;
use crate::normalise::Kinds;
use crate::numerals::{self, Sign};
use crate::passage::{Joint, Passage};
use crate::phrase::Cell;

/// Chinese fillers, longest first; one character each, or words that say nothing in front of something.
const FILLERS: [&str; 12] = ["就是说", "那什么", "然后呢", "那个", "这个", "就是", "嗯", "呃", "啊", "哦", "噢", "唔"];
/// English fillers, as folded words.
const FILLER_WORDS: [&[&str]; 10] =
    [&["you", "know"], &["i", "mean"], &["um"], &["umm"], &["uh"], &["uhh"], &["er"], &["erm"], &["hmm"], &["mm"]];

/// No filler begins with a longer word.
const MAX_FILLER_LETTERS: usize = 3;

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

/// What may begin at a character that is reduced: noted while a text is folded, so that looking for it passes over
/// nearly everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hints(u8);

impl Hints {
    pub(crate) const NONE: Self = Self(0);
    const FILLER: Self = Self(1 << 4);
    /// A digit, a Chinese numeral or a unit.
    const NUMERAL: Self = Self(1 << 5);
    /// The first half of a character.
    const HALF: Self = Self(1 << 6);
    /// The same stands before: one of the last characters, or what the word before begins with.
    pub(crate) const REPEAT: Self = Self(1 << 7);

    /// In the upper four bits; the others are for whoever keeps them.
    pub(crate) fn bits(self) -> u8 {
        self.0
    }

    /// The hints in the upper four of `bits`.
    pub(crate) fn from_bits(bits: u8) -> Self {
        Self(bits & 0xf0)
    }

    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is left of it inside a word of letters.
    pub(crate) fn inside_word(self) -> Self {
        Self(self.0 & Self::NUMERAL.0)
    }

    /// The bits that may be set at the first of so many letters; those below the hints all are.
    pub(crate) fn of_word(letters: usize) -> Self {
        Self(if letters > MAX_FILLER_LETTERS { !Self::FILLER.0 } else { u8::MAX })
    }

    fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Those that matter to `kinds`.
    fn of(kinds: Kinds) -> Self {
        let each = [
            (Kinds::FILLERS, Self::FILLER),
            (Kinds::REPEATS, Self::REPEAT),
            (Kinds::NUMERALS, Self::NUMERAL),
            (Kinds::SPLIT_CHARACTERS, Self::HALF),
        ];
        let wanted = each.into_iter().filter(|(kind, _)| kinds.contains(*kind));
        wanted.fold(Self::NONE, |hints, (_, hint)| hints.with(hint))
    }
}

/// The folded characters with which something to reduce may begin; of words of letters, the first.
pub(crate) fn beginnings() -> impl Iterator<Item = (char, Hints)> {
    let is_numeral = |c: &char| numerals::digit(*c).is_some() || numerals::unit(*c).is_some();
    let words = FILLER_WORDS.iter().map(|words| words[0]);
    let fillers = FILLERS.into_iter().chain(words).filter_map(|text| text.chars().next());
    let halves = HALVES.iter().filter_map(|(halves, _)| halves.chars().next());
    let numerals = (0..=0xffff_u32).filter_map(char::from_u32).filter(is_numeral);
    fillers
        .map(|c| (c, Hints::FILLER))
        .chain(halves.map(|c| (c, Hints::HALF)))
        .chain(numerals.map(|c| (c, Hints::NUMERAL)))
}

/// For each letter from a to z, a bit for each letter that stands behind it where a filler begins.
static FILLER_LETTERS: LazyLock<[u32; 26]> = LazyLock::new(|| {
    let mut letters = [0; 26];
    for words in FILLER_WORDS {
        let mut first = words.iter().flat_map(|word| word.bytes());
        if let (Some(first), Some(second)) = (first.next(), first.next()) {
            letters[usize::from(first - b'a')] |= 1 << (second - b'a');
        }
    }
    letters
});

/// What is read instead of a stretch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Read {
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
    pub(crate) to: Read,
    /// Why.
    pub(crate) kinds: Kinds,
}

impl Change {
    /// How many characters are read there.
    pub(crate) fn read_len(&self) -> usize {
        match &self.to {
            Read::Nothing => 0,
            Read::One(_) => 1,
            Read::Text(text) => text.chars().filter(|c| *c != '.').count(),
            Read::AsWritten => self.end - self.start,
        }
    }
}

/// Whether the phrase with these cells may read otherwise when it is reduced; most do not.
pub(crate) fn is_reducible(cells: &[Cell]) -> bool {
    let mut word = 0;
    cells.iter().enumerate().any(|(at, cell)| {
        let c = cell.char();
        let hints = fold::hints(c);
        if !cell.is_letter() {
            let before = &cells[at.saturating_sub(REPEATED_CHARS)..at];
            return hints != Hints::NONE || before.iter().any(|cell| cell.char() == c);
        }
        if at > 0 && cells[at - 1].is_letter() && !cell.is_apart() {
            return hints.inside_word() != Hints::NONE;
        }
        let is_again = at > 0 && cells[word].char() == c;
        word = at;
        let may_fill = || cells.get(at + 1).is_some_and(|next| may_be_filler(c, next.char()));
        is_again || hints.has(Hints::NUMERAL) || hints.has(Hints::FILLER) && may_fill()
    })
}

/// Whether some filler of letters begins with these two.
fn may_be_filler(first: char, second: char) -> bool {
    let [first, second] = [first, second].map(|c| (c as usize).wrapping_sub('a' as usize));
    FILLER_LETTERS.get(first).is_some_and(|seconds| second < 26 && seconds & 1 << second != 0)
}

/// Calls `found` with what can be reduced in `passage` by `kinds`, in order, and with numbers in digits where that is
/// by numerals; most texts have little of it.
pub(crate) fn changes(passage: &Passage, kinds: Kinds, found: impl FnMut(Change)) {
    let hints = Hints::of(kinds);
    let mut scan = Scan { passage, kinds, free: 0, kept: 0, written: 0, found };
    let mut at = 0;
    while let Some(next) = passage.hinted(at..passage.len(), hints) {
        at = scan.at(next);
    }
}

struct Scan<'a, F> {
    passage: &'a Passage,
    kinds: Kinds,
    /// The end of the last change.
    free: usize,
    /// The end of the last change that is more than one numeral.
    kept: usize,
    /// The end of the last digits that read as they are written.
    written: usize,
    found: F,
}

impl<F: FnMut(Change)> Scan<'_, F> {
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
        let hints = self.passage.hints(start);
        if self.kinds.contains(Kinds::NUMERALS) && hints.has(Hints::NUMERAL) {
            if let Some((from, end, to)) = self.number(start).filter(|(from, ..)| *from >= self.written) {
                return self.note(from, end, to, Kinds::NUMERALS);
            }
            if let Some(end) = self.digits(start) {
                self.written = end;
                (self.found)(Change { start, end, to: Read::AsWritten, kinds: Kinds::NONE });
                return end;
            }
        }
        if self.kinds.contains(Kinds::SPLIT_CHARACTERS)
            && hints.has(Hints::HALF)
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
        while end < self.passage.len() && end - start <= MAX_SIGNS && self.goes_on(end) && self.sign(end).is_some() {
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
        if !self.passage.hints(at).has(Hints::FILLER) {
            return 0;
        }
        let rest = &self.passage.chars[at..];
        let first = rest[0];
        if !self.passage.is_letter(at) {
            let is_here = |word: &&&str| {
                word.starts_with(first) && {
                    let count = word.chars().count();
                    rest.len() >= count && word.chars().eq(rest[..count].iter().copied())
                }
            };
            return FILLERS.iter().find(is_here).map_or(0, |word| word.chars().count());
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
    fn again(&self, start: usize, at: usize) -> usize {
        let passage = self.passage;
        let chars = &passage.chars;
        // At the beginning of a change it would have been noted.
        if at >= chars.len() || at == start && !passage.hints(at).has(Hints::REPEAT) {
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
