//! What stands beside two syllables that stand side by side.

use super::glances::SyllableBits;
use super::readings::{SYLLABLES, Syllable};

/// For every two syllables, which others stand behind them somewhere, and which before them: 1 MB.
pub(crate) struct Pairs(Box<[u32; SYLLABLES * SYLLABLES]>);

/// Those that stand behind, for [`Pairs`].
#[inline]
pub(crate) fn behind(syllables: SyllableBits) -> u32 {
    syllables.into()
}

/// Those that stand before.
#[inline]
pub(crate) fn in_front(syllables: SyllableBits) -> u32 {
    u32::from(syllables) << SyllableBits::BITS
}

impl Pairs {
    /// Nothing stands anywhere.
    pub(crate) fn new() -> Option<Self> {
        vec![0; SYLLABLES * SYLLABLES].try_into().ok().map(Self)
    }

    #[inline]
    fn place(first: Syllable, second: Syllable) -> usize {
        usize::from(first) % SYLLABLES * SYLLABLES + usize::from(second) % SYLLABLES
    }

    /// Notes what stands beside the two: [`behind`] them, [`in_front`] of them.
    pub(crate) fn add(&mut self, first: Syllable, second: Syllable, beside: u32) {
        self.0[Self::place(first, second)] |= beside;
    }

    /// All that was noted.
    #[inline]
    pub(crate) fn get(&self, first: Syllable, second: Syllable) -> u32 {
        self.0[Self::place(first, second)]
    }
}
