//! How characters are read, at a glance: most have one reading or two.

use std::sync::LazyLock;

use super::readings::{NO_SYLLABLE, Syllable, readings};
use crate::numbers::wide;

/// How a character is read, at a glance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Glance {
    /// Two of its readings, or twice the one.
    pub(crate) first: Syllable,
    pub(crate) second: Syllable,
    /// The [`beside`] of all its readings.
    pub(crate) beside: SyllableBits,
    /// Whether it has more than two.
    pub(crate) has_more: bool,
}

/// A bit for each of some syllables, one of 16: what may stand beside others.
pub(crate) type SyllableBits = u16;

/// The bit of `syllable`.
#[inline]
pub(crate) fn beside(syllable: Syllable) -> SyllableBits {
    1 << (syllable & 15)
}

impl Glance {
    /// Of what has no reading: a syllable that there is not.
    pub(crate) const NONE: Self = Self { first: NO_SYLLABLE, second: NO_SYLLABLE, beside: 0, has_more: false };

    fn new(readings: &[Syllable]) -> Self {
        let Some(&first) = readings.first() else { return Self::NONE };
        let second = readings.get(1).copied().unwrap_or(first);
        let beside = readings.iter().fold(0, |all, &reading| all | beside(reading));
        Self { first, second, beside, has_more: readings.len() > 2 }
    }
}

static VOICED: LazyLock<Box<[Glance]>> = LazyLock::new(|| {
    let characters = (0..=u32::from(u16::MAX)).map(|code| char::from_u32(code).map_or(&[][..], readings));
    characters.map(Glance::new).collect()
});

/// How characters are read.
#[derive(Clone, Copy)]
pub(crate) struct Glances(&'static [Glance]);

impl Glances {
    pub(crate) fn new() -> Self {
        Self(&VOICED)
    }

    #[inline]
    pub(crate) fn of(self, c: char) -> Glance {
        self.0.get(wide(u32::from(c))).copied().unwrap_or(Glance::NONE)
    }
}
