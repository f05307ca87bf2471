//! The kinds of difference between two spellings that may be looked past, and which of them a rule looks past.

/// A set of kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Kinds(u16);

impl Kinds {
    pub(crate) const NONE: Self = Self(0);
    /// Full-width letters, digits and signs.
    pub(crate) const WIDTH: Self = Self(1);
    /// Capital letters.
    pub(crate) const CASE: Self = Self(1 << 1);
    /// Traditional characters.
    pub(crate) const TRADITIONAL: Self = Self(1 << 2);
    /// Digits and Chinese numerals, one by one and with units.
    pub(crate) const NUMERALS: Self = Self(1 << 3);
    /// Words that say nothing: 嗯, 那个, um.
    pub(crate) const FILLERS: Self = Self(1 << 4);
    /// The same again at once: 保保证.
    pub(crate) const REPEATS: Self = Self(1 << 5);
    /// Signs between characters.
    pub(crate) const PUNCTUATION: Self = Self(1 << 6);
    /// Spaces between characters.
    pub(crate) const SPACES: Self = Self(1 << 7);
    /// Characters written as their halves: 弓虽.
    pub(crate) const SPLIT_CHARACTERS: Self = Self(1 << 8);

    /// What a rule looks past unless it says otherwise: all but split characters, which are also words.
    pub(crate) const DEFAULT: Self = Self(0xff);
    /// What is looked past character by character.
    pub(crate) const OF_CHARACTERS: Self = Self(0b1100_1111);

    /// Whether all of `other` is in the set.
    pub(crate) fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The set with all of `other`.
    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The set without any of `other`.
    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl Default for Kinds {
    fn default() -> Self {
        Self::DEFAULT
    }
}
