//! What can go wrong on the way to Redis.

use earmark_core::{Disposition, Failure, Fault};

/// Why Redis did not answer.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The URL names no Redis.
    #[error("`{url}` is no URL of a Redis: {why}")]
    Url {
        /// The URL, without its password.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// Redis cannot be reached, or refuses.
    #[error("Redis at {place} does not answer as it should")]
    Redis {
        /// Host and port, or the Sentinels and the service.
        place: String,
        /// What the client library says.
        #[source]
        source: redis::RedisError,
    },
}

impl LinkError {
    /// The word with which Redis refused (`NOGROUP`, `READONLY`, `OOM`), where it refused.
    pub fn refusal(&self) -> Option<&str> {
        match self {
            Self::Url { .. } => None,
            Self::Redis { source, .. } => source.code(),
        }
    }
}

impl Failure for LinkError {
    fn code(&self) -> &'static str {
        match self {
            Self::Url { .. } => "redis.url",
            Self::Redis { .. } => "redis.unreachable",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Url { .. } => Some(
                "use redis://HOST:PORT/DB, rediss://HOST:PORT/DB or redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/DB"
                    .into(),
            ),
            Self::Redis { place, .. } => {
                Some(format!("check that Redis 6.2 or later runs at {place} and that the user may run scripts"))
            }
        }
    }

    fn disposition(&self) -> Disposition {
        match self {
            Self::Url { .. } => Disposition::Fail,
            Self::Redis { .. } => Disposition::Retry,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Url { .. } | Self::Redis { .. } => Fault::Place,
        }
    }
}
