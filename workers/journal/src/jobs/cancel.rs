//! What people do to jobs: call them off, try them again.

use earmark_core::{Job, JobId, JobState};

use super::fence::locked;
use super::{Journal, states};
use crate::JournalError;

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
        let outcome = match job.state {
            JobState::Ready => {
                states::call_off(&mut write, &job, actor).await?;
                CancelOutcome::Cancelled
            }
            JobState::Leased => {
                if !job.is_cancel_requested {
                    states::ask_to_cancel(&mut write, &job, actor).await?;
                }
                CancelOutcome::Requested
            }
            JobState::Done | JobState::Dead | JobState::Cancelled => CancelOutcome::AlreadyFinal(job.state),
        };
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
        write.commit().await?;
        self.tell_ready();
        Ok(retried)
    }
}
