//! A holder that found work of its own that cannot be stopped.

use earmark_core::{JobState, Lease, Problem};
use serde_json::json;

use super::holder::{actor_of, become_dead, become_ready, event, fence};
use super::sweep::{FIRST_DELAY_MS, QUARANTINE_DEATHS, QUARANTINED, quarantine_problem};
use super::{Journal, row};
use crate::JournalError;
use crate::audit;

impl Journal {
    /// Gives a try up whose work hangs: a death of its holder as far as the job is concerned. The job is tried again
    /// later, or quarantined when that happened too often.
    ///
    /// # Errors
    /// [`JournalError::LeaseLost`].
    pub async fn hung(&self, lease: &Lease, problem: &Problem) -> Result<JobState, JournalError> {
        let mut write = self.db.write().await?;
        let statement = sqlx::query(
            "UPDATE jobs SET deaths = deaths + 1 WHERE id = $1 AND lease_epoch = $2 AND lease_owner = $3 AND state = 'leased' RETURNING *",
        );
        let found =
            write.row(fence(statement, lease)).await?.ok_or_else(|| JournalError::LeaseLost(lease.job_id.clone()))?;
        let job = row::job(write.db(), &found)?;
        let actor = actor_of(lease);
        if job.deaths >= QUARANTINE_DEATHS && !job.is_cancel_requested {
            let why = format!("hung: {}", problem.message);
            become_dead(&mut write, &job, &actor, QUARANTINED, &quarantine_problem(&job, &why)).await?;
            write.commit().await?;
            return Ok(JobState::Dead);
        }
        let run_at_ms = self.db.now_ms() + (FIRST_DELAY_MS << job.deaths.saturating_sub(1).min(8));
        let state =
            become_ready(&mut write, &job, &actor, run_at_ms, job.attempt.saturating_sub(1), Some(problem)).await?;
        if state == JobState::Ready {
            let payload =
                json!({ "worker": lease.worker, "deaths": job.deaths, "run_at_ms": run_at_ms, "code": problem.code });
            audit::append(&mut write, &[event(&job, &actor, "job.retry", payload)]).await?;
        }
        write.commit().await?;
        self.tell_ready();
        Ok(state)
    }
}
