//! What two spellings have in common: width, case, traditional and simplified characters, spaces and punctuation are
//! folded away, and every character that is left knows where it stood.

use std::sync::LazyLock;

use earmark_core::Utterance;

use crate::numerals;

/// What a character is to matching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Class {
    /// Stands by itself: Chinese characters, kana, Hangul, Thai. What stands between two of these does not matter.
    Ideograph,
    /// Part of a word with an edge: Latin, Cyrillic, digits.
    Letter,
    /// Not there: variation selectors, joiners, combining accents.
    Nothing,
    /// `'` and its like.
    Apostrophe,
    /// Ends a clause or a sentence.
    Pause,
    /// Any other sign, and space.
    Gap,
}

/// What stands between a character and the one before it, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
    Pause,
}

/// Variants that dictionaries of traditional characters leave alone.
const VARIANTS: [(char, char); 3] = [('妳', '你'), ('著', '着'), ('喫', '吃')];

const BMP: usize = 0x1_0000;

/// Class and folded character of every character below [`BMP`], in one number each.
struct Table {
    cells: Vec<u32>,
}

/// Above the bits of a character.
const CLASS_SHIFT: u32 = 24;
const CHAR_BITS: u32 = (1 << 21) - 1;
/// The number of each is its place here.
const CLASSES: [Class; 6] =
    [Class::Ideograph, Class::Letter, Class::Nothing, Class::Apostrophe, Class::Pause, Class::Gap];

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut simplified: Vec<char> =
        (0..BMP as u32).map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    for (from, to) in earmark_core::traditional_pairs() {
        if let Some(slot) = simplified.get_mut(from as usize) {
            *slot = to;
        }
    }
    for (from, to) in VARIANTS {
        simplified[from as usize] = to;
    }
    let cell = |code: u32| {
        let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        let narrow = narrow(c);
        // Twice: some simplified characters of the table are the traditional ones of another row.
        let once = simplified.get(narrow as usize).copied().unwrap_or(narrow);
        let twice = simplified.get(once as usize).copied().unwrap_or(once);
        let class = classify(narrow);
        // Circled digits and the like; Chinese numerals stay what they are, and are read as digits when reduced.
        let digit = numerals::digit(twice).filter(|_| class == Class::Letter);
        digit.unwrap_or_else(|| lower(twice)) as u32 | (class as u32) << CLASS_SHIFT
    };
    Table { cells: (0..BMP as u32).map(cell).collect() }
});

impl Table {
    #[inline]
    fn fold(&self, c: char) -> (Class, char) {
        match self.cells.get(c as usize) {
            Some(cell) => {
                let class = CLASSES[(cell >> CLASS_SHIFT) as usize % CLASSES.len()];
                (class, char::from_u32(cell & CHAR_BITS).unwrap_or(char::REPLACEMENT_CHARACTER))
            }
            None => (classify(c), lower(c)),
        }
    }
}

/// The class of `c` and the character it is matched as.
pub(crate) fn fold(c: char) -> (Class, char) {
    TABLE.fold(c)
}

/// [`fold`] for many characters.
pub(crate) fn folder() -> impl Fn(char) -> (Class, char) {
    let table = &*TABLE;
    move |c| table.fold(c)
}

/// Full-width signs as the ASCII they stand for.
fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        _ => c,
    }
}

fn lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

fn classify(c: char) -> Class {
    match c {
        '\u{ad}'
        | '\u{300}'..='\u{36f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2060}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{e0100}'..='\u{e01ef}' => Class::Nothing,
        '\'' | '`' | '\u{2018}' | '\u{2019}' | '\u{2bc}' => Class::Apostrophe,
        ',' | '.' | ';' | ':' | '!' | '?' | '\n' | '。' | '…' | '—' | '｡' => Class::Pause,
        '\u{e00}'..='\u{eff}'
        | '\u{1100}'..='\u{11ff}'
        | '\u{2e80}'..='\u{2fdf}'
        | '\u{3005}'..='\u{3007}'
        | '\u{3040}'..='\u{312f}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7af}'
        | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9f}'
        | '\u{20000}'..='\u{3ffff}' => Class::Ideograph,
        _ if c.is_alphanumeric() => Class::Letter,
        _ => Class::Gap,
    }
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
    /// Of each, the joint before it, and [`LETTER`].
    marks: Vec<u8>,
    /// Of each, where it stood in its utterance's text.
    at: Vec<u32>,
    /// Each utterance, by the number of its first character here. All but passages of many have one.
    first: u32,
    others: Vec<(u32, u32)>,
    pending: Option<Joint>,
}

