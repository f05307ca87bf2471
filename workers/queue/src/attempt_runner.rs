//! One try of one job: its lease kept alive, its work done, its outcome written.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use earmark_core::{Clock, Disposition, Failure, Job, Lease, Problem};
use earmark_journal::{Journal, JournalError, Places, Renewal};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::backoff::Backoff;
use crate::leased_jobs::{LeasedJobs, StopCause};
use crate::{Failed, Handler};

/// How long work that was told to stop may take to do so, unless it is set: one packet, one batch of clips.
const STOP_TIME: Duration = Duration::from_secs(10);

/// How long a job waits for a place that answers again since it was asked, where the wait would be a long one; longer
/// where the place asks for that.
const SOON: Duration = Duration::from_secs(2);
/// A wait for a place that is away; shorter ones are what the place itself asks for.
const LONG: Duration = Duration::from_secs(60);
/// How often to look whether a place that is away is to be asked again.
const LOOK: Duration = Duration::from_secs(1);

/// Makes tries, and writes down what became of each.
pub struct AttemptRunner {
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
    /// How long one try may take.
    pub timeout: Duration,
    /// How long work that was told to stop may take to do so; then it hangs.
    pub stop_time: Duration,
    /// Which places are away; none where nobody looks.
    places: Option<Places>,
    leased: LeasedJobs,
    hung: CancellationToken,
    /// Until then nothing new is taken.
    rests_until: Mutex<Option<tokio::time::Instant>>,
}

/// What became of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The result is written.
    Done,
    /// It will be tried again at this instant (ms since the epoch).
    Retrying {
        /// No try begins before it here; where it is this machine that lacks something, another may begin one.
        run_at_ms: i64,
        /// What went wrong.
        problem: Problem,
    },
    /// Given up: it is a dead letter now.
    Dead(Problem),
    /// Called off by a person.
    Cancelled,
    /// Handed back, to be done by another worker or later.
    Released,
    /// The job is no longer ours; whoever has it writes what became of it.
    Lost,
    /// Something of it runs on and cannot be stopped. The job waits for its next try, or is given up; this process must
    /// take nothing more and be replaced.
    Hung(Problem),
    /// What became of it could not be written; its lease runs out and it is tried again.
    Unrecorded(Problem),
}

