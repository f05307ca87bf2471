//! One try of one job: its lease kept alive, its work done, its outcome written.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use earmark_core::{Clock, Disposition, Failure, Job, Lease, Problem};
use earmark_storage::{Hold, Journal, StorageError};
use futures::FutureExt;
use tokio_util::sync::CancellationToken;

use crate::held::{HeldJobs, StopCause};
use crate::{Backoff, Failed, Handler};

/// How tries are made.
pub struct Attempts {
    /// The truth about jobs.
    pub journal: Journal,
    /// Who does the work.
    pub handler: Arc<dyn Handler>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// How long a lease lasts; it is renewed every third of that.
    pub lease: Duration,
    /// Tries before a dead letter.
    pub max_attempts: u32,
    /// Waits between tries.
    pub backoff: Backoff,
    /// Longest try.
    pub timeout: Duration,
    held: HeldJobs,
}

/// What became of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// The result is written.
    Done,
    /// It will be tried again at this instant (ms since the epoch).
    Retrying {
        /// Not before.
        run_at_ms: i64,
        /// What went wrong.
        problem: Problem,
    },
    /// Given up.
    Dead(Problem),
    /// Called off.
    Cancelled,
    /// Handed back, to be done by another worker or later.
    Released,
    /// The job is no longer ours; whoever has it settles it.
    Lost,
    /// What became of it could not be written; its lease runs out and it is tried again.
    Unsettled(Problem),
}

impl Attempts {
    /// Tries made by `handler`, recorded in `journal`.
    pub fn new(
        journal: Journal,
        handler: Arc<dyn Handler>,
        clock: Arc<dyn Clock>,
        lease: Duration,
        max_attempts: u32,
        backoff: Backoff,
        timeout: Duration,
    ) -> Self {
        Self { journal, handler, clock, lease, max_attempts, backoff, timeout, held: HeldJobs::default() }
    }

    /// One lease's length, as the journal wants it.
    pub fn lease_ms(&self) -> i64 {
        i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX)
    }

    /// Makes one try and settles it.
    pub async fn run(&self, job: &Job, lease: &Lease) -> Settled {
        let stop = self.held.hold(lease);
        let result = self.work(job, lease, &stop).await;
        let cause = self.held.let_go(lease);
        match self.settle(job, lease, result, cause).await {
            Ok(settled) => settled,
            Err(StorageError::LeaseLost { .. }) => {
                tracing::warn!(job.id = %job.id, "the job went to another worker before its outcome was written");
                Settled::Lost
            }
            Err(error) => {
                // The lease runs out and the sweep puts the job back: nothing is lost, and nothing more can be done here.
                tracing::error!(job.id = %job.id, %error, "could not write what became of the job; it will be tried again");
                Settled::Unsettled(error.problem())
            }
        }
    }

    async fn work(&self, job: &Job, lease: &Lease, stop: &CancellationToken) -> Result<(), Failed> {
        // The handler's parts are dropped after a panic, nothing half-changed is seen again.
        let work = AssertUnwindSafe(self.handler.handle(job, lease, stop)).catch_unwind();
        tokio::pin!(work);
        let finished = tokio::select! {
            finished = &mut work => finished,
            () = tokio::time::sleep(self.timeout) => {
                self.held.stop(&job.id, StopCause::TimedOut);
                work.await
            }
        };
        finished.unwrap_or_else(|panic| {
            let text = panic
                .downcast_ref::<&str>()
                .map(ToString::to_string)
                .or_else(|| panic.downcast_ref::<String>().cloned());
            let message = format!("the worker panicked: {}", text.unwrap_or_else(|| "no message".into()));
            let problem = Problem { code: "job.panicked".into(), message, hint: None };
            Err(Failed { problem, disposition: Disposition::Retry })
        })
    }

    async fn settle(
        &self,
        job: &Job,
        lease: &Lease,
        result: Result<(), Failed>,
        cause: Option<StopCause>,
    ) -> Result<Settled, StorageError> {
        let failed = match (result, cause) {
            (Ok(()), _) => return Ok(Settled::Done),
            (Err(_), Some(StopCause::Cancelled)) => {
                self.journal.finish_cancel(lease).await?;
                return Ok(Settled::Cancelled);
            }
            (Err(_), Some(StopCause::Lost)) => return Ok(Settled::Lost),
            (Err(_), Some(StopCause::Shutdown)) => {
                self.journal.release(lease, "the worker is shutting down").await?;
                return Ok(Settled::Released);
            }
            (Err(_), Some(StopCause::TimedOut)) => {
                let message = format!("one try took longer than {} s", self.timeout.as_secs());
                let hint = Some("raise EARMARK__WORKER__JOB_TIMEOUT_SECS, or submit a shorter recording".into());
                Failed {
                    problem: Problem { code: "job.timeout".into(), message, hint },
                    disposition: Disposition::Retry,
                }
            }
            (Err(failed), None) => failed,
        };
        self.settle_failure(job, lease, failed).await
    }

    async fn settle_failure(&self, job: &Job, lease: &Lease, failed: Failed) -> Result<Settled, StorageError> {
        let Failed { problem, disposition } = failed;
        let (wait, costs_attempt) = match disposition {
            Disposition::Release => {
                self.journal.release(lease, &problem.message).await?;
                return Ok(Settled::Released);
            }
            Disposition::Retry if job.attempt < self.max_attempts => (self.backoff.after(job.attempt), true),
            Disposition::RetryAfter(wait) => (wait, false),
            Disposition::Retry | Disposition::Fail => {
                self.journal.bury(lease, &problem).await?;
                tracing::error!(job.id = %job.id, code = %problem.code, attempt = job.attempt, "gave the job up: {}", problem.message);
                return Ok(Settled::Dead(problem));
            }
        };
        let run_at_ms = self.clock.now_ms() + i64::try_from(wait.as_millis()).unwrap_or(i64::MAX / 2);
        self.journal.retry_at(lease, run_at_ms, &problem, costs_attempt).await?;
        tracing::warn!(job.id = %job.id, code = %problem.code, attempt = job.attempt, wait_ms = wait.as_millis(), "will try again: {}", problem.message);
        Ok(Settled::Retrying { run_at_ms, problem })
    }

    /// Renews every lease held, every third of its length, until dropped. Work whose lease is gone, or could not be
    /// renewed for two thirds of its length, is stopped: another worker may have it.
    pub async fn keep_leases(&self) {
        let mut renewed_at_ms = self.clock.now_ms();
        let mut ticks = tokio::time::interval(self.lease / 3);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let leases = self.held.leases();
            if leases.is_empty() {
                renewed_at_ms = self.clock.now_ms();
                continue;
            }
            match self.journal.renew(&leases, self.lease_ms()).await {
                Ok(states) => {
                    renewed_at_ms = self.clock.now_ms();
                    for state in states {
                        match state.hold {
                            Hold::Held => {}
                            Hold::CancelRequested => self.held.stop(&state.lease.job_id, StopCause::Cancelled),
                            Hold::Lost => self.held.stop(&state.lease.job_id, StopCause::Lost),
                        }
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "could not renew the leases");
                    if self.clock.now_ms() - renewed_at_ms > self.lease_ms() * 2 / 3 {
                        self.held.stop_all(StopCause::Lost);
                    }
                }
            }
        }
    }

    /// Stops all work; every job held is handed back at once.
    pub fn stop_all(&self) {
        self.held.stop_all(StopCause::Shutdown);
    }
}
