//! The ellipses of a phrase: how they are written, and what each may stand for in a text.

use crate::folding::fold::fold;
use crate::folding::passage::{Joint, Passage};

/// Stands for a few words that do not matter; what people type for `…` counts as well.
const ELLIPSIS: char = '…';
const TYPED_ELLIPSIS: &str = "...";
/// The most units that a bound may name.
pub const MAX_BOUND: u8 = 40;
/// What an ellipsis without a bound may stand for at most: eight Chinese characters or four words.
const UNITS: usize = 16;
const UNITS_OF_IDEOGRAPH: usize = 2;
const UNITS_OF_WORD: usize = 4;
/// Longer than words are. It bounds the work where letters have no end.
const CHARS_PER_WORD: usize = 32;

/// What an ellipsis may stand for at most: the bound that it names, in Chinese characters and words of letters
/// together; 0: it names none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gap(u8);

/// A piece of a phrase, and the ellipsis behind it; none behind the last.
#[derive(Debug, Clone, Copy)]
pub struct Stretch<'a> {
    /// What stands there.
    pub text: &'a str,
    /// The ellipsis behind it.
    pub ellipsis: Option<Ellipsis<'a>>,
}

/// An ellipsis of a phrase.
#[derive(Debug, Clone, Copy)]
pub struct Ellipsis<'a> {
    /// With its bound.
    pub written: &'a str,
    /// What it may stand for.
    pub gap: Gap,
}

impl Gap {
    /// Of two ellipses side by side: the bound that was written last.
    pub(crate) fn beside(self, next: Self) -> Self {
        if next.0 == 0 { self } else { next }
    }

    /// At least as many folded characters as any stretch has that it may stand for.
    pub(crate) fn max_chars(self) -> usize {
        let words = if self.0 == 0 { UNITS / UNITS_OF_WORD } else { self.0.into() };
        words * CHARS_PER_WORD
    }

    /// Up to which character of `passage` it may stand for those from `from` on: few enough, and no clause ends there.
    /// None where one ends before `from`.
    pub(crate) fn end(self, passage: &Passage, from: usize) -> Option<usize> {
        if passage.joint(from) >= Joint::Pause {
            return None;
        }
        let (of_ideograph, of_word, most) = match self.0 {
            0 => (UNITS_OF_IDEOGRAPH, UNITS_OF_WORD, UNITS),
            bound => (1, 1, bound.into()),
        };
        let mut units = 0;
        let mut to = from;
        while to - from < self.max_chars() {
            if !passage.is_letter(to) {
                units += of_ideograph;
            } else if passage.joint(to) >= Joint::Split {
                units += of_word;
            }
            if units > most || passage.joint(to + 1) >= Joint::Pause {
                break;
            }
            to += 1;
        }
        Some(to)
    }

    /// Whether it may stand for characters `from..to` of `passage`.
    pub fn spans(self, passage: &Passage, from: usize, to: usize) -> bool {
        from <= to && self.end(passage, from).is_some_and(|end| to <= end)
    }
}

/// Whether there is an ellipsis in `text`.
pub(crate) fn has_ellipsis(text: &str) -> bool {
    // Most words have neither, and are seen so at a glance.
    text.bytes().any(|byte| byte == b'.' || byte == 0xe2) && (text.contains(ELLIPSIS) || text.contains(TYPED_ELLIPSIS))
}

/// The stretches of `text` between its ellipses; one where it has none.
pub fn stretches(text: &str) -> impl Iterator<Item = Stretch<'_>> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let Some((at, sign)) = next_ellipsis(text) else { return Some(Stretch { text, ellipsis: None }) };
        let behind = &text[at + sign..];
        let (gap, bytes) = bound(behind).unwrap_or_default();
        rest = Some(&behind[bytes..]);
        let written = &text[at..at + sign + bytes];
        Some(Stretch { text: &text[..at], ellipsis: Some(Ellipsis { written, gap }) })
    })
}

/// The first bound in `text` that is none: not closed, empty, no number, or out of its range.
pub fn bad_bound(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some((at, sign)) = next_ellipsis(rest) {
        rest = &rest[at + sign..];
        match bound(rest) {
            Ok((_, bytes)) => rest = &rest[bytes..],
            Err(written) => return Some(written),
        }
    }
    None
}

/// Where the first ellipsis of `text` begins, and how many bytes it has.
fn next_ellipsis(text: &str) -> Option<(usize, usize)> {
    let sign = text.find(ELLIPSIS).map(|at| (at, ELLIPSIS.len_utf8()));
    let typed = text.find(TYPED_ELLIPSIS).map(|at| (at, TYPED_ELLIPSIS.len()));
    [sign, typed].into_iter().flatten().min()
}

/// The bound that `text`, what follows an ellipsis, begins with, and how many bytes it has. Signs and digits of double
/// width count as well.
///
/// # Errors
/// What stands there where a bound should.
fn bound(text: &str) -> Result<(Gap, usize), &str> {
    let is_open = |c: char| matches!(c, '{' | '｛');
    let is_close = |c: char| matches!(c, '}' | '｝');
    let Some(inside) = text.trim_start().strip_prefix(is_open) else { return Ok((Gap::default(), 0)) };
    let begin = text.len() - inside.len();
    let Some(close) = inside.find(is_close) else { return Err(text.trim()) };
    let bytes = begin + close + inside[close..].chars().next().map_or(0, char::len_utf8);
    let digits: String = inside[..close].trim().chars().map(|c| fold(c).1).collect();
    match digits.parse() {
        Ok(units) if (1..=MAX_BOUND).contains(&units) => Ok((Gap(units), bytes)),
        _ => Err(text[..bytes].trim()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_read_in_every_way_to_write_it() {
        for (text, pieces, bounds) in [
            ("承诺…{3}收益", &["承诺", "收益"][..], &[3][..]),
            ("guarantee...{12} return", &["guarantee", " return"], &[12]),
            ("a… { 40 }b…c", &["a", "b", "c"], &[40, 0]),
            ("不能…{2}", &["不能", ""], &[2]),
            ("加……｛５｝微信", &["加", "", "微信"], &[0, 5]),
            ("C{3}", &["C{3}"], &[]),
        ] {
            assert_eq!(bad_bound(text), None, "{text}");
            assert_eq!(stretches(text).map(|stretch| stretch.text).collect::<Vec<_>>(), pieces, "{text}");
            let found: Vec<u8> = stretches(text).filter_map(|stretch| Some(stretch.ellipsis?.gap.0)).collect();
            assert_eq!(found, bounds, "{text}");
            let written = |stretch: Stretch| stretch.ellipsis.map_or("", |ellipsis| ellipsis.written).to_owned();
            let whole: String = stretches(text).map(|stretch| stretch.text.to_owned() + &written(stretch)).collect();
            assert_eq!(whole, text);
        }
        for (text, bad) in [
            ("a…{}b", "{}"),
            ("a…{0}b", "{0}"),
            ("a…{3}b...{41}c", "{41}"),
            ("a…{3b", "{3b"),
            ("a…{-1}b", "{-1}"),
            ("a…{三}b", "{三}"),
            ("a…{999999999999}b", "{999999999999}"),
        ] {
            assert_eq!(bad_bound(text), Some(bad), "{text}");
        }
    }
}
