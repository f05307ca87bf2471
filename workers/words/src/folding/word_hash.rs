//! What a word of letters is looked up by.

/// The letters of a word so far, mixed into one number: little work for each of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct WordHash(u64);

impl WordHash {
    /// Those of `letters`, in order.
    pub(crate) fn of(letters: impl Iterator<Item = char>) -> Self {
        letters.fold(Self::default(), Self::with)
    }

    /// With one more.
    #[inline]
    pub(crate) fn with(self, letter: char) -> Self {
        Self(self.0.rotate_left(7) ^ u64::from(letter))
    }

    /// Words that differ have seldom the same.
    #[inline]
    pub(crate) fn number(self) -> u64 {
        self.0
    }
}
