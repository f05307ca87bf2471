//! Judging again: stored transcripts to be judged by other rules, the record of what came of it, and, when that is asked
//! for, findings in the place of those there were.
//!
//! ```text
//!   stored            the types
//!   pages             stored reports, to be judged again
//!   record            what was compared and what came of it
//!   replace_findings  findings in the place of others
//!   report            a report with the findings that count now
//! ```

mod pages;
mod record;
mod replace_findings;
mod report;
mod stored;

pub use replace_findings::Replacement;
pub(crate) use report::current_report;
pub use stored::{NewReplay, ReplayFilter, Replays, StoredReplay, StoredReport};
