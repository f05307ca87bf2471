//! What counts as the same word: how far a term's words are looked for beyond the way they are written.

use crate::folding::differences::Differences;
use crate::sound::fuzzy::Fuzzy;

/// Words of so many characters are matched by sound unless it is asked otherwise.
pub const HOMOPHONE_MIN_CHARS: usize = 4;
/// Below this nearly everything sounds like something else: 7.8 homophones for each exact hit at two characters.
pub const HOMOPHONE_LEAST_CHARS: usize = 3;

/// What counts as the same word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matching {
    /// Matching by sound; none: switched off.
    pub homophones: Option<Homophones>,
    /// What is looked past.
    pub normalise: Differences,
    /// How English words are matched beyond their spelling.
    pub english: English,
}

/// How a rule matches English words beyond their spelling.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct English {
    /// `colour` is `color`.
    pub spelling_variants: bool,
    /// `garanteed` sounds like `guaranteed`.
    pub sound_alikes: bool,
}

impl English {
    pub(crate) fn is_any(self) -> bool {
        self.spelling_variants || self.sound_alikes
    }
}

/// How a rule matches by sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Homophones {
    /// Words of fewer characters are not matched by sound; nothing below [`HOMOPHONE_LEAST_CHARS`] is.
    pub min_chars: usize,
    /// The tones must agree, at any length.
    pub tones: bool,
    /// Initials and finals that are taken for the same.
    pub fuzzy: Fuzzy,
}

impl Default for Homophones {
    fn default() -> Self {
        Self { min_chars: HOMOPHONE_MIN_CHARS, tones: false, fuzzy: Fuzzy::default() }
    }
}

impl Homophones {
    /// Phrases to be found, or exceptions, with fewer characters are not matched by sound.
    pub(crate) fn least_chars(&self, is_found: bool) -> usize {
        // A mishearing must not undo an exception; a short one sounds like too much.
        if is_found { self.min_chars.max(HOMOPHONE_LEAST_CHARS) } else { HOMOPHONE_MIN_CHARS }
    }
}
