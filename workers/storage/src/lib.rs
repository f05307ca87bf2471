//! Recordings in, results out: fetching, the job journal, reports, findings, the audit log and the outbox.
//!
//! Everything that is known of jobs lies in one SQL database: [`Database`]. [`Journal`] says where each job stands and
//! who may work on it, [`SqlResults`] ends it, [`SqlAuditLog`] reads the record of every decision, [`Outbox`] holds what
//! is to be told outside, [`Accounts`] and [`Usage`] say whether requests may be sent and what they cost. [`Recordings`]
//! fetches what is to be heard, [`FileArtifacts`] and [`S3Artifacts`] keep what came of it; [`S3`] is the object store of
//! both.

mod accounts;
mod artifacts;
mod audit;
mod boards;
mod database;
mod digest;
mod error;
mod http_client;
mod journal;
mod outbox;
mod recordings;
mod replays;
mod results;
mod retention;
mod rule_sets;
mod s3;
mod usage;
mod verdicts;
mod words;
mod worker_lock;

pub use accounts::{AccountRow, AccountState, Accounts};
pub use artifacts::{
    Artifact, ArtifactStore, FileArtifacts, OrphanReport, OrphanSweep, S3Artifacts, Sse, check_folder,
};
pub use audit::{AuditLog, ChainReport, SqlAuditLog};
pub use boards::{Boards, StoredBoard};
pub use database::{Database, DatabaseOptions, MigrationReport};
pub use digest::sha256_hex;
pub use error::StorageError;
pub use http_client::{HttpClientError, HttpOptions, http_client, is_public};
pub use journal::{
    Accepted, CancelOutcome, Caps, Count, Hold, JobFilter, Journal, LaneStats, LeaseState, Outcome, Pause,
    QUARANTINE_DEATHS, QueueStats, Reusable, SavedClip, SeenWorker, Spent, StandingJob, SweepReport, Told, Unannounced,
    WorkerCount, WorkerInfo,
};
pub use outbox::{ALERT_LOG, Alert, Backlog, Message, NewAlert, Outbox, OutboxKind};
pub use recordings::{
    FetchError, FetchLimits, Fetched, FileStore, HttpStore, RecordingStore, Recordings, S3Store, known_version,
    shown_uri,
};
pub use replays::{Applied, NewReplay, ReplayFilter, Replays, StoredReplay, StoredReport};
pub use results::{FindingFilter, Finished, FoundIn, Holding, ResultStore, SqlResults, finding_key};
pub use retention::{Keep, Retention, RetentionReport};
pub use rule_sets::{Activation, RuleSets, StoredRuleSet};
pub use s3::{Listed, Listing, PathStyle, S3, S3Error, S3Options};
pub use usage::{Booking, Budget, Settled, Usage, UsageFilter, UsageRow};
pub use verdicts::{FindingPlace, GivenVerdict, Judged, JudgedFilter, JudgedFinding, NewVerdict, Verdict, Verdicts};
pub use worker_lock::WorkerLock;
