//! What can go wrong with the store of the permits.

use earmark_core::{Disposition, Failure};
use earmark_storage::StorageError;

/// Why the permits' store did not answer.
#[derive(Debug, thiserror::Error)]
pub enum PermitsError {
    /// The URL names no store that this build can open.
    #[error("the permits' URL `{url}` is none that this build can open: {why}")]
    Url {
        /// The URL, without its password.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The database failed.
    #[error("cannot settle permits in the database")]
    Database(#[source] StorageError),
    /// Redis cannot be reached, or refuses.
    #[error("cannot settle permits in Redis at {place}")]
    Redis {
        /// Host and port, or the Sentinels and the service.
        place: String,
        /// Why.
        #[source]
        source: redis::RedisError,
    },
    /// The store did not answer in time.
    #[error("the permits' store did not answer within {waited_ms} ms")]
    Silent {
        /// How long we waited.
        waited_ms: u128,
    },
}

impl Failure for PermitsError {
    fn code(&self) -> &'static str {
        match self {
            Self::Url { .. } => "permits.url",
            Self::Database(_) => "permits.database",
            Self::Redis { .. } => "permits.redis",
            Self::Silent { .. } => "permits.silent",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Url { .. } => Some(
                "use sqlite: (the journal's database), redis://HOST:PORT/DB, rediss://HOST:PORT/DB or redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/DB"
                    .into(),
            ),
            Self::Database(source) => source.hint(),
            Self::Redis { place, .. } => {
                Some(format!("check that Redis 6 or later runs at {place} and that the user may run scripts and INFO"))
            }
            Self::Silent { .. } => None,
        }
    }

    fn disposition(&self) -> Disposition {
        match self {
            Self::Url { .. } => Disposition::Fail,
            Self::Database(source) => source.disposition(),
            Self::Redis { .. } | Self::Silent { .. } => Disposition::Retry,
        }
    }
}
