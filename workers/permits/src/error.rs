//! What can go wrong with the store of the permits.

use earmark_core::{Disposition, Failure, Fault};
use earmark_journal::JournalError;
use earmark_redis::LinkError;

/// Why the permits' store did not answer.
#[derive(Debug, thiserror::Error)]
pub enum PermitsError {
    /// The journal's database failed.
    #[error("cannot settle permits in the database")]
    Database(#[source] JournalError),
    /// Redis cannot be reached, or refuses, or its URL is none.
    #[error("cannot settle permits in Redis")]
    Redis(#[from] LinkError),
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
            Self::Database(_) => "permits.database",
            Self::Redis(_) => "permits.redis",
            Self::Silent { .. } => "permits.silent",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Database(source) => source.hint(),
            Self::Redis(source) => source.hint(),
            Self::Silent { .. } => None,
        }
    }

    fn disposition(&self) -> Disposition {
        match self {
            Self::Database(source) => source.disposition(),
            Self::Redis(source) => source.disposition(),
            Self::Silent { .. } => Disposition::Retry,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Database(source) => source.fault(),
            Self::Redis(source) => source.fault(),
            Self::Silent { .. } => Fault::Place,
        }
    }
}