impl AttemptRunner {
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
        let (leased, hung) = (LeasedJobs::default(), CancellationToken::new());
        let (stop_time, places, rests_until) = (STOP_TIME, None, Mutex::default());
        Self {
            journal,
            handler,
            clock,
            lease,
            max_attempts,
            backoff,
            timeout,
            stop_time,
            places,
            leased,
            hung,
            rests_until,
        }
    }

    /// The same, where work that was told to stop hangs after `stop_time`.
    #[must_use]
    pub fn stopping_within(self, stop_time: Duration) -> Self {
        Self { stop_time, ..self }
    }

    /// The same, which wakes jobs to ask again for `places` that are away.
    #[must_use]
    pub fn waking(self, places: Places) -> Self {
        Self { places: Some(places), ..self }
    }

    /// Cancelled when a try was abandoned because something of it cannot be stopped: the process must be replaced.
    pub fn hung(&self) -> &CancellationToken {
        &self.hung
    }

    /// Until when nothing new is to be taken, since this worker lacks something of its own; none where it lacks nothing.
    pub(crate) fn rests_until(&self) -> Option<tokio::time::Instant> {
        let until = *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.filter(|until| *until > tokio::time::Instant::now())
    }

    fn rest(&self, rest: Duration) {
        let until = tokio::time::Instant::now() + rest;
        let mut known = self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some(known.map_or(until, |known| known.max(until)));
    }

    /// One lease's length, as the journal wants it.
    pub fn lease_ms(&self) -> i64 {
        i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX)
    }

    /// Makes one try and writes down what became of it.
    pub async fn run(&self, job: &Job, lease: &Lease) -> AttemptOutcome {
        let stop = self.leased.add(lease);
        let worked = self.work(job, lease, &stop).await;
        let cause = self.leased.remove(lease);
        let concluded = match worked {
            Ok(result) => self.conclude(job, lease, result, cause).await,
            Err(problem) => {
                // Before the slot is free again: nothing more is taken.
                self.hung.cancel();
                self.abandon(lease, problem).await
            }
        };
        match concluded {
            Ok(outcome) => outcome,
            Err(JournalError::LeaseLost { .. }) => {
                tracing::warn!(job.id = %job.id, "the job went to another worker before its outcome was written");
                AttemptOutcome::Lost
            }
            Err(error) => {
                // The lease runs out and the sweep puts the job back: nothing is lost, and nothing more can be done here.
                tracing::error!(job.id = %job.id, %error, "could not write what became of the job; it will be tried again");
                AttemptOutcome::Unrecorded(error.problem())
            }
        }
    }

    /// The handler's answer; a problem when something of it runs on and cannot be stopped.
    async fn work(&self, job: &Job, lease: &Lease, stop: &CancellationToken) -> Result<Result<(), Failed>, Problem> {
        // On a task of its own: a handler that never yields must not keep this one from seeing it.
        let mut task = AbortOnDropHandle::new(tokio::spawn({
            let (handler, job, lease, stop) = (self.handler.clone(), job.clone(), lease.clone(), stop.clone());
            async move { handler.handle(&job, &lease, &stop).await }
        }));
        let began = Instant::now();
        let result = tokio::select! {
            ended = &mut task => Some(ended),
            () = self.out_of_time(job, stop) => None,
        };
        // What was told to stop long ago needs little more; what ended by itself has told its threads only now.
        let (result, patience) = match result {
            Some(ended) => (ended.unwrap_or_else(|error| Err(ended_badly(error))), self.stop_time),
            None => {
                task.abort();
                let patience = self.stop_time / 5;
                match tokio::time::timeout(patience, task).await {
                    Ok(ended) => (ended.unwrap_or_else(|error| Err(ended_badly(error))), patience),
                    Err(_) => return Err(self.hang(lease, began.elapsed())),
                }
            }
        };
        if result.is_err() && tokio::time::timeout(patience, self.handler.quiet(lease)).await.is_err() {
            return Err(self.hang(lease, began.elapsed()));
        }
        Ok(result)
    }

    /// Returns when the try was told to stop, for whatever reason, and has had its time to do so.
    async fn out_of_time(&self, job: &Job, stop: &CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(self.timeout) => self.leased.stop(&job.id, StopCause::TimedOut),
        }
        tokio::time::sleep(self.stop_time).await;
    }

    fn hang(&self, lease: &Lease, took: Duration) -> Problem {
        let (stage, running) =
            self.handler.left_behind(lease).map_or(("the job", took), |left| (left.stage.as_str(), left.running));
        Problem {
            code: "job.hung".into(),
            message: format!("{stage} ran for {} s and did not stop when it was told to", running.as_secs()),
            hint: Some("look at the recording by itself; the worker replaces itself".into()),
        }
    }

    async fn abandon(&self, lease: &Lease, problem: Problem) -> Result<AttemptOutcome, JournalError> {
        tracing::error!(job.id = %lease.job_id, "a job hangs; this process takes nothing more and will be replaced: {}", problem.message);
        self.journal.hung(lease, &problem).await?;
        Ok(AttemptOutcome::Hung(problem))
    }

    async fn conclude(
        &self,
        job: &Job,
        lease: &Lease,
        result: Result<(), Failed>,
        cause: Option<StopCause>,
    ) -> Result<AttemptOutcome, JournalError> {
        let failed = match (result, cause) {
            (Ok(()), _) => return Ok(AttemptOutcome::Done),
            (Err(_), Some(StopCause::Cancelled)) => {
                self.journal.finish_cancel(lease).await?;
                return Ok(AttemptOutcome::Cancelled);
            }
            (Err(_), Some(StopCause::Lost)) => return Ok(AttemptOutcome::Lost),
            (Err(_), Some(StopCause::Shutdown)) => {
                self.journal.release(lease, "the worker is shutting down").await?;
                return Ok(AttemptOutcome::Released);
            }
            (Err(_), Some(StopCause::TimedOut)) => {
                let message = format!("one try took longer than {} s", self.timeout.as_secs());
                let hint = Some("raise EARMARK__WORKER__JOB_TIMEOUT_SECS, or submit a shorter recording".into());
                Failed::new(Problem { code: "job.timeout".into(), message, hint }, Disposition::Retry)
            }
            (Err(failed), None) => failed,
        };
        self.conclude_failure(job, lease, failed).await
    }

    async fn conclude_failure(&self, job: &Job, lease: &Lease, failed: Failed) -> Result<AttemptOutcome, JournalError> {
        let Failed { problem, disposition, waits_for, rest } = failed;
        if let Some(rest) = rest {
            // Before the job is anybody's again: it would be taken here at once.
            self.rest(rest);
        }
        let after = |wait: Duration| self.clock.now_ms() + i64::try_from(wait.as_millis()).unwrap_or(i64::MAX / 2);
        let (wait, costs_attempt) = match disposition {
            Disposition::Release => {
                self.journal.release(lease, &problem.message).await?;
                return Ok(match rest {
                    Some(rest) => AttemptOutcome::Retrying { run_at_ms: after(rest), problem },
                    None => AttemptOutcome::Released,
                });
            }
            Disposition::Retry if job.attempt < self.max_attempts => (self.backoff.after(job.attempt), true),
            Disposition::RetryAfter(wait) => (wait, false),
            Disposition::Retry | Disposition::Fail => {
                self.journal.bury(lease, &problem).await?;
                tracing::error!(job.id = %job.id, code = %problem.code, attempt = job.attempt, "gave the job up: {}", problem.message);
                return Ok(AttemptOutcome::Dead(problem));
            }
        };
        let run_at_ms = after(wait);
        if let Some(place) = waits_for.filter(|_| !costs_attempt) {
            let soon_ms = if wait > LONG { after(SOON.max(place.asked_for)) } else { run_at_ms };
            let run_at_ms = self.journal.put_off_for(lease, &place.name, (soon_ms, run_at_ms), &problem).await?;
            tracing::debug!(job.id = %job.id, code = %problem.code, place = place.name, "waits for a place that is away: {}", problem.message);
            return Ok(AttemptOutcome::Retrying { run_at_ms, problem });
        }
        self.journal.retry_at(lease, run_at_ms, &problem, costs_attempt).await?;
        tracing::warn!(job.id = %job.id, code = %problem.code, attempt = job.attempt, wait_ms = wait.as_millis(), "will try again: {}", problem.message);
        Ok(AttemptOutcome::Retrying { run_at_ms, problem })
    }

    /// Renews every lease held, every third of its length, until dropped. Work whose lease is gone, or could not be
    /// renewed for two thirds of its length, is stopped: another worker may have it.
    /// Meanwhile, jobs are woken to ask again for places that are away.
    pub async fn keep_leases(&self) {
        tokio::join!(self.renew_leases(), self.wake_probes());
    }

    async fn wake_probes(&self) {
        let Some(places) = &self.places else { return };
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = places.wake_probes(&self.journal).await {
                // Whoever asks for work meets the same error, and warns.
                tracing::debug!(%error, "could not look for places that are away");
            }
        }
    }

    async fn renew_leases(&self) {
        let mut renewed_at_ms = self.clock.now_ms();
        let mut ticks = tokio::time::interval(self.lease / 3);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let leases = self.leased.leases();
            if leases.is_empty() {
                renewed_at_ms = self.clock.now_ms();
                continue;
            }
            let renewed = tokio::select! {
                biased;
                renewed = self.journal.renew(&leases, self.lease_ms()) => renewed,
                // A server that says nothing may do so for longer than a lease.
                () = tokio::time::sleep(self.patience(renewed_at_ms)) => {
                    tracing::warn!("the leases were not renewed in time");
                    self.leased.stop_all(StopCause::Lost);
                    // What is taken from now on has a lease from now on.
                    renewed_at_ms = self.clock.now_ms();
                    continue;
                }
            };
            match renewed {
                Ok(states) => {
                    renewed_at_ms = self.clock.now_ms();
                    for state in states {
                        match state.renewal {
                            Renewal::Renewed => {}
                            Renewal::CancelRequested => self.leased.stop(&state.lease.job_id, StopCause::Cancelled),
                            Renewal::Lost => self.leased.stop(&state.lease.job_id, StopCause::Lost),
                        }
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "could not renew the leases");
                    if self.clock.now_ms() - renewed_at_ms > self.lease_ms() * 2 / 3 {
                        self.leased.stop_all(StopCause::Lost);
                    }
                }
            }
        }
    }

    /// How long an answer is waited for where leases were renewed at `renewed_at_ms`: until two thirds of their length are
    /// over, and where a failure took most of that, a moment all the same.
    fn patience(&self, renewed_at_ms: i64) -> Duration {
        let left_ms = self.lease_ms() * 2 / 3 - (self.clock.now_ms() - renewed_at_ms);
        Duration::from_millis(u64::try_from(left_ms).unwrap_or(0)).max(self.lease / 6)
    }

    /// Stops all work; every job held is handed back at once.
    pub fn stop_all(&self) {
        self.leased.stop_all(StopCause::Shutdown);
    }
}

/// What is known of a handler that gave no answer.
fn ended_badly(error: JoinError) -> Failed {
    let problem = |code: &str, message: String| Problem { code: code.into(), message, hint: None };
    match error.try_into_panic() {
        Ok(panic) => {
            let text = panic
                .downcast_ref::<&str>()
                .map(ToString::to_string)
                .or_else(|| panic.downcast_ref::<String>().cloned());
            let message = format!("the worker panicked: {}", text.unwrap_or_else(|| "no message".into()));
            Failed::new(problem("job.panicked", message), Disposition::Retry)
        }
        // It was dropped where it waited; the cause says what becomes of the job.
        Err(_) => Failed::new(problem("job.stopped", "stopped before the end".into()), Disposition::Release),
    }
}
