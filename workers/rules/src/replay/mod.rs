//! Stored reports judged by two rule sets, and what the second finds otherwise than the first.

mod difference;
mod judge;

pub use difference::{Change, ChangeKind, Counts, JobDifference, RuleRow, Summary, Tally};
pub use judge::{Different, Judged, Judges};
