//! `[queue]`

use std::collections::BTreeMap;

use earmark_core::{Tenant, check_server};
use serde::{Deserialize, Deserializer};

use super::hidden::Hidden;
use super::value::{between, by_tenant};

/// More jobs at a time than any fleet has slots.
const MOST_JOBS: u64 = 1_000_000;

/// How jobs reach workers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// `sqlite:`, the journal itself, or the URL of a Redis.
    #[serde(deserialize_with = "queue_url")]
    pub url: Hidden<String>,
    /// Jobs that a tenant may have in work, over all workers; 0 for no cap.
    #[serde(deserialize_with = "between::<0, MOST_JOBS, _, _>")]
    pub tenant_jobs: u32,
    /// Tenants with a cap of their own.
    #[serde(deserialize_with = "caps")]
    pub tenant_caps: BTreeMap<Tenant, u32>,
}

fn caps<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Tenant, u32>, D::Error> {
    let number = |text: &str| text.parse().ok().filter(|cap| u64::from(*cap) <= MOST_JOBS);
    by_tenant(deserializer, "tenant=jobs", number)
}

impl Queue {
    /// Whether jobs reach workers through Redis.
    pub fn is_redis(&self) -> bool {
        !self.url.expose().starts_with("sqlite:")
    }
}

fn queue_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Hidden<String>, D::Error> {
    let url = String::deserialize(deserializer)?;
    let known = ["sqlite:", "redis://", "rediss://", "redis+sentinel://", "rediss+sentinel://"];
    if known.iter().any(|scheme| url.starts_with(scheme)) {
        if !url.starts_with("sqlite:") {
            check_server(&url).map_err(serde::de::Error::custom)?;
        }
        return Ok(Hidden::new(url));
    }
    Err(serde::de::Error::custom(
        "use sqlite: for the journal itself, redis://HOST:PORT/DB, rediss://HOST:PORT/DB or redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/DB",
    ))
}
