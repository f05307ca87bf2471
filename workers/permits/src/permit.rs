//! A permit asked for, had and given back: the words between those who send requests and the pool's task.

use earmark_core::{Lane, Tenant};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// Who asks for a permit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    /// How urgent the job is.
    pub lane: Lane,
    /// Whose job it is; tenants of a lane take turns.
    pub tenant: Tenant,
}

/// The right to one request, for as long as it lives; its drop gives the place back.
#[derive(Debug)]
pub struct Permit {
    ticket: u64,
    fence: u64,
    lost: CancellationToken,
    /// None once the place has been left.
    events: Option<UnboundedSender<PoolEvent>>,
}

/// What the pool's task hears from its process.
#[derive(Debug)]
pub(crate) enum PoolEvent {
    /// Somebody waits for a permit.
    Waits { ticket: u64, asker: Asker, reply: oneshot::Sender<Permit> },
    /// Somebody no longer waits.
    Gone(u64),
    /// A permit was dropped.
    Released(u64),
    /// A permit's place is to stay until its lease ends.
    Left(u64),
    /// The provider said 1302.
    Throttled,
    /// All is to be given back now.
    Close(oneshot::Sender<()>),
}

impl Permit {
    pub(crate) fn new(ticket: u64, fence: u64, lost: CancellationToken, events: UnboundedSender<PoolEvent>) -> Self {
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
            let _ = events.send(PoolEvent::Left(self.ticket));
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(events) = self.events.take() {
            // As above.
            let _ = events.send(PoolEvent::Released(self.ticket));
        }
    }
}
