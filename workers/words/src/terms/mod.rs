//! What is looked for, and what is found.

pub(crate) mod hit;
pub(crate) mod matching;
pub(crate) mod pattern;
pub(crate) mod term;
