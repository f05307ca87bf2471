//! What two spellings of a character have in common: width, case, traditional and simplified are folded away.

use std::sync::LazyLock;

use super::numerals;
use super::reducible::{self, Reducible};
use crate::numbers::wide;

/// What a character is to matching.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Class {
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

/// Variants that dictionaries of traditional characters leave alone.
const VARIANTS: [(char, char); 3] = [('妳', '你'), ('著', '着'), ('喫', '吃')];

const BMP: usize = 0x1_0000;

/// What a character is to matching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Folded {
    /// As it is matched.
    pub(crate) c: char,
    pub(crate) class: Class,
    /// What may begin with it that is reduced.
    pub(crate) reducible: Reducible,
}

impl Folded {
    /// No character: the end of a text.
    pub(crate) const END: Self = Self { c: '\0', class: Class::Nothing, reducible: Reducible::NONE };

    /// Whether it belongs to a word with edges.
    #[inline]
    pub(crate) fn is_letter(self) -> bool {
        self.class == Class::Letter
    }

    #[inline]
    pub(crate) fn is_ideograph(self) -> bool {
        self.class == Class::Ideograph
    }
}

/// How every character below [`BMP`] folds.
static CELLS: LazyLock<Box<[Folded; BMP]>> = LazyLock::new(|| {
    let mut simplified: Vec<char> =
        (0..=u32::from(u16::MAX)).map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    for (from, to) in earmark_core::traditional_pairs() {
        if let Some(slot) = simplified.get_mut(wide(u32::from(from))) {
            *slot = to;
        }
    }
    for (from, to) in VARIANTS {
        simplified[wide(u32::from(from))] = to;
    }
    let mut reducible = vec![Reducible::NONE; BMP];
    for (c, hint) in reducible::beginnings() {
        if let Some(slot) = reducible.get_mut(wide(u32::from(c))) {
            *slot = slot.with(hint);
        }
    }
    let cell = |code: u32| {
        let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        let narrow = narrow(c);
        // Twice: some simplified characters of the table are the traditional ones of another row.
        let once = simplified.get(wide(u32::from(narrow))).copied().unwrap_or(narrow);
        let twice = simplified.get(wide(u32::from(once))).copied().unwrap_or(once);
        let class = classify(narrow);
        let folded = match class {
            // Circled digits and the like; Chinese numerals stay what they are, and are read as digits when reduced.
            Class::Letter => numerals::digit(twice).unwrap_or_else(|| lower(twice)),
            _ => twice,
        };
        Folded {
            c: folded,
            class,
            reducible: reducible.get(wide(u32::from(folded))).copied().unwrap_or(Reducible::NONE),
        }
    };
    let mut cells = Box::new([Folded::END; BMP]);
    (0_u32..).zip(cells.iter_mut()).for_each(|(code, slot)| *slot = cell(code));
    cells
});

#[inline]
fn look_up(cells: &[Folded; BMP], c: char) -> Folded {
    cells.get(wide(u32::from(c))).copied().unwrap_or_else(|| beyond(c))
}

#[cold]
fn beyond(c: char) -> Folded {
    Folded { c: lower(c), class: classify(c), reducible: Reducible::NONE }
}

/// The class of `c` and the character it is matched as.
#[inline]
pub fn fold(c: char) -> (Class, char) {
    let folded = look_up(&CELLS, c);
    (folded.class, folded.c)
}

/// What may begin with `c`, which is folded, that is reduced.
pub(crate) fn reducible(c: char) -> Reducible {
    look_up(&CELLS, c).reducible
}

/// Folds many characters.
#[derive(Clone, Copy)]
pub(crate) struct Folder(&'static [Folded; BMP]);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(&CELLS)
    }

    #[inline]
    pub(crate) fn fold(self, c: char) -> Folded {
        look_up(self.0, c)
    }
}

/// Full-width signs as the ASCII they stand for.
fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folded_character_is_of_the_same_class() {
        for c in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let (class, folded) = fold(c);
            if matches!(class, Class::Ideograph | Class::Letter) {
                assert_eq!(fold(folded).0, class, "{c}");
            }
        }
    }
}
