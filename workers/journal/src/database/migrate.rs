//! Bringing the schema to this program's version, and seeing whether it is there.

use std::sync::LazyLock;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{Row, SqlSafeStr};

use super::link::Link;
use super::{Database, Engine, sqlite};
use crate::JournalError;
use crate::worker_lock::FileLock;

/// Every file of the folder `migrations`: its number, its name, what it says. By hand, for the macro that reads the folder
/// makes everybody who builds earmark compile sqlx and its drivers a second time.
const FILES: &[(i64, &str, &str)] = &[
    (1, "journal", include_str!("../../../../migrations/0001_journal.sql")),
    (2, "results", include_str!("../../../../migrations/0002_results.sql")),
    (3, "audit", include_str!("../../../../migrations/0003_audit.sql")),
    (4, "outbox", include_str!("../../../../migrations/0004_outbox.sql")),
    (5, "boards", include_str!("../../../../migrations/0005_boards.sql")),
    (6, "accounts", include_str!("../../../../migrations/0006_accounts.sql")),
    (7, "blame", include_str!("../../../../migrations/0007_blame.sql")),
    (8, "fleet", include_str!("../../../../migrations/0008_fleet.sql")),
    (9, "rule sets", include_str!("../../../../migrations/0009_rule_sets.sql")),
    (10, "verdicts", include_str!("../../../../migrations/0010_verdicts.sql")),
    (11, "rule refusers", include_str!("../../../../migrations/0011_rule_refusers.sql")),
    (12, "workers seen", include_str!("../../../../migrations/0012_workers_seen.sql")),
    (13, "alerts counted", include_str!("../../../../migrations/0013_alerts_counted.sql")),
    (14, "places", include_str!("../../../../migrations/0014_places.sql")),
    (15, "workers version", include_str!("../../../../migrations/0015_workers_version.sql")),
    (16, "addresses", include_str!("../../../../migrations/0016_addresses.sql")),
    (17, "facts", include_str!("../../../../migrations/0017_facts.sql")),
    (18, "dead letters by cause", include_str!("../../../../migrations/0018_dead_letters_by_cause.sql")),
];

static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let migration = |&(version, name, sql): &(i64, &'static str, &'static str)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(FILES.iter().map(migration).collect())
});

/// How long a process waits for another one that migrates the server's database; the migrations themselves may take as
/// long as they take.
const MIGRATION_WAIT: &str = "SET lock_timeout = '10min'; SET application_name = 'earmark migrate';";

/// What a migration did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationReport {
    /// Schema version before; 0 when there was none.
    pub from: i64,
    /// Schema version now.
    pub to: i64,
}

impl Database {
    /// Brings the schema to this program's version. The second time it does nothing; of processes that start together
    /// one does it and the others wait.
    ///
    /// # Errors
    /// [`JournalError::Newer`] when a later version of earmark has been here; [`JournalError::Migrate`].
    pub async fn migrate(&self) -> Result<MigrationReport, JournalError> {
        let known = schema_version();
        let from = self.version().await?;
        if from == known {
            return Ok(MigrationReport { from, to: known });
        }
        if from > known {
            return Err(JournalError::Newer { place: self.place(), found: from, known });
        }
        let migrated = match &self.engine {
            Engine::Memory => self.migrate_here().await,
            Engine::File(path) => {
                let _lock = FileLock::to_open(&sqlite::runtime_folder(path)).await?;
                self.migrate_here().await
            }
            Engine::Server(_) => self.migrate_server().await,
        };
        match migrated {
            Ok(()) => Ok(MigrationReport { from, to: known }),
            Err(MigrateError::VersionMissing(found)) => Err(JournalError::Newer { place: self.place(), found, known }),
            Err(MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _)) => {
                match self.mapped(source) {
                    JournalError::Database { place, source } => {
                        Err(JournalError::Migrate { place, source: source.into() })
                    }
                    other => Err(other),
                }
            }
            Err(source) => Err(JournalError::Migrate { place: self.place(), source }),
        }
    }

    async fn migrate_here(&self) -> Result<(), MigrateError> {
        let mut session = self.pool.acquire().await?;
        session.migrate(&MIGRATIONS).await
    }

    /// On a connection of its own, without the limits of everyday statements. The lock that makes others wait is a lock
    /// of this session: it goes with it, whatever becomes of the process.
    async fn migrate_server(&self) -> Result<(), MigrateError> {
        let mut link = Link::connect(&self.pool.shared.target.told(MIGRATION_WAIT)).await?;
        let migrated = link.migrate(&MIGRATIONS).await;
        link.close().await?;
        migrated
    }

    /// Which migrations a schema of version `found` lacks, each with its number: `17 facts`.
    pub fn migrations_after(found: i64) -> Vec<String> {
        let due = FILES.iter().filter(|(version, _, _)| *version > found);
        due.map(|(version, name, _)| format!("{version} {name}")).collect()
    }

    /// Whether the database can be read and written and has this program's schema.
    ///
    /// # Errors
    /// [`JournalError::Older`], [`JournalError::Newer`], or what stands in the way of reading or writing.
    pub async fn check(&self) -> Result<(), JournalError> {
        self.check_version().await?;
        // Matches nothing and is rolled back: it only has to be possible.
        let mut write = self.write().await?;
        write.run(sqlx::query("DELETE FROM turns WHERE lane = ''")).await?;
        Ok(())
    }

    pub(super) async fn check_version(&self) -> Result<(), JournalError> {
        let (found, known, place) = (self.version().await?, schema_version(), self.place());
        if found < known {
            return Err(JournalError::Older { place, found, known });
        }
        if found > known {
            return Err(JournalError::Newer { place, found, known });
        }
        Ok(())
    }

    async fn version(&self) -> Result<i64, JournalError> {
        let schema = match self.engine {
            Engine::Memory | Engine::File(_) => "SELECT name FROM sqlite_master WHERE name = '_sqlx_migrations'",
            Engine::Server(_) => {
                "SELECT CAST(to_regclass('_sqlx_migrations') AS TEXT) AS name WHERE to_regclass('_sqlx_migrations') IS NOT NULL"
            }
        };
        let has_schema = sqlx::query(schema).fetch_optional(&self.pool).await;
        if self.map(has_schema)?.is_none() {
            return Ok(0);
        }
        let row = sqlx::query("SELECT MAX(version) AS version FROM _sqlx_migrations").fetch_one(&self.pool).await;
        Ok(self.map(self.map(row)?.try_get::<Option<i64>, _>("version"))?.unwrap_or(0))
    }
}

fn schema_version() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::FILES;

    #[test]
    fn every_file_of_the_folder_is_a_migration() {
        let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations")).unwrap();
        let there: BTreeSet<String> = folder.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        let known = FILES.iter().map(|(version, name, _)| format!("{version:04}_{}.sql", name.replace(' ', "_")));
        assert_eq!(there, known.collect());
    }
}
