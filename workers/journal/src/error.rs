//! What can go wrong with the database.

mod failure;

use std::path::PathBuf;

use earmark_core::audit::AuditError;
use earmark_core::{JobId, JobState, Tenant};

use crate::answer::KeyNames;

/// Why the database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The URL names a database this build does not speak.
    #[error("the database URL `{0}` is none that this build can open")]
    UnknownDatabase(String),
    /// The database's folder cannot be made.
    #[error("cannot make the folder {path} for the database")]
    Folder {
        /// The folder that was to be made.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The database's file cannot be opened.
    #[error("cannot open the database {place}")]
    Open {
        /// Where it lies, without a password.
        place: String,
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
    /// There is no file.
    #[error("there is no database {place}")]
    Missing {
        /// Where it lies, without a password.
        place: String,
    },
    /// The file is something else.
    #[error("{place} is not a SQLite database")]
    NotADatabase {
        /// Where it lies, without a password.
        place: String,
    },
    /// The database's pages contradict each other.
    #[error("the database {place} is damaged: {message}")]
    Corrupt {
        /// Where it lies, without a password.
        place: String,
        /// What SQLite said of it.
        message: String,
    },
    /// No room left.
    #[error("no space left for the database {place}")]
    Full {
        /// Where it lies, without a password.
        place: String,
    },
    /// Not writable for this user, or on a read-only mount.
    #[error("the database {place} cannot be written")]
    ReadOnly {
        /// Where it lies, without a password.
        place: String,
    },
    /// Another process held the write lock longer than we wait.
    #[error("the database {place} was locked by another process for more than {waited_secs} s")]
    Locked {
        /// Where it lies, without a password.
        place: String,
        /// How long we waited.
        waited_secs: u64,
    },
    /// A later version of earmark has been here.
    #[error("the database {place} has schema version {found}, this program knows versions up to {known}")]
    Newer {
        /// Where it lies, without a password.
        place: String,
        /// The database's version.
        found: i64,
        /// The program's version.
        known: i64,
    },
    /// The schema is older than the program, or missing.
    #[error("the database {place} has schema version {found}, this program needs {known}")]
    Older {
        /// Where it lies, without a password.
        place: String,
        /// The database's version; 0 when there is no schema.
        found: i64,
        /// The program's version.
        known: i64,
    },
    /// A migration failed.
    #[error("cannot bring the database {place} to this program's schema")]
    Migrate {
        /// Where it lies, without a password.
        place: String,
        /// What the migration failed at.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// The lease is void: the job was given to another worker, called off or swept.
    #[error("the lease of job {0} is lost: nothing more may be written for it")]
    LeaseLost(JobId),
    /// No such job.
    #[error("there is no job {0}")]
    NoSuchJob(JobId),
    /// Only dead and cancelled jobs can be tried again.
    #[error("job {job} is {state}, only dead and cancelled jobs can be retried")]
    NotRetriable {
        /// The job that was to be retried.
        job: JobId,
        /// Where it stands.
        state: JobState,
    },
    /// The key belongs to a job that is there already.
    #[error("key `{key}` belongs to job {job} already")]
    KeyTaken {
        /// The producer's key.
        key: String,
        /// Whose it is.
        job: JobId,
    },
    /// The key names another recording.
    #[error(transparent)]
    KeyNames(#[from] KeyNames),
    /// No such alert.
    #[error("there is no open alert {0}")]
    NoSuchAlert(String),
    /// Not kept, or no hash.
    #[error("there is no rule set `{0}` in the database")]
    NoSuchRuleSet(String),
    /// The beginning of several hashes.
    #[error("`{0}` is the beginning of more than one rule set's hash")]
    AmbiguousRuleSet(String),
    /// No earlier set to go back to.
    #[error("there is no rule set before the one in force")]
    NothingBefore,
    /// Nobody holds the result back.
    #[error("the result of job {0} is not held")]
    NotHeld(JobId),
    /// No such finding, or none any more.
    #[error("job {job} has no finding `{}`", finding.escape_debug())]
    NoSuchFinding {
        /// In which job.
        job: JobId,
        /// The id that no finding of it has.
        finding: String,
    },
    /// No such replay.
    #[error("there is no replay `{}`", .0.escape_debug())]
    NoSuchReplay(String),
    /// A text of a person is longer than what is kept.
    #[error("{what} has {bytes} bytes, it may have {max}")]
    TextTooLong {
        /// Which text it is, with its article.
        what: &'static str,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        max: usize,
    },
    /// One more request would cost more than the tenant may spend on that day.
    #[error("tenant {tenant} has spent {} of its {} yuan for {day}, and the next request would go over", yuan(*spent_micro_cny), yuan(*limit_micro_cny))]
    BudgetSpent {
        /// The tenant whose budget it is.
        tenant: Tenant,
        /// The day that the budget is for, `YYYY-MM-DD`.
        day: String,
        /// In millionths of a yuan.
        spent_micro_cny: i64,
        /// In millionths of a yuan.
        limit_micro_cny: i64,
    },
    /// A row holds what no version of earmark writes.
    #[error("column {column} holds `{value}`: {why}")]
    Unreadable {
        /// The column's name.
        column: &'static str,
        /// What it holds.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// A value cannot be written as JSON.
    #[error("cannot write {what} as JSON")]
    Encode {
        /// What the value is.
        what: &'static str,
        /// What the encoder said.
        #[source]
        source: serde_json::Error,
    },
    /// An audit entry cannot be sealed.
    #[error("cannot put the decision on record")]
    Audit(#[from] AuditError),
    /// A worker's lock file cannot be made or held.
    #[error("cannot hold the lock file {path}")]
    LockFile {
        /// The worker's lock file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A text that is offered holds what no database keeps.
    #[error("{what} `{}` holds the character U+0000", value.escape_debug())]
    NulInText {
        /// Which text it is, with its article.
        what: &'static str,
        /// What it is.
        value: String,
    },
    /// The server cannot be reached, or the connection to it broke; whether the last change took effect is unknown.
    #[error("the connection to the database {place} failed")]
    Unreachable {
        /// The server's URL, without a password.
        place: String,
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
    /// The server does not let this user in, or not do this.
    #[error("the database {place} refuses: {message}")]
    Denied {
        /// The server's URL, without a password.
        place: String,
        /// The server's words.
        message: String,
    },
    /// The server's release is too old.
    #[error("the database {place} runs PostgreSQL {found}, this program needs {least} or later")]
    TooOld {
        /// The server's URL, without a password.
        place: String,
        /// The server's version.
        found: String,
        /// The oldest release that will do.
        least: u32,
    },
    /// Between us and the server is a pooler that shares a session among several of ours.
    #[error(
        "the database {place} is behind a pooler in transaction mode: what earmark says of a session does not stay with it"
    )]
    Pooled {
        /// The server's URL, without a password.
        place: String,
    },
    /// Two transactions waited for each other, and the server ended this one.
    #[error("two transactions in the database {place} stood in each other's way")]
    Conflict {
        /// The server's URL, without a password.
        place: String,
        /// The server's words.
        #[source]
        source: sqlx::Error,
    },
    /// The server ended a statement that took too long.
    #[error("a statement took longer than {waited_secs} s in the database {place}")]
    TooSlow {
        /// The server's URL, without a password.
        place: String,
        /// How long it may take.
        waited_secs: u64,
    },
    /// Every connection was busy, or none could be made, for too long.
    #[error("there was no connection to the database {place} within {waited_secs} s")]
    Busy {
        /// Where it lies, without a password.
        place: String,
        /// How long we waited.
        waited_secs: u64,
    },
    /// Anything else the database said.
    #[error("the database {place} failed")]
    Database {
        /// Where it lies, without a password.
        place: String,
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
}

/// Millionths of a yuan as yuan, without zeros at the end: `12.5`, `0.00056`.
fn yuan(micro_cny: i64) -> String {
    let sign = if micro_cny < 0 { "-" } else { "" };
    let (whole, rest) = (micro_cny.unsigned_abs() / 1_000_000, micro_cny.unsigned_abs() % 1_000_000);
    let text = format!("{sign}{whole}.{rest:06}");
    text.trim_end_matches('0').trim_end_matches('.').into()
}
