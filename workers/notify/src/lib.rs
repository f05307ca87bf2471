//! Outcomes told outside: messages that were written to the outbox with the outcome itself, posted until the receiver
//! has them. A dead receiver costs deliveries, never a second transcription.
//!
//! ```text
//! delivery    empties the outbox: what is due, again and again, with longer and longer waits
//! notifier    the seam: tells a receiver one message
//! |-- webhook     posts it as signed JSON
//! ```

mod delivery;
mod notifier;
mod webhook;

pub use delivery::Delivery;
pub use notifier::{Notifier, NotifyError};
pub use webhook::{SIGNATURE_HEADER, Webhook, signature};
