//! The seam: whoever tells a receiver, and why one does not have a message.

use std::time::Duration;

use async_trait::async_trait;
use earmark_journal::Message;

/// Tells a receiver what became of jobs.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Delivers `message`, as of `now_ms`. The receiver may get it more than once, always with the same id.
    ///
    /// # Errors
    /// [`NotifyError`]; it is tried again later.
    async fn notify(&self, message: &Message, now_ms: i64) -> Result<(), NotifyError>;

    /// Until when the receiver has asked to be left alone; 0 where it has not.
    fn quiet_until_ms(&self) -> i64 {
        0
    }
}

/// Why a receiver does not have a message.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// It gave no answer: what the HTTP client says, without the address.
    #[error("the receiver cannot be reached: {0}")]
    Unreachable(String),
    /// It answered with this HTTP status, which is no 2xx.
    #[error("the receiver answered {0}")]
    Refused(u16),
    /// It answered with this HTTP status, and asks to be left alone for so long (`Retry-After`).
    #[error("the receiver answered {status} and asks to wait for {} s", wait.as_secs())]
    Later {
        /// 429, 503, or another that is no 2xx.
        status: u16,
        /// As it asked, at most a day.
        wait: Duration,
    },
}
