//! Why a request has no answer, and what becomes of its job.

use std::time::Duration;

use earmark_asr::AsrError;
use earmark_core::{Disposition, Failure, Fault};
use earmark_journal::JournalError;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The recogniser failed.
    #[error("transcribe failed")]
    Transcribe(#[source] AsrError),
    /// The provider is out of order for everybody.
    #[error("the provider of account `{account}` is not available: {message}")]
    Cooling {
        /// The account's name.
        account: String,
        /// What it said last.
        message: String,
        /// How long nothing is sent.
        wait: Duration,
    },
    /// The account may not be used now.
    #[error("account `{account}` is paused ({code}): {message}")]
    Paused {
        /// The account's name.
        account: String,
        /// Why, in the provider's numbers or our words.
        code: String,
        /// Why, in a sentence.
        message: String,
        /// How long to wait before looking again.
        wait: Duration,
    },
    /// The tenant's money for the day is spent.
    #[error("{source}")]
    Budget {
        /// [`JournalError::BudgetSpent`]: how much was spent, and how much may be.
        source: JournalError,
        /// How long it is until the next day.
        wait: Duration,
    },
    /// The request could not be booked.
    #[error("write failed")]
    Write(#[source] JournalError),
    /// Nobody wants the answer any more.
    #[error("stopped before the end")]
    Abandoned,
}

impl Failure for RequestError {
    fn code(&self) -> &'static str {
        match self {
            Self::Transcribe(error) => error.code(),
            Self::Cooling { .. } => "transcribe.account_cooling",
            Self::Paused { .. } => "transcribe.account_paused",
            Self::Budget { source, .. } | Self::Write(source) => source.code(),
            Self::Abandoned => "job.stopped",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Transcribe(error) => error.hint(),
            Self::Cooling { .. } => {
                Some("nothing to do: it is tried again by itself; `earmark accounts list` tells when".into())
            }
            Self::Paused { account, .. } => {
                Some(format!("see to the account, then `earmark accounts resume {account}`"))
            }
            Self::Budget { .. } => {
                Some("the job goes on with the next day; or raise EARMARK__ACCOUNTS__BUDGET_CNY_PER_DAY".into())
            }
            Self::Write(source) => source.hint(),
            Self::Abandoned => None,
        }
    }

    fn disposition(&self) -> Disposition {
        match self {
            Self::Transcribe(error) => error.disposition(),
            Self::Cooling { wait, .. } | Self::Paused { wait, .. } | Self::Budget { wait, .. } => {
                Disposition::RetryAfter(*wait)
            }
            Self::Write(source) => source.disposition(),
            Self::Abandoned => Disposition::Release,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Transcribe(error) => error.fault(),
            Self::Cooling { .. } | Self::Paused { .. } => Fault::Place,
            Self::Budget { source, .. } | Self::Write(source) => source.fault(),
            Self::Abandoned => Fault::Ours,
        }
    }
}
