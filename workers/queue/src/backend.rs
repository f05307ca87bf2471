//! The queue as apalis sees it: a stream of leased jobs. apalis runs them; slots and leases are ours.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use apalis::prelude::Task;
use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::worker::context::WorkerContext;
use earmark_core::{Job, Lease};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tower::layer::util::Identity;

/// A leased job with the slot it occupies on this machine until it is settled.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub job: Job,
    pub lease: Lease,
    /// Shared only because apalis wants its tasks to be clonable.
    pub slot: Arc<OwnedSemaphorePermit>,
}

/// Deliveries from the feeding task.
pub struct Deliveries(mpsc::Receiver<Delivery>);

impl Deliveries {
    pub fn new(receiver: mpsc::Receiver<Delivery>) -> Self {
        Self(receiver)
    }
}

impl Backend for Deliveries {
    type Task = Task<Delivery>;
    type Error = Infallible;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Option<Result<Task<Delivery>, Infallible>>> {
        self.0.poll_recv(cx).map(|delivery| delivery.map(|delivery| Ok(Task::new(delivery))))
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        self.0.close();
        Poll::Ready(Ok(()))
    }
}

impl BackendConfig for Deliveries {
    type Args = Delivery;
    type Id = String;
    // Nothing of apalis is stored: the journal knows what became of every job.
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}
