//! The shapes in which the desk answers: one for each thing, the same in `--json` and over HTTP. Instants stand in them
//! twice where programs have always had them twice, as RFC 3339 and in milliseconds.

mod account;
mod alert;
mod chain;
mod finding;
mod job;
mod place;
mod plan;
mod price;
mod queue;
mod replay;
mod result;
mod retention;
mod rule_set;
mod rule_stats;
mod setting;
mod submitted;
mod sweep;

pub use account::{AccountView, Spent, Today, UsageReport, UsageView};
pub use alert::AlertView;
pub use chain::ChainView;
pub(in crate::desk) use finding::place_of;
pub use finding::{FindingPage, FindingView, VerdictView};
pub use job::{JobPage, JobView};
pub use place::PlaceView;
pub use plan::{AccountLoad, Load, PlanRow, PlanTotal, PlannedRecording};
pub use price::yuan;
pub use queue::{PausedView, QueueView, ResumedView, StreamCounts, StreamsView};
pub use replay::{ReplayView, SummaryLine};
pub use result::{HoldingView, ReleasedView};
pub use retention::RetentionView;
pub use rule_set::{ExamplesView, KeptRuleSetView, TrialFindingView};
pub use rule_stats::{LabelledView, RuleStatsView, VerdictCounts};
pub use setting::SettingView;
pub use submitted::{RefusedView, SubmittedView};
pub use sweep::SweepView;
