//! The journal: everything that is known of jobs, in one SQL database, SQLite on one machine or PostgreSQL for many.
//!
//! ```text
//!   database      opening it, its schema, the one way to write to it
//!   worker_lock   lock files: which processes of this machine live
//!   error         what can go wrong
//!   facts         its id, by which what lies elsewhere is known to belong to it
//!
//!   answer        what became of an offered job
//!   jobs          where each job stands, and who may work on it: Journal
//!   accounts      whether requests may be sent on an account: Accounts
//!   places        stores, hosts and folders that are away, and the jobs that wait for them: Places
//!   usage         what requests cost, and the budgets they must stay within: Usage
//!   documents     small documents that many processes change together: SharedDocuments
//!        |
//!   results       what ends a job well, and reading it: ResultStore
//!   findings      the rows of what rules found
//!   verdicts      what reviewers say of it: Verdicts
//!   rule_sets     the rule sets that were in force: RuleSets
//!   replays       judging again by other rules: Replays
//!   person_text   names and notes of people: what can be kept
//!        |
//!   audit         the record of every decision, behind all of them: AuditLog
//!   outbox        what is to be told outside: Outbox
//!   alerts        what someone has to look at
//!   retention     what has had its time goes: Retention
//! ```

mod accounts;
mod alerts;
mod answer;
mod audit;
mod database;
mod documents;
mod error;
mod facts;
mod findings;
mod jobs;
mod outbox;
mod person_text;
mod places;
mod replays;
mod results;
mod retention;
mod rule_sets;
mod usage;
mod verdicts;
mod worker_lock;

pub use accounts::{AccountRow, AccountState, Accounts};
pub use alerts::{ALERT_LOG, Alert, AlertFilter, NewAlert};
pub use answer::{Accepted, Answer, KeyNames};
pub use audit::{AuditLog, ChainReport, SqlAuditLog};
pub use database::{Database, DatabaseOptions, MigrationReport, at_once};
#[doc(hidden)]
pub use database::{Fault, Seam};
pub use documents::{SharedDocument, SharedDocuments};
pub use error::JournalError;
pub use jobs::{
    AlertLimits, Bytes, CalledOff, CancelOutcome, Caps, Count, EarlyFinding, EntryAnswer, HoldingView, JobFilter,
    JobUsage, JobView, Journal, LaneStats, LeaseState, Outcome, Pause, QUARANTINE_DEATHS, QueueStats, Readdressed,
    RejectedEntry, Renewal, Reusable, SavedClip, SeenWorker, StandingJob, SweepReport, Unannounced, Watch, WatchReport,
    WorkerCount, WorkerInfo, WorkerProcess,
};
pub use outbox::{Backlog, Message, Outbox};
pub use places::{AwayPlace, Fate, Pace, Pass, Places, Suspect};
pub use replays::{NewReplay, Replacement, ReplayFilter, Replays, StoredReplay, StoredReport};
pub use results::{FindingFilter, Finished, FoundIn, ResultStore, ReviewHold, SqlResults, finding_key};
pub use retention::{Retention, RetentionReport, RetentionTimes};
pub use rule_sets::{Activation, RuleSets, StoredRuleSet};
pub use usage::{Booking, Budget, Settlement, Usage, UsageFilter, UsageRow};
pub use verdicts::{FindingPlace, GivenVerdict, Judged, JudgedFilter, JudgedFinding, NewVerdict, Verdicts};
pub use worker_lock::WorkerLock;
