//! Blame is a guard: a job is to blame for the death of its worker exactly while it computes.

use earmark_core::Lease;
use earmark_journal::Journal;

use crate::context::Attempt;
use crate::error::JobError;
use crate::isolation::Turn;
use crate::running::Running;

/// A job that computes: it has its turn among those who do, and the journal says that it is to blame if the worker dies.
///
/// [`leave`](Self::leave) takes back both, the blame first: whoever computes alone is the only one to blame. Dropped, as
/// when the job fails or nobody waits for it any more, it gives back the turn and leaves the blame in the journal to
/// whoever settles the job, for a drop cannot wait for a database. Threads keep the turn until they end, whatever becomes
/// of those who waited for them: a thread that cannot be stopped may still bring the worker down.
pub(crate) struct Computing<'a> {
    journal: &'a Journal,
    lease: &'a Lease,
    running: &'a Running,
}

impl<'a> Computing<'a> {
    /// Waits until the job may compute beside those who do; it is to blame from then on.
    ///
    /// # Errors
    /// [`JobError::Stopped`] while it waits, [`JobError::Write`] when the lease is lost or the journal fails.
    pub async fn enter(attempt: &'a Attempt<'a>) -> Result<Self, JobError> {
        let (context, pipeline) = (&attempt.context, attempt.context.pipeline);
        let turn = context.unless_stopped(pipeline.isolation.turn(attempt.job.deaths)).await?;
        Self::with(turn, &pipeline.journal, attempt.lease, &context.running).await
    }

    async fn with(turn: Turn, journal: &'a Journal, lease: &'a Lease, running: &'a Running) -> Result<Self, JobError> {
        running.take_turn(turn);
        let computing = Self { journal, lease, running };
        journal.set_blameless(lease, false).await?;
        Ok(computing)
    }

    /// The job only waits from here on. The blame stays with it if a thread of its computes nevertheless.
    ///
    /// # Errors
    /// [`JobError::Write`] when the lease is lost or the journal fails.
    pub async fn leave(self) -> Result<(), JobError> {
        if !self.running.computes_on_a_thread() {
            self.journal.set_blameless(self.lease, true).await?;
        }
        Ok(())
    }
}

impl Drop for Computing<'_> {
    fn drop(&mut self) {
        self.running.give_turn_back();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    use earmark_core::{Job, Lane, ManualClock, NewJob, Tenant, WorkerId};
    use earmark_journal::Database;
    use futures::FutureExt;

    use super::*;
    use crate::isolation::Isolation;
    use crate::running::RunningAttempts;

    const LEASE_MS: i64 = 30_000;

    /// A process with one job.
    struct Office {
        clock: Arc<ManualClock>,
        journal: Journal,
        job: Job,
        lease: Lease,
        isolation: Isolation,
        attempts: RunningAttempts,
    }

    impl Office {
        async fn open() -> Self {
            let clock = Arc::new(ManualClock::at(1_760_000_000_000));
            let database = Database::open("sqlite::memory:", clock.clone()).await.unwrap();
            database.migrate().await.unwrap();
            let journal = Journal::new(database);
            let new = NewJob::new("call.wav", "/calls/call.wav", Tenant::default());
            journal.accept(&new, "cli:me").await.unwrap();
            let leased = journal.lease_next(&WorkerId::fresh(), Lane::ALL, LEASE_MS).await.unwrap();
            let (job, lease) = leased.unwrap();
            Self { clock, journal, job, lease, isolation: Isolation::default(), attempts: RunningAttempts::default() }
        }

        async fn computing<'a>(&'a self, running: &'a Running) -> Computing<'a> {
            let turn = self.isolation.turn(0).await;
            Computing::with(turn, &self.journal, &self.lease, running).await.unwrap()
        }

        /// Deaths of the job when its worker dies now.
        async fn deaths(&self) -> u32 {
            self.clock.advance_ms(LEASE_MS + 60_000);
            self.journal.sweep().await.unwrap();
            self.journal.get(&self.job.id).await.unwrap().deaths
        }

        /// Whether a job that is blamed may compute now, alone.
        fn is_free(&self) -> bool {
            self.isolation.turn(1).now_or_never().is_some()
        }
    }

    /// A thread that runs until the sender says so, or is gone; began before this returns.
    async fn hang(running: &Running) -> (mpsc::Sender<()>, Result<(), JobError>) {
        let (end, ended) = mpsc::channel();
        let late = running.compute(Duration::ZERO, move || ended.recv().unwrap_or_default()).await;
        (end, late)
    }

    #[tokio::test]
    async fn a_job_is_to_blame_from_where_it_enters_to_where_it_leaves() {
        let office = Office::open().await;
        let running = office.attempts.begin(&office.lease);
        let computing = office.computing(&running).await;
        assert!(!office.is_free(), "somebody computes");
        computing.leave().await.unwrap();
        assert!(office.is_free());
        assert_eq!(office.deaths().await, 0);
    }

    #[tokio::test]
    async fn a_job_that_is_dropped_while_it_computes_stays_to_blame_and_gives_its_turn_back() {
        let office = Office::open().await;
        let running = office.attempts.begin(&office.lease);
        drop(office.computing(&running).await);
        assert!(office.is_free());
        assert_eq!(office.deaths().await, 1);
    }

    #[tokio::test]
    async fn nobody_is_alone_beside_a_thread_that_is_past_its_deadline() {
        let office = Office::open().await;
        let running = office.attempts.begin(&office.lease);
        let computing = office.computing(&running).await;
        let (end, late) = hang(&running).await;
        assert!(matches!(late, Err(JobError::Deadline { .. })), "{late:?}");
        drop(computing);
        drop(running);
        assert!(!office.is_free(), "its thread runs on");
        end.send(()).unwrap();
        office.attempts.ended(&office.lease).await;
        assert!(office.is_free());
    }

    #[tokio::test]
    async fn nobody_is_alone_beside_a_thread_whose_job_was_dropped() {
        let office = Office::open().await;
        let running = office.attempts.begin(&office.lease);
        let computing = office.computing(&running).await;
        let (end, ended) = mpsc::channel::<()>();
        let mut work = Box::pin(running.compute(Duration::MAX, move || ended.recv()));
        assert!((&mut work).now_or_never().is_none());
        drop(work);
        drop(computing);
        drop(running);
        assert!(!office.is_free(), "its thread runs on");
        drop(end);
        office.attempts.ended(&office.lease).await;
        assert!(office.is_free());
    }

    #[tokio::test]
    async fn a_job_whose_thread_runs_on_does_not_leave_its_blame() {
        let office = Office::open().await;
        let running = office.attempts.begin(&office.lease);
        let computing = office.computing(&running).await;
        let (_end, _) = hang(&running).await;
        computing.leave().await.unwrap();
        assert!(!office.is_free(), "its thread runs on");
        assert_eq!(office.deaths().await, 1);
    }

    #[tokio::test]
    async fn a_thread_that_only_reads_takes_no_turn() {
        let office = Office::open().await;
        let running = office.attempts.begin(&office.lease);
        let computing = office.computing(&running).await;
        let (end, ended) = mpsc::channel::<()>();
        let late = running.read(Duration::ZERO, move || ended.recv()).await;
        assert!(matches!(late, Err(JobError::Deadline { .. })), "{late:?}");
        computing.leave().await.unwrap();
        assert!(office.is_free());
        assert_eq!(office.deaths().await, 0);
        drop(end);
    }
}
