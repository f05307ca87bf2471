//! A word or phrase of a rule, made ready for matching.

use crate::fold::{Class, Joint, Passage, fold};

/// Stands for a few words that do not matter; what people type for `…` counts as well.
const ELLIPSIS: &str = "…";
/// What an ellipsis may stand for at most, in units: eight Chinese characters or four words.
const GAP_UNITS: usize = 16;
/// More folded characters than any stretch that an ellipsis may stand for.
pub(crate) const MAX_GAP_CHARS: usize = GAP_UNITS * 8;
const UNITS_OF_IDEOGRAPH: usize = 2;
const UNITS_OF_WORD: usize = 4;
/// A recogniser writes long words in two ("what's app", "pass code"); short ones cannot be told from other words.
const SPLITTABLE_LETTERS: usize = 6;

/// A word or phrase as the rule has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrase {
    /// As written in the rule.
    pub text: String,
    /// Line in its file, from 1.
    pub line: u64,
    /// Column in its file, from 1.
    pub column: u64,
    pub(crate) parts: Vec<Part>,
    /// Begins with an ellipsis.
    pub(crate) opens_before: bool,
    /// Ends with an ellipsis.
    pub(crate) opens_after: bool,
}

/// A stretch of a phrase without an ellipsis.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Part {
    /// Folded.
    pub(crate) chars: Vec<char>,
    /// What may stand before each character in the text, at least and at most; the first entry is not used.
    joints: Vec<(Joint, Joint)>,
    /// Whether all of it is written in Chinese characters or the like.
    pub(crate) is_ideographic: bool,
}

impl Phrase {
    /// The phrase in `text`; nothing is left of its parts when it holds no letter and no character.
    pub(crate) fn new(text: &str, line: u64, column: u64) -> Self {
        let spelled = text.trim().replace("...", ELLIPSIS);
        let parts = spelled.split(ELLIPSIS).map(Part::new).filter(|part| !part.chars.is_empty()).collect();
        let (opens_before, opens_after) = (spelled.starts_with(ELLIPSIS), spelled.ends_with(ELLIPSIS));
        Self { text: text.trim().into(), line, column, parts, opens_before, opens_after }
    }

    /// How many characters are left after folding.
    pub(crate) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.chars.len()).sum()
    }

    /// The folded characters, an ellipsis between the parts.
    pub(crate) fn folded(&self) -> String {
        let parts: Vec<String> = self.parts.iter().map(|part| part.chars.iter().collect()).collect();
        parts.join(ELLIPSIS)
    }

    /// Whether it is written in Chinese characters or the like alone.
    pub(crate) fn is_ideographic(&self) -> bool {
        self.parts.iter().all(|part| part.is_ideographic)
    }

    /// Whether it has an ellipsis inside.
    pub fn has_gap(&self) -> bool {
        self.parts.len() > 1
    }
}

/// What a phrase has between two characters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seam {
    Nothing,
    Hyphen,
    Space,
}

impl Part {
    fn new(text: &str) -> Self {
        let mut chars = Vec::new();
        let mut classes = Vec::new();
        let mut seams = Vec::new();
        let mut seam = Seam::Nothing;
        for c in text.chars() {
            let (class, folded) = fold(c);
            match class {
                Class::Nothing => {}
                Class::Ideograph | Class::Letter => {
                    chars.push(folded);
                    classes.push(class);
                    seams.push(seam);
                    seam = Seam::Nothing;
                }
                Class::Apostrophe if seam == Seam::Nothing => seam = Seam::Hyphen,
                Class::Gap if seam == Seam::Nothing && matches!(c, '-' | '\u{2010}' | '\u{2011}') => {
                    seam = Seam::Hyphen
                }
                Class::Apostrophe | Class::Gap | Class::Pause => seam = Seam::Space,
            }
        }
        let joints = (0..chars.len()).map(|at| Self::allowed(&classes, &seams, at)).collect();
        let is_ideographic = classes.iter().all(|&class| class == Class::Ideograph);
        Self { chars, joints, is_ideographic }
    }

    fn allowed(classes: &[Class], seams: &[Seam], at: usize) -> (Joint, Joint) {
        let is_letter = |i: usize| classes[i] == Class::Letter;
        if at == 0 || !is_letter(at) || !is_letter(at - 1) {
            return (Joint::Joined, Joint::Pause);
        }
        match seams[at] {
            Seam::Space => (Joint::Split, Joint::Pause),
            Seam::Hyphen => (Joint::Joined, Joint::Split),
            Seam::Nothing => {
                let is_inside = |i: usize| is_letter(i) && seams[i] != Seam::Space;
                let before = (0..at).rev().take_while(|&i| is_letter(i) && (i + 1 == at || is_inside(i + 1)));
                let after = (at..classes.len()).take_while(|&i| is_inside(i));
                // Whether there are enough is all that matters: counting more would be quadratic in the word.
                let (before, after) = (before.take(SPLITTABLE_LETTERS).count(), after.take(SPLITTABLE_LETTERS).count());
                let is_long = before + after >= SPLITTABLE_LETTERS;
                (Joint::Joined, if is_long { Joint::Split } else { Joint::Joined })
            }
        }
    }

    /// Whether the part, whose characters stand at `start` of `passage`, keeps to the words there.
    pub(crate) fn keeps_words(&self, passage: &Passage, start: usize) -> bool {
        let end = start + self.chars.len();
        let inner = self.joints.iter().enumerate().skip(1);
        passage.begins_word(start)
            && passage.ends_word(end)
            && inner.into_iter().all(|(i, (least, most))| (*least..=*most).contains(&passage.joint(start + i)))
    }
}

/// Whether an ellipsis may stand for characters `from..to` of `passage`: few enough, and no clause ends there.
pub(crate) fn is_small_gap(passage: &Passage, from: usize, to: usize) -> bool {
    if to < from || to - from > MAX_GAP_CHARS {
        return false;
    }
    let mut units = 0;
    for at in from..to {
        if !passage.is_letter(at) {
            units += UNITS_OF_IDEOGRAPH;
        } else if passage.joint(at) >= Joint::Split {
            units += UNITS_OF_WORD;
        }
    }
    units <= GAP_UNITS && (from..=to).all(|at| passage.joint(at) < Joint::Pause)
}
