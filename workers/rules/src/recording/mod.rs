//! What is known of one recording.

pub(crate) mod context;
pub(crate) mod facts;
pub(crate) mod language_tag;
pub(crate) mod tracks;
pub(crate) mod within;
mod word_count;
