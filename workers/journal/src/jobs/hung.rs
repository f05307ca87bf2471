//! A holder that found work of its own that cannot be stopped.

use earmark_core::{JobState, Lease, Problem, Transition};
use serde_json::json;

use super::Journal;
use super::fence::{actor_of, held_with};
use super::quarantine::{QUARANTINE_DEATHS, delay_ms, quarantine_problem};
use super::states::{self, Again};
use crate::JournalError;

impl Journal {
    /// Gives a try up whose work hangs: a death of its holder as far as the job is concerned. The job is tried again
    /// later, or quarantined when that happened too often.
    ///
    /// # Errors
    /// [`JournalError::LeaseLost`].
    pub async fn hung(&self, lease: &Lease, problem: &Problem) -> Result<JobState, JournalError> {
        let mut write = self.db.write().await?;
        let job = held_with(&mut write, "UPDATE jobs SET deaths = deaths + 1", lease).await?;
        let actor = actor_of(lease);
        if job.deaths >= QUARANTINE_DEATHS && !job.is_cancel_requested {
            let why = format!("hung: {}", problem.message);
            states::quarantine(&mut write, &job, &actor, &quarantine_problem(&job, &why)).await?;
            write.commit().await?;
            return Ok(JobState::Dead);
        }
        let run_at_ms = self.db.now_ms() + delay_ms(job.deaths);
        let payload =
            json!({ "worker": lease.worker, "deaths": job.deaths, "run_at_ms": run_at_ms, "code": problem.code });
        let again = Again {
            run_at_ms,
            attempt: job.attempt.saturating_sub(1),
            problem: Some(problem),
            waits_for: None,
            payload,
        };
        let state = states::make_ready(&mut write, &job, Transition::PutOff, &actor, again).await?;
        write.commit().await?;
        self.tell_ready();
        Ok(state)
    }
}
