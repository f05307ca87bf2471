//! `[queue]`

use serde::{Deserialize, Deserializer};

/// How jobs reach workers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// `sqlite:`, the journal itself, or the URL of a Redis.
    #[serde(deserialize_with = "queue_url")]
    pub url: String,
}

impl Queue {
    /// Whether jobs reach workers through Redis.
    pub fn is_redis(&self) -> bool {
        !self.url.starts_with("sqlite:")
    }
}

fn queue_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let url = String::deserialize(deserializer)?;
    let known = ["sqlite:", "redis://", "rediss://", "redis+sentinel://", "rediss+sentinel://"];
    if known.iter().any(|scheme| url.starts_with(scheme)) {
        return Ok(url);
    }
    Err(serde::de::Error::custom(
        "use sqlite: for the journal itself, redis://HOST:PORT/DB, rediss://HOST:PORT/DB or redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/DB",
    ))
}
