//! What can go wrong with the database.

use std::path::PathBuf;
use std::time::Duration;

use earmark_core::audit::AuditError;
use earmark_core::{Disposition, Failure, Fault, JobId, JobState, Tenant, WAIT_FOR_PERSON};

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

/// How long a job waits for a busy database.
const WAIT_FOR_LOCK: Duration = Duration::from_secs(5);

impl Failure for JournalError {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownDatabase(_) => "database.unknown",
            Self::Folder { .. } => "database.folder",
            Self::Open { .. } => "database.open",
            Self::Missing { .. } => "database.missing",
            Self::NotADatabase { .. } => "database.not_a_database",
            Self::Corrupt { .. } => "database.corrupt",
            Self::Full { .. } => "database.full",
            Self::ReadOnly { .. } => "database.read_only",
            Self::Locked { .. } => "database.locked",
            Self::Newer { .. } => "database.newer",
            Self::Older { .. } => "database.older",
            Self::Migrate { .. } => "database.migrate",
            Self::LeaseLost(_) => "job.lease_lost",
            Self::NoSuchJob(_) => "job.unknown",
            Self::NotRetriable { .. } => "job.not_retriable",
            Self::KeyTaken { .. } => "job.key_taken",
            Self::KeyNames(names) => names.code(),
            Self::NoSuchAlert(_) => "alert.unknown",
            Self::NoSuchRuleSet(_) => "rules.unknown",
            Self::AmbiguousRuleSet(_) => "rules.ambiguous",
            Self::NothingBefore => "rules.nothing_before",
            Self::NotHeld(_) => "result.not_held",
            Self::NoSuchFinding { .. } => "finding.unknown",
            Self::NoSuchReplay(_) => "replay.unknown",
            Self::TextTooLong { .. } => "text.too_long",
            Self::BudgetSpent { .. } => "budget.spent",
            Self::Unreadable { .. } => "database.unreadable",
            Self::Encode { .. } => "database.encode",
            Self::Audit(_) => "audit.seal",
            Self::LockFile { .. } => "worker.lock_file",
            Self::NulInText { .. } => "job.nul_in_text",
            Self::Unreachable { .. } => "database.unreachable",
            Self::Denied { .. } => "database.denied",
            Self::TooOld { .. } => "database.too_old",
            Self::Pooled { .. } => "database.pooled",
            Self::Conflict { .. } => "database.conflict",
            Self::TooSlow { .. } => "database.too_slow",
            Self::Busy { .. } => "database.busy",
            Self::Database { .. } => "database.failed",
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Folder { source, .. } | Self::LockFile { source, .. }
                if source.kind() == std::io::ErrorKind::StorageFull =>
            {
                "free some space on that disk"
            }
            Self::UnknownDatabase(_) => {
                "set EARMARK__DATABASE__URL to sqlite:PATH, e.g. sqlite:earmark.sqlite, or postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=require; in a password write # as %23, / as %2F, @ as %40"
            }
            Self::Folder { .. } | Self::Open { .. } => {
                "choose a place you may write to with EARMARK__DATABASE__URL=sqlite:PATH"
            }
            Self::Missing { .. } => {
                "name it with EARMARK__DATABASE__URL; `earmark migrate` makes a new file, `createdb` a database on a server"
            }
            Self::NotADatabase { .. } => "name another file with EARMARK__DATABASE__URL; this one is left as it is",
            Self::Corrupt { place, .. } if is_server(place) => {
                "look into the server's log, and restore a backup where a table or an index is damaged"
            }
            Self::Corrupt { .. } => {
                "stop earmark, keep a copy of the file, and restore a backup or run `sqlite3 FILE .recover`"
            }
            Self::Full { place } if is_server(place) => {
                "free some space on the server's disk, or ask whoever keeps it; jobs wait until then"
            }
            Self::Full { .. } => "free some space on that disk; jobs wait until then",
            Self::ReadOnly { place } if is_server(place) => {
                "the server is a standby, or closed for writing (default_transaction_read_only): name its primary in EARMARK__DATABASE__URL, or wait for the failover to end; jobs wait until then"
            }
            Self::ReadOnly { .. } => "make the file and its folder writable for this user",
            Self::Locked { place, .. } | Self::Busy { place, .. } if is_server(place) => {
                "see in pg_stat_activity what the server is busy with, and whether EARMARK__DATABASE__CONNECTIONS of all processes are within its max_connections"
            }
            Self::Locked { .. } | Self::Busy { .. } => "see which other process uses the database: `fuser -v FILE`",
            Self::NulInText { .. } => "leave that character out",
            Self::Unreachable { .. } => {
                "see whether the server runs and can be reached from here; jobs wait until then"
            }
            Self::Denied { .. } => {
                "see user and password in EARMARK__DATABASE__URL, the server's pg_hba.conf, and what the user may do in the schema"
            }
            Self::TooOld { .. } => "use a newer server",
            Self::Pooled { .. } => "set pool_mode = session for this database in the pooler, or name the server itself",
            Self::TooSlow { .. } => {
                "see in pg_stat_activity what the server is busy with, or raise EARMARK__DATABASE__STATEMENT_TIMEOUT_SECS"
            }
            Self::Newer { .. } => "use the newer earmark, or another database",
            Self::Older { .. } => "run `earmark migrate`",
            Self::Migrate { .. } => "restore a backup of the database, or report this with the message",
            Self::NoSuchJob(_) => "`earmark jobs list` shows the jobs there are",
            Self::NotRetriable { .. } => "submit the recording again for a new job",
            Self::KeyTaken { .. } => "use another key, or none",
            Self::KeyNames(names) => return names.hint(),
            Self::NoSuchAlert(_) => "`earmark alerts list` shows the open alerts",
            Self::NoSuchRuleSet(_) => {
                "`earmark rules list` shows those there are; `earmark rules activate PATH` puts one there"
            }
            Self::AmbiguousRuleSet(_) => "give more of the hash",
            Self::NothingBefore => {
                "`earmark rules activate` puts another set in force, `--configured` the configured one"
            }
            Self::NotHeld(_) => "`earmark jobs show ID` says how it stands",
            Self::NoSuchFinding { .. } => "`earmark findings list` shows the findings there are",
            Self::NoSuchReplay(_) => "`earmark rules replays` shows the replays on record",
            Self::TextTooLong { .. } => "say it in fewer words",
            Self::BudgetSpent { .. } => "its jobs go on the next day, or once its budget is raised",
            Self::LockFile { .. } => "make the folder beside the database writable for this user",
            Self::LeaseLost(_)
            | Self::Unreadable { .. }
            | Self::Encode { .. }
            | Self::Audit(_)
            | Self::Conflict { .. }
            | Self::Database { .. } => return None,
        };
        Some(text.into())
    }

    fn disposition(&self) -> Disposition {
        match self {
            Self::LeaseLost(_) => Disposition::Release,
            // A disk that is full and a server that is read-only are soon as they were, and nobody tells us when.
            Self::Locked { .. }
            | Self::Busy { .. }
            | Self::TooSlow { .. }
            | Self::Unreachable { .. }
            | Self::Full { .. } => Disposition::RetryAfter(WAIT_FOR_LOCK),
            Self::ReadOnly { place } if is_server(place) => Disposition::RetryAfter(WAIT_FOR_LOCK),
            Self::Folder { .. }
            | Self::Open { .. }
            | Self::Missing { .. }
            | Self::NotADatabase { .. }
            | Self::Corrupt { .. }
            | Self::ReadOnly { .. }
            | Self::Newer { .. }
            | Self::Older { .. }
            | Self::Migrate { .. }
            | Self::Denied { .. }
            | Self::TooOld { .. }
            | Self::Pooled { .. }
            | Self::LockFile { .. } => Disposition::RetryAfter(WAIT_FOR_PERSON),
            Self::Database { .. } | Self::Conflict { .. } | Self::BudgetSpent { .. } => Disposition::Retry,
            Self::UnknownDatabase(_)
            | Self::NulInText { .. }
            | Self::NoSuchJob(_)
            | Self::NotRetriable { .. }
            | Self::KeyTaken { .. }
            | Self::KeyNames(_)
            | Self::NoSuchAlert(_)
            | Self::NoSuchRuleSet(_)
            | Self::AmbiguousRuleSet(_)
            | Self::NothingBefore
            | Self::NotHeld(_)
            | Self::NoSuchFinding { .. }
            | Self::NoSuchReplay(_)
            | Self::TextTooLong { .. }
            | Self::Unreadable { .. }
            | Self::Encode { .. }
            | Self::Audit(_) => Disposition::Fail,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::UnknownDatabase(_)
            | Self::Folder { .. }
            | Self::Open { .. }
            | Self::Missing { .. }
            | Self::NotADatabase { .. }
            | Self::Corrupt { .. }
            | Self::Full { .. }
            | Self::ReadOnly { .. }
            | Self::Locked { .. }
            | Self::Newer { .. }
            | Self::Older { .. }
            | Self::Migrate { .. }
            | Self::Denied { .. }
            | Self::TooOld { .. }
            | Self::Pooled { .. }
            | Self::LockFile { .. }
            | Self::Unreachable { .. }
            | Self::Conflict { .. }
            | Self::TooSlow { .. }
            | Self::Busy { .. }
            | Self::Database { .. } => Fault::Place,
            Self::NulInText { .. }
            | Self::NoSuchJob(_)
            | Self::NotRetriable { .. }
            | Self::KeyTaken { .. }
            | Self::NoSuchAlert(_)
            | Self::NoSuchRuleSet(_)
            | Self::AmbiguousRuleSet(_)
            | Self::NothingBefore
            | Self::NotHeld(_)
            | Self::NoSuchFinding { .. }
            | Self::NoSuchReplay(_)
            | Self::TextTooLong { .. }
            | Self::BudgetSpent { .. } => Fault::Caller,
            Self::KeyNames(names) => names.fault(),
            Self::LeaseLost(_) | Self::Unreadable { .. } | Self::Encode { .. } | Self::Audit(_) => Fault::Ours,
        }
    }
}

/// Whether a database lies on a server: what helps there is not what helps with a file.
fn is_server(place: &str) -> bool {
    place.starts_with("postgres")
}

/// Millionths of a yuan as yuan, without zeros at the end: `12.5`, `0.00056`.
fn yuan(micro_cny: i64) -> String {
    let sign = if micro_cny < 0 { "-" } else { "" };
    let (whole, rest) = (micro_cny.unsigned_abs() / 1_000_000, micro_cny.unsigned_abs() % 1_000_000);
    let text = format!("{sign}{whole}.{rest:06}");
    text.trim_end_matches('0').trim_end_matches('.').into()
}
