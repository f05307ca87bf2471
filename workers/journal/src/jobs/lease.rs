//! Leases: taking a job, keeping it, giving it back.

use earmark_core::{Job, JobId, JobState, Lane, Lease, Problem, Tenant, Transition, WorkerId};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::Journal;
use super::fence::{actor_of, fenced, held};
use super::states::{self, Again};
use crate::JournalError;
use crate::database::{Write, column, parsed};

/// How things stand with a lease that was to be renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// Still ours, with new time.
    Renewed,
    /// Still ours, with new time to stop in: someone called the job off.
    CancelRequested,
    /// Not ours any more: stop, and write nothing.
    Lost,
}

/// The answer to a renewal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseState {
    /// The lease that was to be renewed.
    pub lease: Lease,
    /// How things stand with it.
    pub renewal: Renewal,
}

/// The next job that is due, and its tenant: the one whose turn it is in lane `$1` at instant `$2`, among those of whom one
/// may be taken.
fn next_in_lane(journal: &Journal) -> String {
    format!("
    SELECT id, tenant FROM (
        SELECT t.served, t.tenant,
               (SELECT j.id FROM jobs j WHERE j.state = 'ready' AND j.lane = t.lane AND j.tenant = t.tenant AND j.run_at_ms <= $2
                ORDER BY j.priority DESC, j.run_at_ms, j.id LIMIT 1) AS id
        FROM turns t WHERE t.lane = $1 AND {}
    ) AS candidates WHERE id IS NOT NULL ORDER BY served, tenant LIMIT 1", journal.may_take())
}

/// On a server: what is next of the lane and tenant of job `$1` at instant `$2` that nobody is taking at this moment.
const NEXT_UNLOCKED: &str = "
    SELECT j.id AS id FROM jobs j WHERE j.state = 'ready' AND j.lane = (SELECT c.lane FROM jobs c WHERE c.id = $1)
        AND j.tenant = (SELECT c.tenant FROM jobs c WHERE c.id = $1) AND j.run_at_ms <= $2
    ORDER BY j.priority DESC, j.run_at_ms, j.id LIMIT 1 FOR UPDATE SKIP LOCKED";

impl Journal {
    /// Leases the next job of `lanes` to `worker` for `lease_ms`: the most urgent lane first, within it tenants in turn,
    /// within a tenant the highest priority, then the longest due. Lanes and tenants that are paused and tenants at their
    /// cap are passed over. None when no job is due.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn lease_next(
        &self,
        worker: &WorkerId,
        lanes: &[Lane],
        lease_ms: i64,
    ) -> Result<Option<(Job, Lease)>, JournalError> {
        // Looking costs no turn to write, and mostly there is nothing.
        if !self.has_due(lanes).await? {
            return Ok(None);
        }
        let mut write = self.db.write().await?;
        for lane in Lane::ALL.iter().filter(|lane| lanes.contains(lane)) {
            if let Some(leased) = self.lease_in_lane(&mut write, *lane, worker, lease_ms).await? {
                write.commit().await?;
                return Ok(Some(leased));
            }
        }
        Ok(None)
    }

    /// Leases job `id` to `worker` for `lease_ms`, whoever's turn it is; none when it is not ready, not due or paused, or its
    /// tenant at its cap.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn lease_job(
        &self,
        id: &JobId,
        worker: &WorkerId,
        lease_ms: i64,
    ) -> Result<Option<(Job, Lease)>, JournalError> {
        let mut write = self.db.write().await?;
        let tenant = sqlx::query("SELECT tenant FROM jobs WHERE id = $1").bind(id.as_str().to_owned());
        let Some(found) = write.row(tenant).await? else { return Ok(None) };
        let tenant = parsed(&self.db, &found, "tenant", Tenant::parse)?;
        self.caps.lock(&mut write, &tenant).await?;
        let leased = states::lease(&mut write, id, worker, (self.db.now_ms(), lease_ms), &self.may_take()).await?;
        write.commit().await?;
        Ok(leased)
    }

    /// When the next job becomes due, which may be in the past; none when no job is ready.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn next_run_at(&self) -> Result<Option<i64>, JournalError> {
        let found = sqlx::query("SELECT MIN(run_at_ms) AS next FROM jobs WHERE state = 'ready'")
            .fetch_one(self.db.pool())
            .await;
        column(&self.db, &self.db.map(found)?, "next")
    }

    /// Gives each lease another `lease_ms` from now and tells how things stand with it, in the same order.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails; the leases may still hold.
    pub async fn renew(&self, leases: &[Lease], lease_ms: i64) -> Result<Vec<LeaseState>, JournalError> {
        if leases.is_empty() {
            return Ok(Vec::new());
        }
        // By job, so that two who write several do not wait for each other.
        let mut order: Vec<usize> = (0..leases.len()).collect();
        order.sort_by(|a, b| leases[*a].job_id.as_str().cmp(leases[*b].job_id.as_str()));
        let mut renewals = vec![Renewal::Lost; leases.len()];
        let mut write = self.db.write().await?;
        let until_ms = self.db.now_ms() + lease_ms;
        for place in order {
            let lease = &leases[place];
            let statement = fenced("UPDATE jobs SET lease_until_ms = $4", lease, "RETURNING cancel_requested");
            renewals[place] = match write.row(statement.bind(until_ms)).await? {
                None => Renewal::Lost,
                Some(found) if column::<i64>(&self.db, &found, "cancel_requested")? != 0 => Renewal::CancelRequested,
                Some(_) => Renewal::Renewed,
            };
        }
        write.commit().await?;
        Ok(leases.iter().zip(renewals).map(|(lease, renewal)| LeaseState { lease: lease.clone(), renewal }).collect())
    }

    /// Hands the job back, ready at once, the attempt not counted; cancelled instead when someone called it off.
    ///
    /// # Errors
    /// [`JournalError::LeaseLost`].
    pub async fn release(&self, lease: &Lease, reason: &str) -> Result<JobState, JournalError> {
        let mut write = self.db.write().await?;
        let job = held(&mut write, lease).await?;
        let now_ms = self.db.now_ms();
        let again = Again {
            run_at_ms: now_ms.min(job.run_at_ms),
            attempt: job.attempt.saturating_sub(1),
            problem: job.error.as_ref(),
            waits_for: None,
            payload: Value::Null,
        };
        let state = states::make_ready(&mut write, &job, Transition::Release, &actor_of(lease), again).await?;
        write.commit().await?;
        tracing::debug!(job.id = %job.id, reason, "released job");
        self.tell_ready();
        Ok(state)
    }

    /// Puts the job off until `run_at_ms`, with the cause; cancelled instead when someone called it off.
    ///
    /// # Errors
    /// [`JournalError::LeaseLost`].
    pub async fn retry_at(
        &self,
        lease: &Lease,
        run_at_ms: i64,
        problem: &Problem,
        costs_attempt: bool,
    ) -> Result<JobState, JournalError> {
        let mut write = self.db.write().await?;
        let job = held(&mut write, lease).await?;
        let attempt = if costs_attempt { job.attempt } else { job.attempt.saturating_sub(1) };
        let payload = json!({ "attempt": job.attempt, "run_at_ms": run_at_ms, "code": problem.code, "costs_attempt": costs_attempt });
        let again = Again { run_at_ms, attempt, problem: Some(problem), waits_for: None, payload };
        let state = states::make_ready(&mut write, &job, Transition::PutOff, &actor_of(lease), again).await?;
        write.commit().await?;
        self.tell_ready();
        Ok(state)
    }

    /// Puts the job off at no cost until the place called `place` answers, at the latest until `run_at_ms`, or until
    /// `soon_ms` if the place is not away, or no more; cancelled instead when someone called it off. Gives when it is due.
    ///
    /// # Errors
    /// [`JournalError::LeaseLost`].
    pub async fn put_off_for(
        &self,
        lease: &Lease,
        place: &str,
        (soon_ms, run_at_ms): (i64, i64),
        problem: &Problem,
    ) -> Result<i64, JournalError> {
        let mut write = self.db.write().await?;
        // Whoever finds that it answers waits for this row, and then wakes this job with the others. Before the job, as
        // `Write` says.
        let away = format!("SELECT name FROM places WHERE name = $1{}", self.db.for_update());
        // Words of ours only; the value is bound.
        let away = write.row(sqlx::query(AssertSqlSafe(away)).bind(place.to_owned())).await?;
        let job = held(&mut write, lease).await?;
        let run_at_ms = if away.is_some() { run_at_ms } else { run_at_ms.min(soon_ms) };
        let payload = json!({ "attempt": job.attempt, "run_at_ms": run_at_ms, "code": problem.code, "costs_attempt": false, "waits_for": place });
        let attempt = job.attempt.saturating_sub(1);
        let again = Again { run_at_ms, attempt, problem: Some(problem), waits_for: Some(place), payload };
        states::make_ready(&mut write, &job, Transition::PutOff, &actor_of(lease), again).await?;
        write.commit().await?;
        self.tell_ready();
        Ok(run_at_ms)
    }

    /// Gives the job up for good: a dead letter with its cause, told outside, and an alert.
    ///
    /// # Errors
    /// [`JournalError::LeaseLost`].
    pub async fn bury(&self, lease: &Lease, problem: &Problem) -> Result<(), JournalError> {
        let mut write = self.db.write().await?;
        let job = held(&mut write, lease).await?;
        states::bury(&mut write, &job, &actor_of(lease), problem).await?;
        write.commit().await
    }

    /// Ends a job that was called off while its holder worked on it.
    ///
    /// # Errors
    /// [`JournalError::LeaseLost`].
    pub async fn finish_cancel(&self, lease: &Lease) -> Result<(), JournalError> {
        let mut write = self.db.write().await?;
        let job = held(&mut write, lease).await?;
        states::call_off(&mut write, &job, &actor_of(lease)).await?;
        write.commit().await
    }

    async fn has_due(&self, lanes: &[Lane]) -> Result<bool, JournalError> {
        let now_ms = self.db.now_ms();
        for lane in lanes {
            // Words of ours only.
            let next = sqlx::query(AssertSqlSafe(next_in_lane(self)));
            let due = next.bind(lane.as_str()).bind(now_ms).fetch_optional(self.db.pool()).await;
            if self.db.map(due)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn lease_in_lane(
        &self,
        write: &mut Write,
        lane: Lane,
        worker: &WorkerId,
        lease_ms: i64,
    ) -> Result<Option<(Job, Lease)>, JournalError> {
        let now_ms = self.db.now_ms();
        let next = next_in_lane(self);
        // Where others may write at the same time, the candidate can be gone: then the next one.
        loop {
            // Words of ours only.
            let candidate = sqlx::query(AssertSqlSafe(next.clone())).bind(lane.as_str()).bind(now_ms);
            let Some(found) = write.row(candidate).await? else { return Ok(None) };
            let mut id = parsed(&self.db, &found, "id", JobId::parse)?;
            let tenant = parsed(&self.db, &found, "tenant", Tenant::parse)?;
            self.caps.lock(write, &tenant).await?;
            if self.db.is_shared() {
                let unlocked = sqlx::query(NEXT_UNLOCKED).bind(id.as_str().to_owned()).bind(now_ms);
                if let Some(found) = write.row(unlocked).await? {
                    id = parsed(&self.db, &found, "id", JobId::parse)?;
                }
            }
            let Some((job, lease)) =
                states::lease(write, &id, worker, (self.db.now_ms(), lease_ms), &self.may_take()).await?
            else {
                continue;
            };
            let served = sqlx::query(
                "UPDATE turns SET served = (SELECT MAX(t.served) + 1 FROM turns t WHERE t.lane = $1) WHERE lane = $1 AND tenant = $2",
            );
            write.run(served.bind(lane.as_str()).bind(tenant.as_str().to_owned())).await?;
            return Ok(Some((job, lease)));
        }
    }
}
