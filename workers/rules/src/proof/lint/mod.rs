//! What is allowed in a rule set and probably not meant.

mod common_words;
pub(crate) mod overview;
mod patterns;
mod rule;
pub(crate) mod warning;
mod words;
