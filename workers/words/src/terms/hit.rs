//! Where a term was found in a passage, and how.

/// What a phrase is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// To be found.
    Find,
    /// What stands inside is not to be found.
    Except,
}

/// How a phrase was found, in falling order of certainty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// By its characters.
    Spelled,
    /// By its words, of which some have another spelling.
    Variant,
    /// By its sound.
    Sound,
    /// By its sound to ears that merge some sounds.
    Fuzzy,
    /// By the sound of its words.
    Alike,
    /// By an expression.
    Pattern,
}

/// A phrase of a term found in a passage, in folded characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// Index of the term in its set.
    pub term: usize,
    /// What the phrase is for.
    pub role: Role,
    /// Its first character, among the folded characters of the passage.
    pub start: usize,
    /// Behind its last one.
    pub end: usize,
    /// It sounds like the phrase, and is written otherwise.
    pub is_by_sound: bool,
    /// Index into the term's phrases of that role; behind them, into its patterns.
    pub phrase: usize,
    /// How it was found.
    pub way: Way,
    /// Of a pattern: exact begin and end in its text, in characters, signs included.
    pub cut: Option<(usize, usize)>,
    /// It stands in what the passage reads as when it is reduced, not in the passage.
    pub is_reduced: bool,
}

impl Hit {
    /// A hit of phrase (term, role, number) `of`.
    pub(crate) fn new((term, role, phrase): (usize, Role, usize), start: usize, end: usize, way: Way) -> Self {
        let is_by_sound = matches!(way, Way::Sound | Way::Fuzzy | Way::Alike);
        Self { term, role, start, end, is_by_sound, phrase, way, cut: None, is_reduced: false }
    }
}
