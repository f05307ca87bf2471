//! The queue as apalis sees it: a stream of what is to be done. apalis runs it; slots and leases are ours.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use apalis::prelude::Task;
use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::worker::context::WorkerContext;
use tokio::sync::mpsc;
use tower::layer::util::Identity;

use crate::slots::Slot;

/// What is to be done with the slot it occupies on this machine until it is done.
#[derive(Debug, Clone)]
pub(crate) struct Delivery<T> {
    pub(crate) item: T,
    /// Shared only because apalis wants its tasks to be clonable.
    pub(crate) slot: Arc<Slot>,
}

/// Deliveries from the task that fills slots.
pub(crate) struct Deliveries<T>(mpsc::Receiver<Delivery<T>>);

impl<T> Deliveries<T> {
    pub(crate) fn new(receiver: mpsc::Receiver<Delivery<T>>) -> Self {
        Self(receiver)
    }
}

impl<T> Backend for Deliveries<T> {
    type Task = Task<Delivery<T>>;
    type Error = Infallible;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Option<Result<Task<Delivery<T>>, Infallible>>> {
        self.0.poll_recv(cx).map(|delivery| delivery.map(|delivery| Ok(Task::new(delivery))))
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        self.0.close();
        Poll::Ready(Ok(()))
    }
}

impl<T> BackendConfig for Deliveries<T> {
    type Args = Delivery<T>;
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
