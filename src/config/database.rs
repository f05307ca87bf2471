//! `[database]`

use std::time::Duration;

use earmark_journal::DatabaseOptions;
use serde::{Deserialize, Deserializer};

use super::value::between;

/// The journal's database.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `sqlite:PATH`, `postgres://…`.
    #[serde(deserialize_with = "database_url")]
    pub url: String,
    /// Connections to a server.
    #[serde(deserialize_with = "between::<1, 1_000, _, _>")]
    pub connections: u32,
    /// Longest wait for one.
    #[serde(deserialize_with = "between::<1, 3_600, _, _>")]
    pub acquire_timeout_secs: u64,
    /// Longest statement.
    #[serde(deserialize_with = "between::<1, 86_400, _, _>")]
    pub statement_timeout_secs: u64,
    /// Longest wait for a row.
    #[serde(deserialize_with = "between::<1, 3_600, _, _>")]
    pub lock_timeout_secs: u64,
    /// Longest standstill in a transaction.
    #[serde(deserialize_with = "between::<1, 3_600, _, _>")]
    pub idle_in_transaction_timeout_secs: u64,
}

impl Database {
    /// The limits as the database takes them.
    pub fn options(&self) -> DatabaseOptions {
        DatabaseOptions {
            connections: self.connections,
            acquire_timeout: Duration::from_secs(self.acquire_timeout_secs),
            statement_timeout: Duration::from_secs(self.statement_timeout_secs),
            lock_timeout: Duration::from_secs(self.lock_timeout_secs),
            idle_in_transaction_timeout: Duration::from_secs(self.idle_in_transaction_timeout_secs),
        }
    }
}

fn database_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let url = String::deserialize(deserializer)?;
    let is_known = ["sqlite:", "postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
    if is_known {
        return Ok(url);
    }
    Err(serde::de::Error::custom("use sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=require"))
}
