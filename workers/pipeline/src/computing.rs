//! Blame is a guard: a job is to blame for the death of its worker exactly while it computes.

use earmark_core::Lease;
use earmark_storage::Journal;

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
