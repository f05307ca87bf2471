//! What each failure of the database is called, whose fault it is, what helps, and what becomes of the job.

use std::time::Duration;

use earmark_core::{Disposition, Failure, Fault, WAIT_FOR_PERSON};

use super::JournalError;

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
            | Self::Full { .. }
            | Self::Conflict { .. } => Disposition::RetryAfter(WAIT_FOR_LOCK),
            Self::Database { source, .. } if is_disk(source) => Disposition::RetryAfter(WAIT_FOR_LOCK),
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
            Self::Database { .. } | Self::BudgetSpent { .. } => Disposition::Retry,
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

/// Whether the disk or the way to it failed, which is nobody's fault: what else a database says of a statement it would say
/// again. Codes: SQLITE_IOERR and its kin, PostgreSQL's class 58 of five characters.
fn is_disk(source: &sqlx::Error) -> bool {
    match source {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(told) => told.code().is_some_and(|code| match code.len() {
            5 => code.starts_with("58"),
            _ => code.parse::<i64>().is_ok_and(|code| code & 0xff == 10),
        }),
        _ => false,
    }
}
