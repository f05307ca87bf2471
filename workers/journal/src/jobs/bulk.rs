//! What people do to many jobs: all that a filter lets through called off, or tried again, a batch to a transaction.

use std::collections::BTreeSet;

use earmark_core::{JobId, JobState};

use super::cancel::{CancelOutcome, call_off};
use super::fence::{Locked, locked};
use super::query::JobFilter;
use super::{Journal, states};
use crate::JournalError;
use crate::alerts;
use crate::database::Write;

/// Jobs of one transaction: few enough that nobody waits long for it.
const BATCH: u32 = 100;

/// A job, and what became of the wish to call it off.
pub type CalledOff = (JobId, CancelOutcome);

impl Journal {
    /// Makes the dead and cancelled jobs that `filter` lets through ready again, as [`Journal::retry`] does one; tells `done`
    /// of each batch once it is written. What dies meanwhile is not taken twice: ids are gone through once.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails; what was told before stays so.
    pub async fn retry_all(
        &self,
        filter: &JobFilter,
        actor: &str,
        done: &mut (dyn FnMut(&[JobId]) + Send),
    ) -> Result<(), JournalError> {
        let mut after = None;
        loop {
            let ids = self.ids(filter, after.as_ref(), BATCH).await?;
            let Some(last) = ids.last().cloned() else { return Ok(()) };
            let mut write = self.db.write().await?;
            let is_meant = |job: &Locked| {
                matches!(job.state, JobState::Dead | JobState::Cancelled)
                    && filter.state.is_none_or(|state| state == job.state)
            };
            let jobs = taken(&mut write, &ids, is_meant).await?;
            let mut causes = BTreeSet::new();
            for job in &jobs {
                states::retry(&mut write, job, actor).await?;
                causes.extend(states::cause_of_death(job).map(|code| (job.tenant.clone(), code.to_owned())));
            }
            for (tenant, code) in &causes {
                alerts::one_dead_less(&mut write, tenant, code, actor).await?;
            }
            write.commit().await?;
            self.tell_ready();
            done(&jobs.iter().map(|job| job.id.clone()).collect::<Vec<_>>());
            after = Some(last);
        }
    }

    /// Calls the jobs off that `filter` lets through and that have not ended, as [`Journal::cancel`] does one; tells `done`
    /// of each batch once it is written.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails; what was told before stays so.
    pub async fn cancel_all(
        &self,
        filter: &JobFilter,
        actor: &str,
        done: &mut (dyn FnMut(&[CalledOff]) + Send),
    ) -> Result<(), JournalError> {
        let mut after = None;
        loop {
            let ids = self.ids(filter, after.as_ref(), BATCH).await?;
            let Some(last) = ids.last().cloned() else { return Ok(()) };
            let mut write = self.db.write().await?;
            let is_meant = |job: &Locked| !job.state.is_final();
            let mut outcomes = Vec::new();
            for job in taken(&mut write, &ids, is_meant).await? {
                outcomes.push((job.id.clone(), call_off(&mut write, &job, actor).await?));
            }
            write.commit().await?;
            done(&outcomes);
            after = Some(last);
        }
    }
}

/// Those of `ids` (ascending) that `is_meant` once nobody else changes them, tenant by tenant: rows are locked by their ids,
/// chains by their tenants, as [`Write`] says. One that is gone is left out.
async fn taken(
    write: &mut Write,
    ids: &[JobId],
    is_meant: impl Fn(&Locked) -> bool,
) -> Result<Vec<Locked>, JournalError> {
    let mut jobs = Vec::new();
    for id in ids {
        match locked(write, id).await {
            Ok(job) => jobs.push(job),
            Err(JournalError::NoSuchJob(_)) => {}
            Err(error) => return Err(error),
        }
    }
    jobs.retain(is_meant);
    jobs.sort_by(|a, b| (&a.tenant, &a.id).cmp(&(&b.tenant, &b.id)));
    Ok(jobs)
}
