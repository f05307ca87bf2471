//! Stored transcripts judged by two rule sets.

mod rule_set;
mod walk;

pub use rule_set::rule_set;
pub use walk::{Walk, walk};
