//! Stored transcripts judged by two rule sets, and what the second finds otherwise than the first.

mod difference;
mod judge;
mod rule_set;
mod walk;

pub use difference::{Change, ChangeKind, JobDifference, Summary, Tally};
pub use judge::{Judged, Judges};
pub use rule_set::rule_set;
pub use walk::{Walk, walk};
