//! What people do to jobs: call them off, try them again.

use earmark_core::{Job, JobId, JobState};

use super::fence::{Locked, locked};
use super::{Journal, states};
use crate::JournalError;
use crate::alerts;
use crate::database::Write;

/// What became of the wish to call a job off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelOutcome {
    /// Nobody held it: it is called off.
    Cancelled,
    /// A worker holds it and will hear of it at its next renewal.
    Requested,
    /// It has ended already, in this state.
    AlreadyFinal(JobState),
}

impl Journal {
    /// Calls a job off: at once when nobody holds it, otherwise its holder hears of it.
    ///
    /// # Errors
    /// [`JournalError::NoSuchJob`].
    pub async fn cancel(&self, id: &JobId, actor: &str) -> Result<CancelOutcome, JournalError> {
        let mut write = self.db.write().await?;
        let job = locked(&mut write, id).await?;
        let outcome = call_off(&mut write, &job, actor).await?;
        write.commit().await?;
        Ok(outcome)
    }

    /// Makes a dead or cancelled job ready again, its attempts and deaths forgotten, its saved clips kept.
    ///
    /// # Errors
    /// [`JournalError::NoSuchJob`], [`JournalError::NotRetriable`].
    pub async fn retry(&self, id: &JobId, actor: &str) -> Result<Job, JournalError> {
        let mut write = self.db.write().await?;
        let job = locked(&mut write, id).await?;
        match job.state {
            JobState::Dead | JobState::Cancelled => {}
            JobState::Ready | JobState::Leased | JobState::Done => {
                return Err(JournalError::NotRetriable { job: id.clone(), state: job.state });
            }
        }
        let retried = states::retry(&mut write, &job, actor).await?;
        if let Some(code) = states::cause_of_death(&job) {
            alerts::one_dead_less(&mut write, &job.tenant, code, actor).await?;
        }
        write.commit().await?;
        self.tell_ready();
        Ok(retried)
    }
}

/// Calls `job` off as far as it can be.
pub(super) async fn call_off(write: &mut Write, job: &Locked, actor: &str) -> Result<CancelOutcome, JournalError> {
    match job.state {
        JobState::Ready => {
            states::call_off(write, job, actor).await?;
            Ok(CancelOutcome::Cancelled)
        }
        JobState::Leased => {
            if !job.is_cancel_requested {
                states::ask_to_cancel(write, job, actor).await?;
            }
            Ok(CancelOutcome::Requested)
        }
        JobState::Done | JobState::Dead | JobState::Cancelled => Ok(CancelOutcome::AlreadyFinal(job.state)),
    }
}
