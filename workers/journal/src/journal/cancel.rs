//! What people do to jobs: call them off, try them again.

use earmark_core::{Job, JobId, JobState};
use serde_json::json;

use super::holder::{become_cancelled, event};
use super::{CancelOutcome, Journal, row};
use crate::JournalError;
use crate::audit;
use crate::database::Write;

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
                become_cancelled(&mut write, &job, actor).await?;
                CancelOutcome::Cancelled
            }
            JobState::Leased => {
                if !job.is_cancel_requested {
                    write
                        .run(
                            sqlx::query("UPDATE jobs SET cancel_requested = 1 WHERE id = $1")
                                .bind(id.as_str().to_owned()),
                        )
                        .await?;
                    audit::append(
                        &mut write,
                        &[event(&job, actor, "job.cancel_requested", json!({ "attempt": job.attempt }))],
                    )
                    .await?;
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
        // The epoch moves too: whoever held it before its end writes nothing any more.
        let statement = sqlx::query(
            "UPDATE jobs SET state = 'ready', attempt = 0, deaths = 0, run_at_ms = $1, finished_at_ms = NULL, cancel_requested = 0,
                    queued_until_ms = NULL, lease_owner = NULL, lease_epoch = lease_epoch + 1, error_code = NULL, error_message = NULL, error_hint = NULL
             WHERE id = $2 RETURNING *",
        )
        .bind(self.db.now_ms())
        .bind(id.as_str().to_owned());
        let found = write.row(statement).await?.ok_or_else(|| JournalError::NoSuchJob(id.clone()))?;
        let retried = row::job(&self.db, &found)?;
        let payload =
            json!({ "was": job.state, "attempt": job.attempt, "code": job.error.map(|problem| problem.code) });
        audit::append(&mut write, &[event(&retried, actor, "job.retried", payload)]).await?;
        write.commit().await?;
        self.tell_ready();
        Ok(retried)
    }
}

/// The job as it stands, nobody else changing it before the commit.
async fn locked(write: &mut Write, id: &JobId) -> Result<Job, JournalError> {
    let statement =
        sqlx::query("UPDATE jobs SET lease_epoch = lease_epoch WHERE id = $1 RETURNING *").bind(id.as_str().to_owned());
    let found = write.row(statement).await?.ok_or_else(|| JournalError::NoSuchJob(id.clone()))?;
    row::job(write.db(), &found)
}
