//! Everything that is known of jobs, in one SQL database: [`Database`]. [`Journal`] says where each job stands and who may
//! work on it, [`SqlResults`] ends it, [`SqlAuditLog`] reads the record of every decision, [`Outbox`] holds what is to be
//! told outside, [`Accounts`] and [`Usage`] say whether requests may be sent and what they cost.

mod accounts;
mod audit;
mod boards;
mod database;
mod error;
mod journal;
mod outbox;
mod replays;
mod results;
mod retention;
mod rule_sets;
mod usage;
mod verdicts;
mod words;
mod worker_lock;

pub use accounts::{AccountRow, AccountState, Accounts};
pub use audit::{AuditLog, ChainReport, SqlAuditLog};
pub use boards::{Boards, StoredBoard};
pub use database::{Database, DatabaseOptions, MigrationReport};
pub use error::JournalError;
pub use journal::{
    Accepted, Answer, CancelOutcome, Caps, Count, Hold, JobFilter, Journal, KeyNames, LaneStats, LeaseState, Outcome,
    Pause, QUARANTINE_DEATHS, QueueStats, Reusable, SavedClip, SeenWorker, Spent, StandingJob, SweepReport, Told,
    Unannounced, WorkerCount, WorkerInfo,
};
pub use outbox::{ALERT_LOG, Alert, Backlog, Message, NewAlert, Outbox, OutboxKind};
pub use replays::{Applied, NewReplay, ReplayFilter, Replays, StoredReplay, StoredReport};
pub use results::{FindingFilter, Finished, FoundIn, Holding, ResultStore, SqlResults, finding_key};
pub use retention::{Keep, Retention, RetentionReport};
pub use rule_sets::{Activation, RuleSets, StoredRuleSet};
pub use usage::{Booking, Budget, Settled, Usage, UsageFilter, UsageRow};
pub use verdicts::{FindingPlace, GivenVerdict, Judged, JudgedFilter, JudgedFinding, NewVerdict, Verdict, Verdicts};
pub use worker_lock::WorkerLock;
