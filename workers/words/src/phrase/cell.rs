//! A word or phrase of a rule, made ready for matching: its folded characters, each with what may stand before it.

use crate::folding::fold::{Class, Folder};
use crate::folding::passage::{Joint, Passage};
use crate::folding::reducible::Reducible;

/// A recogniser writes long words in two ("what's app", "pass code"); short ones cannot be told from other words.
pub(crate) const SPLITTABLE_LETTERS: usize = 6;

/// A folded character of a part of a phrase, and what may stand before it in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cell(u32);

const CHAR_BITS: u32 = (1 << 21) - 1;
const LETTER: u32 = 1 << 21;
/// The first character of its part: two phrases with the same cells have the same parts.
const FIRST: u32 = 1 << 22;
/// Something that is reduced may begin with it.
const REDUCIBLE: u32 = 1 << 23;
/// From here one bit for each joint that may stand before the character; not used for the first.
const JOINTS: u32 = 24;
const ANY: u32 = 0b11_1111 << JOINTS;
/// Not joined, not even by an apostrophe.
const APART: u32 = (one_of(Joint::Split) | one_of(Joint::Pause)) << JOINTS;
/// The point or comma of a number: there, or not.
const POINT: u32 = one_of(Joint::Point) << JOINTS;
const COMMA: u32 = one_of(Joint::Comma) << JOINTS;
const LOOSE: u32 = (one_of(Joint::Joined) | one_of(Joint::Apostrophe) | one_of(Joint::Split)) << JOINTS;
const TIGHT: u32 = one_of(Joint::Joined) << JOINTS;
const JOINT_BITS: u32 = ANY;

/// The bit of `joint` among those of all joints.
#[inline]
const fn one_of(joint: Joint) -> u32 {
    1_u32 << joint.bits()
}

impl Cell {
    /// The character, folded.
    #[inline]
    pub fn char(self) -> char {
        char::from_u32(self.0 & CHAR_BITS).unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    /// Whether `other` is the same character, whatever may stand before it.
    pub(crate) fn is_same_char(self, other: Self) -> bool {
        (self.0 ^ other.0) & CHAR_BITS == 0
    }

    /// All that it is, in one number.
    pub(crate) fn bits(self) -> u32 {
        self.0
    }

    /// Whether it belongs to a word with edges.
    pub(crate) fn is_letter(self) -> bool {
        self.0 & LETTER != 0
    }

    /// Whether something that is reduced may begin with it, as [`crate::folding::fold::reducible`] tells; every numeral is.
    pub(crate) fn may_be_reduced(self) -> bool {
        self.0 & REDUCIBLE != 0
    }

    /// Whether the text must have it apart from the character before it: it begins a word of its own.
    pub(crate) fn is_apart(self) -> bool {
        self.0 & JOINT_BITS == APART
    }

    /// Whether the text may have it joined to the character before it or split from it.
    pub(crate) fn is_loose(self) -> bool {
        self.0 & JOINT_BITS == LOOSE
    }

    /// Whether the text may have it apart from the character before it.
    pub(crate) fn may_be_apart(self) -> bool {
        self.allows(Joint::Split)
    }

    fn allows(self, joint: Joint) -> bool {
        self.0 & one_of(joint) << JOINTS != 0
    }
}

/// What a phrase has between two characters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seam {
    Nothing,
    Hyphen,
    /// The comma of a number.
    Comma,
    /// The point of a number.
    Point,
    Space,
}

/// Puts the cells of `text`, a stretch without an ellipsis, behind `cells`; none where all of it is folded away.
pub(crate) fn append_part(cells: &mut Vec<Cell>, text: &str) {
    let begin = cells.len();
    // Where the run of letters at the end of `cells` begins, which the text may have in pieces when it is long.
    let mut run = begin;
    let mut seam = Seam::Nothing;
    // The last cell is a letter, and nothing stands behind it.
    let mut is_inside = false;
    let folder = Folder::new();
    for c in text.chars() {
        let folded = folder.fold(c);
        let reducible = if folded.reducible == Reducible::NONE { 0 } else { REDUCIBLE };
        if is_inside && folded.is_letter() {
            cells.push(Cell(u32::from(folded.c) | TIGHT | LETTER | reducible));
            continue;
        }
        let (class, folded) = (folded.class, folded.c);
        is_inside = class == Class::Letter;
        match class {
            Class::Nothing => {}
            Class::Ideograph | Class::Letter => {
                let is_letter = class == Class::Letter;
                let follows = is_letter && cells.len() > begin && cells[cells.len() - 1].is_letter();
                let joints = match seam {
                    _ if !follows => ANY,
                    Seam::Comma if folded.is_ascii_digit() => COMMA,
                    Seam::Point if folded.is_ascii_digit() => POINT,
                    Seam::Space | Seam::Comma | Seam::Point => APART,
                    Seam::Hyphen => LOOSE,
                    Seam::Nothing => TIGHT,
                };
                if joints == ANY || joints == APART {
                    loosen(&mut cells[run..]);
                    run = cells.len();
                }
                let first = if cells.len() == begin { FIRST } else { 0 };
                cells.push(Cell(u32::from(folded) | joints | first | reducible | if is_letter { LETTER } else { 0 }));
                seam = Seam::Nothing;
            }
            Class::Apostrophe if seam == Seam::Nothing => seam = Seam::Hyphen,
            Class::Gap if seam == Seam::Nothing && matches!(c, '-' | '\u{2010}' | '\u{2011}') => seam = Seam::Hyphen,
            Class::Pause if seam == Seam::Nothing && is_digit(cells.get(begin..).unwrap_or_default()) => {
                seam = match folded {
                    '.' => Seam::Point,
                    ',' => Seam::Comma,
                    _ => Seam::Space,
                };
            }
            Class::Apostrophe | Class::Gap | Class::Pause => seam = Seam::Space,
        }
    }
    loosen(&mut cells[run..]);
}

/// Whether the last of `cells` is a digit.
fn is_digit(cells: &[Cell]) -> bool {
    cells.last().is_some_and(|cell| cell.char().is_ascii_digit())
}

/// Lets a text have `run`, letters without a space between them, in pieces if it is long.
fn loosen(run: &mut [Cell]) {
    if run.len() >= SPLITTABLE_LETTERS {
        for cell in run.iter_mut().skip(1).filter(|cell| cell.0 & JOINT_BITS == TIGHT) {
            cell.0 |= LOOSE;
        }
    }
}

/// Whether `part` stands at `start` of `passage`, with the same characters, and keeps to the words there.
pub(crate) fn stands_at(part: &[Cell], passage: &Passage, start: usize) -> bool {
    let end = start + part.len();
    let Some(heard) = passage.chars.get(start..end) else { return false };
    heard.iter().zip(part).all(|(&heard, cell)| u32::from(heard) == cell.0 & CHAR_BITS)
        && part.iter().enumerate().skip(1).all(|(i, cell)| cell.allows(passage.joint(start + i)))
        && passage.begins_word(start)
        && passage.ends_word(end)
}
