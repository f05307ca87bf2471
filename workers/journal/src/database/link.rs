//! One connection to an engine, and what it takes to make one. Not sqlx's pool and its `Any` driver: those cannot leave
//! out a start-up parameter that poolers refuse, and count transactions that the engine has ended by itself.

use std::sync::Arc;

use futures::TryStreamExt;
use sqlx::any::{AnyArguments, AnyQueryResult, AnyRow};
use sqlx::migrate::{Migrate, MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Any, AssertSqlSafe, ConnectOptions, Connection, Either, Execute, SqlSafeStr, SqlStr};
use sqlx_core::any::AnyConnectionBackend;

use crate::JournalError;

/// What a statement gives: rows, and at its end how many were written.
pub(super) type Answer = Vec<Either<AnyQueryResult, AnyRow>>;

/// Where connections lead, and what each is told first.
#[derive(Debug, Clone)]
pub(super) struct Target {
    engine: TargetEngine,
    words: Arc<str>,
}

#[derive(Debug, Clone)]
enum TargetEngine {
    Sqlite(Box<SqliteConnectOptions>),
    Postgres(Box<PgConnectOptions>),
}

impl Target {
    /// Connections to the SQLite database at `url`.
    ///
    /// # Errors
    /// [`JournalError::UnknownDatabase`] when the driver does not read it.
    pub(super) fn sqlite(url: &str, words: String) -> Result<Self, JournalError> {
        let options: SqliteConnectOptions = parsed(url)?;
        Ok(Self { engine: TargetEngine::Sqlite(Box::new(options.disable_statement_logging())), words: words.into() })
    }

    /// Sessions of the server at `url`.
    ///
    /// # Errors
    /// [`JournalError::UnknownDatabase`] when the driver does not read it.
    pub(super) fn postgres(url: &str, words: String) -> Result<Self, JournalError> {
        let options: PgConnectOptions = parsed(url)?;
        // No float is ever read as text, and pgBouncer refuses start-up parameters that it does not know.
        let options = options.extra_float_digits(None).disable_statement_logging();
        Ok(Self { engine: TargetEngine::Postgres(Box::new(options)), words: words.into() })
    }

    /// The same place, told other words.
    pub(super) fn told(&self, words: &str) -> Self {
        Self { engine: self.engine.clone(), words: words.into() }
    }

    /// Whether a network lies between.
    pub(super) fn is_server(&self) -> bool {
        matches!(self.engine, TargetEngine::Postgres(_))
    }
}

fn parsed<O: std::str::FromStr>(url: &str) -> Result<O, JournalError> {
    url.parse().map_err(|_| JournalError::UnknownDatabase(earmark_core::shown_database(url)))
}

/// A statement on its way to an engine.
pub(super) struct Asked {
    pub(super) sql: SqlStr,
    persistent: bool,
    arguments: Option<AnyArguments>,
}

impl Asked {
    pub(super) fn of<'q>(mut query: impl Execute<'q, Any>) -> Result<Self, sqlx::Error> {
        let arguments = query.take_arguments().map_err(sqlx::Error::Encode)?;
        let persistent = query.persistent() && arguments.is_some();
        Ok(Self { persistent, arguments, sql: query.sql() })
    }

    /// Words of ours, without arguments; several statements are one message.
    pub(super) fn words(words: &str) -> Self {
        Self { sql: AssertSqlSafe(words).into_sql_str(), persistent: false, arguments: None }
    }
}

/// A connection.
#[derive(Debug)]
pub(super) enum Link {
    Sqlite(Box<SqliteConnection>),
    Postgres(Box<PgConnection>),
}

impl Link {
    /// A new connection that has been told its first words.
    pub(super) async fn connect(target: &Target) -> Result<Self, sqlx::Error> {
        let mut link = Self::login(target).await?;
        link.tell(target).await?;
        Ok(link)
    }

    /// A new connection that has been told nothing yet: somebody is there, who may be too busy to hear more.
    pub(super) async fn login(target: &Target) -> Result<Self, sqlx::Error> {
        Ok(match &target.engine {
            TargetEngine::Sqlite(options) => Self::Sqlite(Box::new(options.connect().await?)),
            TargetEngine::Postgres(options) => Self::Postgres(Box::new(options.connect().await?)),
        })
    }

    /// Says the first words.
    pub(super) async fn tell(&mut self, target: &Target) -> Result<(), sqlx::Error> {
        self.run(Asked::words(&target.words)).await.map(drop)
    }

    pub(super) async fn run(&mut self, asked: Asked) -> Result<Answer, sqlx::Error> {
        let backend: &mut dyn AnyConnectionBackend = match self {
            Self::Sqlite(connection) => &mut **connection,
            Self::Postgres(connection) => &mut **connection,
        };
        backend.fetch_many(asked.sql, asked.persistent, asked.arguments).try_collect().await
    }

    pub(super) async fn migrate(&mut self, migrations: &Migrator) -> Result<(), MigrateError> {
        match self {
            Self::Sqlite(connection) => migrations.run_direct(None, &mut **connection, false).await,
            Self::Postgres(connection) => {
                let migrated = migrations.run_direct(None, &mut **connection, false).await;
                if migrated.is_err() {
                    // The run left it locked; closing would do, but others need not wait for that.
                    let _ = Migrate::unlock(&mut **connection).await;
                }
                migrated
            }
        }
    }

    pub(super) async fn ping(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => Connection::ping(&mut **connection).await,
            Self::Postgres(connection) => Connection::ping(&mut **connection).await,
        }
    }

    pub(super) async fn close(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => Connection::close(*connection).await,
            Self::Postgres(connection) => Connection::close(*connection).await,
        }
    }
}
