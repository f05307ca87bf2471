//! Outcomes told outside: messages that were written to the outbox with the outcome itself, posted until the receiver
//! has them. A dead receiver costs deliveries, never a second transcription.
//!
//! [`Notifier`] is the seam; [`Webhook`] posts signed JSON.

mod delivery;
mod webhook;

use async_trait::async_trait;
use earmark_journal::Message;

pub use delivery::Delivery;
pub use webhook::{SIGNATURE_HEADER, Webhook, signature};

/// Tells a receiver.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Delivers `message`, as of `now_ms`. The receiver may get it more than once, always with the same id.
    ///
    /// # Errors
    /// [`NotifyError`]; it is tried again later.
    async fn notify(&self, message: &Message, now_ms: i64) -> Result<(), NotifyError>;
}

/// Why a receiver does not have a message.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// No answer.
    #[error("the receiver cannot be reached: {0}")]
    Unreachable(String),
    /// Not a 2xx.
    #[error("the receiver answered {0}")]
    Refused(u16),
}
