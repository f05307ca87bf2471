//! PostgreSQL: one server, many writers.

use std::time::Duration;

use earmark_core::{check_server, shown_database};

use super::{Database, DatabaseOptions, Engine, column};
use crate::JournalError;

/// The oldest major release that this is tested to work with.
const LEAST_VERSION: u32 = 13;

/// `read_only_sql_transaction`.
const READ_ONLY: &str = "25006";

/// What pgBouncer says when it has too many to serve, all with the code of a broken protocol.
const TOO_MANY: [&str; 3] = ["no more connections allowed", "client connections exceeded", "query_wait_timeout"];

/// The server's clock, not that of the transaction's begin.
pub(super) const SERVER_TIME: &str = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS now_ms";

/// The server's release, and its process behind this session.
pub(super) const SERVER: &str =
    "SELECT current_setting('server_version_num') AS version, CAST(pg_backend_pid() AS TEXT) AS process";

/// Whether `url` names a server of this kind.
pub(super) fn is_url(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// `url` as it may be shown: role, host, port and database. None when it is no address of a server, or reads in two ways.
pub(super) fn place_of(url: &str) -> Option<String> {
    (is_url(url) && check_server(url).is_ok()).then(|| shown_database(url).trim_end_matches("?…").to_owned())
}

/// What every connection is told first.
pub(super) fn first_words(options: &DatabaseOptions) -> String {
    let ms = |time: Duration| time.as_millis();
    format!(
        "SET application_name = 'earmark'; SET statement_timeout = {}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {};",
        ms(options.statement_timeout),
        ms(options.lock_timeout),
        ms(options.idle_in_transaction_timeout)
    )
}

impl Database {
    /// Refuses a server that is too old, and a pooler that gives the sessions we hold to others between two statements.
    /// `first` is the server's process behind a session that is held meanwhile.
    ///
    /// # Errors
    /// [`JournalError::TooOld`], [`JournalError::Pooled`].
    pub(super) async fn refuse_server(&self, first: &str) -> Result<(), JournalError> {
        let row = sqlx::query(SERVER).fetch_one(&self.pool).await;
        let row = self.map(row)?;
        refuse_older(self.place(), &column::<String>(self, &row, "version")?)?;
        if column::<String>(self, &row, "process")? == first {
            return Err(JournalError::Pooled { place: self.place() });
        }
        Ok(())
    }

    /// How far this machine's clock is ahead of the server's, in milliseconds; none for a database of this machine.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn clock_ahead_ms(&self) -> Result<Option<i64>, JournalError> {
        match self.engine {
            Engine::Memory | Engine::File(_) => Ok(None),
            Engine::Server(_) => Ok(Some(self.now_ms() - self.shared_now_ms().await?)),
        }
    }

    /// The time that all processes agree on: the server's, or this machine's where there is none.
    pub(crate) async fn shared_now_ms(&self) -> Result<i64, JournalError> {
        if !self.is_shared() {
            return Ok(self.now_ms());
        }
        let row = sqlx::query(SERVER_TIME).fetch_one(&self.pool).await;
        column(self, &self.map(row)?, "now_ms")
    }
}

/// `version` as `server_version_num` gives it: 150004 is 15.4.
fn refuse_older(place: String, version: &str) -> Result<(), JournalError> {
    let found = version.parse::<u32>().unwrap_or(0);
    if found / 10_000 >= LEAST_VERSION {
        return Ok(());
    }
    let found = format!("{}.{}", found / 10_000, found % 10_000);
    Err(JournalError::TooOld { place, found, least: LEAST_VERSION })
}

/// What an error says of the session it came on, and of the server behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The session goes on; a transaction in it does not.
    Sound,
    /// The session is of no more use: ended by the server, or bound to one that may only be read.
    Gone,
    /// Nothing behind it can be reached: not there, starting, going down, or silent.
    Away,
    /// The server takes no more sessions.
    TooMany,
}

pub(super) fn standing(error: &sqlx::Error) -> Standing {
    let told = match error {
        sqlx::Error::Database(told) => told,
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => return Standing::Away,
        _ => return Standing::Gone,
    };
    match told.code().as_deref() {
        Some("53300") => Standing::TooMany,
        Some("08P01") if TOO_MANY.iter().any(|words| told.message().contains(words)) => Standing::TooMany,
        Some("57P01" | "57P02" | "57P03") => Standing::Away,
        Some(READ_ONLY | "25P03" | "57P04" | "57P05") => Standing::Gone,
        Some(code) if code.starts_with("08") => Standing::Away,
        Some(_) | None => Standing::Sound,
    }
}

/// Whether a statement that writes met a session that may not.
pub(super) fn is_read_only(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|told| told.code()).is_some_and(|code| code == READ_ONLY)
}

/// What the server said, in our words. Codes: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
pub(super) fn mapped(place: String, error: sqlx::Error, options: &DatabaseOptions) -> JournalError {
    let told = match &error {
        sqlx::Error::Database(told) => told,
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::PoolClosed => {
            return JournalError::Unreachable { place, source: error };
        }
        _ => return JournalError::Database { place, source: error },
    };
    let code = told.code().unwrap_or_default().into_owned();
    let message = told.message().to_owned();
    match code.as_str() {
        "40001" | "40P01" => JournalError::Conflict { place, source: error },
        "55P03" => JournalError::Locked { place, waited_secs: options.lock_timeout.as_secs() },
        "57014" => JournalError::TooSlow { place, waited_secs: options.statement_timeout.as_secs() },
        "28000" | "28P01" | "42501" => JournalError::Denied { place, message },
        "3D000" => JournalError::Missing { place },
        READ_ONLY => JournalError::ReadOnly { place },
        "53100" => JournalError::Full { place },
        "XX001" | "XX002" => JournalError::Corrupt { place, message },
        // Told to go, starting up, recovering, ended for standing still.
        "57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "25P03" => JournalError::Unreachable { place, source: error },
        "53300" => JournalError::Busy { place, waited_secs: options.acquire_timeout.as_secs() },
        code if code.starts_with("08") => JournalError::Unreachable { place, source: error },
        _ => JournalError::Database { place, source: error },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_nobody_repairs_any_more_is_refused() {
        for version in ["130000", "150018", "180001"] {
            assert!(refuse_older("db".into(), version).is_ok(), "{version}");
        }
        for (version, found) in [("120022", "12.22"), ("90624", "9.624"), ("?", "0.0")] {
            let error = refuse_older("db".into(), version).expect_err(version);
            assert!(matches!(&error, JournalError::TooOld { found: said, least: 13, .. } if said == found), "{error}");
        }
    }

    #[test]
    fn a_place_shows_no_password_wherever_it_stands() {
        for (url, place) in [
            ("postgres://me:secret@db:5433/earmark?sslmode=require", "postgres://me@db:5433/earmark"),
            ("postgresql://db/earmark?user=me&password=secret", "postgresql://db/earmark"),
        ] {
            assert_eq!(place_of(url).as_deref(), Some(place));
        }
        assert_eq!(place_of("sqlite:a"), None);
    }
}
