//! `[database]`

use earmark_core::check_server;
use serde::{Deserialize, Deserializer};

use super::hidden::Hidden;
use super::value::between;

/// The journal's database.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `sqlite:PATH`, `postgres://…`.
    #[serde(deserialize_with = "database_url")]
    pub url: Hidden<String>,
    /// Connections of this process to a server.
    #[serde(deserialize_with = "between::<1, 1_000, _, _>")]
    pub connections: u32,
    /// Longest wait for a free connection, in seconds.
    #[serde(deserialize_with = "between::<1, 3_600, _, _>")]
    pub acquire_timeout_secs: u64,
    /// Longest run of one statement, in seconds.
    #[serde(deserialize_with = "between::<1, 86_400, _, _>")]
    pub statement_timeout_secs: u64,
    /// Longest wait for a row that another process changes, in seconds.
    #[serde(deserialize_with = "between::<1, 3_600, _, _>")]
    pub lock_timeout_secs: u64,
    /// Longest standstill in a transaction, in seconds.
    #[serde(deserialize_with = "between::<1, 3_600, _, _>")]
    pub idle_in_transaction_timeout_secs: u64,
}

fn database_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Hidden<String>, D::Error> {
    let url = String::deserialize(deserializer)?;
    let is_known = ["sqlite:", "postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
    if is_known {
        if !url.starts_with("sqlite:") {
            check_server(&url).map_err(serde::de::Error::custom)?;
        }
        return Ok(Hidden::new(url));
    }
    Err(serde::de::Error::custom("use sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=require"))
}