/// Of a mark: the character belongs to a word with edges.
const LETTER: u8 = 8;
const JOINT: u8 = 7;
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

impl Passage {
    /// The passage of one text.
    pub(crate) fn of(text: &str) -> Self {
        let mut passage = Self::default();
        passage.append(0, text);
        passage
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
        if self.chars.is_empty() {
            self.first = utterance;
        } else {
            self.others.push((u32::try_from(self.chars.len()).unwrap_or(u32::MAX), utterance));
        }
        // At least half of the characters of most texts stay; one that is all ideographs has three bytes for each.
        let likely = text.len() / 3 + 8;
        self.chars.reserve(likely);
        self.marks.reserve(likely);
        self.at.reserve(likely);
        let fold = folder();
        let mut next = text.chars();
        let mut at = 0;
        let mut before = Class::Gap;
        while let Some(c) = next.next() {
            let (class, folded) = fold(c);
            match class {
                Class::Ideograph => self.push(at, folded, 0),
                Class::Letter => self.push(at, folded, LETTER),
                Class::Nothing => {}
                Class::Apostrophe => self.separate(Joint::Apostrophe),
                Class::Gap => self.separate(Joint::Split),
                Class::Pause => {
                    // The point of 3.5 and the comma of 3,000 end nothing.
                    let following = next.clone().next().map(&fold);
                    let following = following.filter(|(class, _)| before == Class::Letter && *class == Class::Letter);
                    let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
                    let is_number = is_digit(following.map(|(_, c)| c)) && is_digit(self.chars.last().copied());
                    self.separate(match folded {
                        '.' if is_number => Joint::Point,
                        ',' if is_number => Joint::Comma,
                        _ if following.is_some() => Joint::Split,
                        _ => Joint::Pause,
                    });
                }
            }
            before = class;
            at += 1;
        }
    }

    /// Puts `joint` before what follows.
    pub(crate) fn separate(&mut self, joint: Joint) {
        self.pending = Some(self.pending.map_or(joint, |pending| pending.max(joint)));
    }

    #[inline]
    fn push(&mut self, at: u32, folded: char, letter: u8) {
        let between = self.pending.take().unwrap_or(Joint::Joined);
        let joint = match self.marks.last() {
            None => Joint::Pause,
            Some(before) if before & LETTER != letter => between.max(Joint::Split),
            Some(_) => between,
        };
        self.chars.push(folded);
        self.marks.push(joint as u8 | letter);
        self.at.push(at);
    }

    /// How many characters are left after folding.
    pub(crate) fn len(&self) -> usize {
        self.chars.len()
    }

    /// Where character `at` stood.
    pub(crate) fn place(&self, at: usize) -> Place {
        let begun = self.others.partition_point(|(first, _)| *first as usize <= at);
        let utterance = if begun == 0 { self.first } else { self.others[begun - 1].1 };
        Place { utterance, at: self.at[at] }
    }

    /// Where the characters of the utterance of character `at` end.
    pub(crate) fn end_of_utterance(&self, at: usize) -> usize {
        let begun = self.others.partition_point(|(first, _)| *first as usize <= at);
        self.others.get(begun).map_or(self.len(), |(first, _)| *first as usize)
    }

    /// How many of the characters `range`, of one utterance, stand before `at` of its text.
    pub(crate) fn count_before(&self, range: std::ops::Range<usize>, at: usize) -> usize {
        self.at[range].partition_point(|&here| (here as usize) < at)
    }

    /// The folded characters `from..to`.
    pub(crate) fn text(&self, from: usize, to: usize) -> String {
        self.chars[from..to].iter().collect()
    }

    /// What stands before character `at`; at the end of the passage a pause.
    pub(crate) fn joint(&self, at: usize) -> Joint {
        self.marks.get(at).map_or(Joint::Pause, |mark| JOINTS[usize::from(mark & JOINT)])
    }

    /// Whether character `at` belongs to a word with edges.
    pub(crate) fn is_letter(&self, at: usize) -> bool {
        self.marks.get(at).is_some_and(|mark| mark & LETTER != 0)
    }

    /// Whether character `at` goes on with the word of the one before it.
    pub(crate) fn is_inside_word(&self, at: usize) -> bool {
        self.is_letter(at) && self.joint(at) < Joint::Split
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
    fn a_folded_character_is_of_the_same_class() {
        for c in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let (class, folded) = fold(c);
            if matches!(class, Class::Ideograph | Class::Letter) {
                assert_eq!(fold(folded).0, class, "{c}");
            }
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
