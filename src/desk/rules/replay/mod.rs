//! Stored transcripts judged by two rule sets: `rule_set` finds them, `walk` judges page after page, `compare` keeps and
//! applies what is different, `record` tells of earlier replays.

mod compare;
mod record;
mod rule_set;
mod walk;

pub use compare::{NewComparison, ReplayWatcher};
pub use earmark_journal::ReplayFilter;
pub use earmark_rules::replay::{Change, ChangeKind, JobDifference, Summary};
