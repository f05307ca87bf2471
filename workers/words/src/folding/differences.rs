//! The kinds of difference between two spellings that may be looked past, and which of them a rule looks past.

/// A set of kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Differences(u16);

impl Differences {
    /// Nothing is looked past: exactly as written.
    pub const NONE: Self = Self(0);
    /// Full-width letters, digits and signs.
    pub const WIDTH: Self = Self(1);
    /// Capital and small letters.
    pub const CASE: Self = Self(1 << 1);
    /// Traditional and simplified characters.
    pub const TRADITIONAL: Self = Self(1 << 2);
    /// Digits and Chinese numerals, one by one and with units.
    pub const NUMERALS: Self = Self(1 << 3);
    /// Words that say nothing: 嗯, 那个, um.
    pub const FILLERS: Self = Self(1 << 4);
    /// The same again at once: 保保证.
    pub const REPEATS: Self = Self(1 << 5);
    /// Signs between characters.
    pub const PUNCTUATION: Self = Self(1 << 6);
    /// Spaces between characters.
    pub const SPACES: Self = Self(1 << 7);
    /// Characters written as their halves: 弓虽.
    pub const SPLIT_CHARACTERS: Self = Self(1 << 8);

    /// What a rule looks past unless it says otherwise: all but split characters, which are also words.
    pub const DEFAULT: Self = Self(0xff);
    /// What is looked past character by character.
    pub const OF_CHARACTERS: Self = Self(0b1100_1111);

    /// Whether all of `other` is in the set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The set with all of `other`.
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The set without any of `other`.
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl Default for Differences {
    fn default() -> Self {
        Self::DEFAULT
    }
}
