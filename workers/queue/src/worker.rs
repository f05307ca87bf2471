//! A worker: slots filled from the queue, leases kept, the dead swept, an orderly end.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use earmark_core::{Job, Lane, Lease, WorkerId};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::Queue;
use crate::attempt_runner::AttemptRunner;
use crate::fill_slots::{Source, fill_slots};
use crate::slots::{Openings, Slots};
use crate::tasks::{self, Work};

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
pub enum WorkerEnd {
    /// It was asked to.
    Stopped,
    /// A job hangs in it: the process must be replaced.
    Hung,
}

/// Takes jobs from a queue and has them done.
pub struct Worker {
    id: WorkerId,
    queue: Arc<dyn Queue>,
    attempts: Arc<AttemptRunner>,
    options: WorkerOptions,
}

impl Worker {
    /// A worker that is not running yet.
    pub fn new(id: WorkerId, queue: Arc<dyn Queue>, attempts: Arc<AttemptRunner>, options: WorkerOptions) -> Self {
        Self { id, queue, attempts, options }
    }

    /// Works until `stop` is cancelled or a job hangs; then takes nothing new, lets running jobs finish for the grace
    /// period, and hands the rest back.
    pub async fn run(&self, stop: CancellationToken) -> WorkerEnd {
        let taking = stop.child_token();
        let slots = Slots::new(self.options.slots);
        let (sender, receiver) = mpsc::channel(self.options.slots);
        let ended = CancellationToken::new();
        let work: Arc<dyn Work<(Job, Lease)>> = self.attempts.clone();
        let running = tasks::run(self.id.as_str(), self.options.slots, receiver, work, ended.clone());
        let filling = async {
            fill_slots(&Leasing(&*self.queue), &slots, sender, &taking).await;
            self.drain(slots.all()).await;
            ended.cancel();
        };
        tokio::select! {
            ((), ()) = async { tokio::join!(running, filling) } => {}
            () = self.attempts.keep_leases() => {}
            () = self.sweep() => {}
            () = self.heartbeat() => {}
            () = async {
                self.attempts.hung().cancelled().await;
                taking.cancel();
                std::future::pending().await
            } => {}
        }
        if self.attempts.hung().is_cancelled() { WorkerEnd::Hung } else { WorkerEnd::Stopped }
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

    /// Says again and again that this worker lives: somebody may wait for one.
    async fn heartbeat(&self) {
        let journal = &self.attempts.journal;
        let every = journal.beat_every();
        // It was registered a moment ago.
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = journal.worker_lives(&self.id).await {
                // Whoever asks for work meets the same error, and warns.
                tracing::debug!(%error, "could not say that this worker lives");
            }
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

/// The queue as the task that fills slots sees it.
struct Leasing<'a>(&'a dyn Queue);

#[async_trait]
impl Source for Leasing<'_> {
    type Item = (Job, Lease);

    async fn next(&self, open: &Openings) -> Option<(Lane, (Job, Lease))> {
        match self.0.next(open).await {
            Ok(next) => next.map(|(job, lease)| (job.lane, (job, lease))),
            Err(error) => {
                tracing::warn!(%error, "could not ask for work");
                None
            }
        }
    }

    async fn wait(&self, open: &Openings) {
        self.0.wait(open).await;
    }
}

#[async_trait]
impl Work<(Job, Lease)> for AttemptRunner {
    async fn work(&self, (job, lease): (Job, Lease)) {
        self.run(&job, &lease).await;
    }
}
