//! A worker: slots filled from the queue, leases kept, the dead swept, an orderly end.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use earmark_core::{Failure, Job, Lane, Lease, Repeats, WorkerId};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
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
    /// period, and hands the rest back. What does not end half a stop time after it had to is left behind: this returns
    /// after the grace and one and a half stop times at the latest, whatever is away.
    pub async fn run(&self, stop: CancellationToken) -> WorkerEnd {
        let taking = stop.child_token();
        let slots = Slots::new(self.options.slots);
        let (sender, receiver) = mpsc::channel(self.options.slots);
        let ended = CancellationToken::new();
        let abandoned = CancellationToken::new();
        // The grace counts from then on, whatever the queue still had to answer.
        let asked_at = OnceLock::new();
        let leasing = Leasing { queue: &*self.queue, attempts: &self.attempts, asking: Repeats::default() };
        let work: Arc<dyn Work<(Job, Lease)>> = self.attempts.clone();
        let running = tasks::run(self.id.as_str(), self.options.slots, receiver, work, ended.clone());
        let filling = async {
            fill_slots(&leasing, &slots, sender, &taking).await;
            let asked_at = *asked_at.get_or_init(Instant::now);
            if !self.drain(slots.all(), asked_at).await {
                abandoned.cancel();
            }
            ended.cancel();
        };
        tokio::select! {
            ((), ()) = async { tokio::join!(running, filling) } => {}
            () = self.attempts.keep_leases() => {}
            () = self.sweep() => {}
            () = self.heartbeat() => {}
            () = abandoned.cancelled() => {}
            () = async {
                taking.cancelled().await;
                asked_at.get_or_init(Instant::now);
                std::future::pending().await
            } => {}
            () = async {
                self.attempts.hung().cancelled().await;
                taking.cancel();
                std::future::pending().await
            } => {}
        }
        if self.attempts.hung().is_cancelled() { WorkerEnd::Hung } else { WorkerEnd::Stopped }
    }

    /// Waits for running jobs until the grace since `asked_at` is over, then has them stop; tells whether all of them ended.
    async fn drain(&self, slots: &Arc<Semaphore>, asked_at: Instant) -> bool {
        let all = u32::try_from(self.options.slots).unwrap_or(u32::MAX);
        if tokio::time::timeout_at(asked_at + self.options.grace, slots.acquire_many(all)).await.is_ok() {
            return true;
        }
        self.attempts.stop_all();
        // A job that does not stop in time is abandoned a little later.
        let have_ended = tokio::time::timeout(self.attempts.stop_time * 3 / 2, slots.acquire_many(all)).await.is_ok();
        if !have_ended {
            tracing::warn!("some jobs did not stop in time; their leases run out by themselves");
        }
        have_ended
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
        let sweeping = Repeats::default();
        let mut ticks = tokio::time::interval(self.attempts.lease / 2);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let swept = self.attempts.journal.sweep().await;
            if let Some(over) = swept.as_ref().ok().and_then(|_| sweeping.worked()) {
                tracing::info!("swept the journal again{over}");
            }
            match swept {
                Ok(swept) if swept.is_empty() => {}
                Ok(swept) => tracing::warn!(
                    freed = swept.freed.len(),
                    quarantined = swept.quarantined.len(),
                    "took jobs back from dead workers"
                ),
                Err(error) => {
                    if let Some(again) = sweeping.failed(error.code()) {
                        tracing::warn!(%error, "could not sweep the journal{again}");
                    }
                }
            }
        }
    }
}

/// The queue as the task that fills slots sees it.
struct Leasing<'a> {
    queue: &'a dyn Queue,
    /// They know whether anything may be taken.
    attempts: &'a AttemptRunner,
    /// It is asked twice a second, and may be away for hours.
    asking: Repeats,
}

#[async_trait]
impl Source for Leasing<'_> {
    type Item = (Job, Lease);

    async fn next(&self, open: &Openings) -> Option<(Lane, (Job, Lease))> {
        if self.attempts.rests_until().is_some() {
            return None;
        }
        match self.queue.next(open).await {
            Ok(next) => {
                if let Some(over) = self.asking.worked() {
                    tracing::info!("asked for work again{over}");
                }
                next.map(|(job, lease)| (job.lane, (job, lease)))
            }
            Err(error) => {
                if let Some(again) = self.asking.failed(error.code()) {
                    tracing::warn!(%error, "could not ask for work{again}");
                }
                None
            }
        }
    }

    async fn wait(&self, open: &Openings) {
        match self.attempts.rests_until() {
            Some(until) => tokio::time::sleep_until(until).await,
            None => self.queue.wait(open).await,
        }
    }
}

#[async_trait]
impl Work<(Job, Lease)> for AttemptRunner {
    async fn work(&self, (job, lease): (Job, Lease)) {
        self.run(&job, &lease).await;
    }
}
