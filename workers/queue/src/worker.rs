//! A worker: slots filled from the queue, leases kept, the dead swept, an orderly end.

use std::sync::Arc;
use std::time::Duration;

use apalis::layers::WorkerBuilderExt;
use apalis::prelude::{BoxDynError, Data, WorkerBuilder};
use earmark_core::{Lane, WorkerId};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::Queue;
use crate::attempt::Attempts;
use crate::backend::{Deliveries, Delivery};

/// What a worker may do.
#[derive(Debug, Clone, Copy)]
pub struct WorkerOptions {
    /// Jobs at a time.
    pub slots: usize,
    /// How long running jobs may finish once the worker is asked to stop.
    pub grace: Duration,
}

/// Why a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was asked to.
    Stopped,
    /// A job hangs in it: the process must be replaced.
    Hung,
}

/// Takes jobs from a queue and has them done.
pub struct Worker {
    id: WorkerId,
    queue: Arc<dyn Queue>,
    attempts: Arc<Attempts>,
    options: WorkerOptions,
}

impl Worker {
    /// A worker that is not running yet.
    pub fn new(id: WorkerId, queue: Arc<dyn Queue>, attempts: Arc<Attempts>, options: WorkerOptions) -> Self {
        Self { id, queue, attempts, options }
    }

    /// Works until `stop` is cancelled or a job hangs; then takes nothing new, lets running jobs finish for the grace
    /// period, and hands the rest back.
    pub async fn run(&self, stop: CancellationToken) -> Ended {
        let taking = stop.child_token();
        let slots = Arc::new(Semaphore::new(self.options.slots));
        let (sender, receiver) = mpsc::channel(self.options.slots);
        // Boxed: apalis' worker is a deep type.
        let worker = WorkerBuilder::new(self.id.to_string())
            .backend(Deliveries::new(receiver))
            .concurrency(self.options.slots)
            .data(self.attempts.clone())
            .build(settle);
        let ended = CancellationToken::new();
        let running = worker.run_with_ctx({
            let ended = ended.clone();
            move |context| {
                let ended = ended.clone();
                async move {
                    ended.cancelled().await;
                    let _ = context.stop();
                    Ok(())
                }
            }
        });
        let feeding = async {
            self.feed(&slots, sender, &taking).await;
            self.drain(&slots).await;
            ended.cancel();
        };
        tokio::select! {
            (outcome, ()) = async { tokio::join!(running, feeding) } => {
                if let Err(error) = outcome {
                    tracing::error!(%error, "the worker ended with an error");
                }
            }
            () = self.attempts.keep_leases() => {}
            () = self.sweep() => {}
            () = async {
                self.attempts.hung().cancelled().await;
                taking.cancel();
                std::future::pending().await
            } => {}
        }
        if self.attempts.hung().is_cancelled() { Ended::Hung } else { Ended::Stopped }
    }

    /// A slot first, then a lease: a job is never leased to wait for room.
    async fn feed(&self, slots: &Arc<Semaphore>, sender: mpsc::Sender<Delivery>, stop: &CancellationToken) {
        loop {
            let slot = tokio::select! {
                () = stop.cancelled() => return,
                slot = slots.clone().acquire_owned() => slot,
            };
            let Ok(slot) = slot else { return };
            let next = tokio::select! {
                () = stop.cancelled() => return,
                next = self.queue.next(Lane::ALL) => next,
            };
            match next {
                Ok(Some((job, lease))) => {
                    if sender.send(Delivery { job, lease, slot: Arc::new(slot) }).await.is_err() {
                        return;
                    }
                    continue;
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "could not ask for work"),
            }
            drop(slot);
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.queue.wait() => {}
            }
        }
    }

    async fn drain(&self, slots: &Arc<Semaphore>) {
        let all = u32::try_from(self.options.slots).unwrap_or(u32::MAX);
        if tokio::time::timeout(self.options.grace, slots.acquire_many(all)).await.is_ok() {
            return;
        }
        self.attempts.stop_all();
        // A job that does not stop in time is abandoned a little later.
        if tokio::time::timeout(self.attempts.stop_time * 3 / 2, slots.acquire_many(all)).await.is_err() {
            tracing::warn!("some jobs did not stop in time; their leases run out by themselves");
        }
    }

    /// Finds what the dead have left, every half lease.
    async fn sweep(&self) {
        let mut ticks = tokio::time::interval(self.attempts.lease / 2);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match self.attempts.journal.sweep().await {
                Ok(swept) if swept.is_empty() => {}
                Ok(swept) => tracing::warn!(
                    freed = swept.freed.len(),
                    quarantined = swept.quarantined.len(),
                    "took jobs back from dead workers"
                ),
                Err(error) => tracing::warn!(%error, "could not sweep the journal"),
            }
        }
    }
}

async fn settle(delivery: Delivery, attempts: Data<Arc<Attempts>>) -> Result<(), BoxDynError> {
    let Delivery { job, lease, slot } = delivery;
    attempts.run(&job, &lease).await;
    drop(slot);
    Ok(())
}
