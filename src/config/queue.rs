//! `[queue]`

use std::collections::BTreeMap;
use std::net::IpAddr;

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

    /// Whether that Redis is asked for on this machine's loopback, so that nobody elsewhere needs to reach it. What cannot
    /// be told is elsewhere.
    pub fn is_on_this_machine(&self) -> bool {
        let url = url::Url::parse(self.url.expose()).ok().filter(|url| matches!(url.scheme(), "redis" | "rediss"));
        // Of a scheme that is not one of the web's, an address is a name as well.
        let host = url.as_ref().and_then(url::Url::host_str).map(|host| host.trim_matches(['[', ']']));
        host.is_some_and(|host| {
            host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redis_is_on_this_machine_only_where_it_is_asked_for_there() {
        let is_here = |url: &str| {
            let url = Hidden::new(url.into());
            Queue { url, tenant_jobs: 0, tenant_caps: BTreeMap::new() }.is_on_this_machine()
        };
        for url in ["redis://127.0.0.1:6379/1", "redis://u:p@localhost", "rediss://[::1]:6380", "redis://127.8.0.1"] {
            assert!(is_here(url), "{url}");
        }
        for url in [
            "redis://redis:6379",
            "redis://10.0.0.7",
            "redis://localhost.example.org",
            "redis://localhost@example.org",
            "redis+sentinel://localhost:26379/mymaster/0",
            "redis://",
            "sqlite:",
        ] {
            assert!(!is_here(url), "{url}");
        }
    }
}
