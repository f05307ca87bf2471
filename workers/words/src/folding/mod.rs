//! A text made ready for looking: every character folded to what its spellings have in common.

pub(crate) mod append;
pub(crate) mod differences;
pub(crate) mod fold;
pub(crate) mod numerals;
pub(crate) mod passage;
pub(crate) mod reducible;
pub(crate) mod word_hash;
