//! The right to one request.

use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use crate::pool::Event;

/// The right to one request, for as long as it lives; its drop gives the place back.
#[derive(Debug)]
pub struct Permit {
    ticket: u64,
    fence: u64,
    lost: CancellationToken,
    /// None once the place has been left.
    events: Option<UnboundedSender<Event>>,
}

impl Permit {
    pub(crate) fn new(ticket: u64, fence: u64, lost: CancellationToken, events: UnboundedSender<Event>) -> Self {
        Self { ticket, fence, lost, events: Some(events) }
    }

    /// Higher than that of every permit of this pool that was granted before, in any process.
    pub fn fence(&self) -> u64 {
        self.fence
    }

    /// Cancelled when the place may be somebody else's: drop the connection.
    pub fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// Leaves the place taken until its lease ends: for a request that was dropped here and may still be running at the
    /// provider.
    pub fn leave(mut self) {
        if let Some(events) = self.events.take() {
            // An error means that the pool is gone, and with it whoever renews.
            let _ = events.send(Event::Left(self.ticket));
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(events) = self.events.take() {
            // As above.
            let _ = events.send(Event::Released(self.ticket));
        }
    }
}
