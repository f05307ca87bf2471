//! Intake: a job is accepted once it stands in the journal, with its audit entry, on disk.

use earmark_core::audit::AuditEvent;
use earmark_core::{Job, JobId, JobState, Lease, NewJob, WorkerId};
use serde_json::json;

use super::{Accepted, Journal, row};
use crate::StorageError;
use crate::audit;
use crate::database::{Write, json};
use crate::recordings::shown_uri;

/// Jobs per transaction: enough to share one write to disk, little enough that others get their turn.
const BATCH: usize = 500;

impl Journal {
    /// Accepts `new` for `actor`. The same tenant and key again give the job there is.
    ///
    /// # Errors
    /// [`StorageError`] when the database fails; then nothing was accepted.
    pub async fn accept(&self, new: &NewJob, actor: &str) -> Result<Accepted, StorageError> {
        let mut accepted = self.accept_batch(std::slice::from_ref(new), actor).await?;
        Ok(accepted.pop().expect("one job in, one answer out"))
    }

    /// Accepts many jobs, in order, 500 to a transaction.
    ///
    /// # Errors
    /// [`StorageError`] when the database fails; the transactions before are accepted, and with keys the whole may be
    /// offered again.
    pub async fn accept_many(&self, new: &[NewJob], actor: &str) -> Result<Vec<Accepted>, StorageError> {
        let mut accepted = Vec::with_capacity(new.len());
        for batch in new.chunks(BATCH) {
            accepted.extend(self.accept_batch(batch, actor).await?);
        }
        Ok(accepted)
    }

    /// Accepts `new` straight into the hands of `worker`: no other worker ever sees it ready while that one lives.
    ///
    /// # Errors
    /// [`StorageError::KeyTaken`] when its key belongs to a job already.
    pub async fn accept_leased(
        &self,
        new: &NewJob,
        actor: &str,
        worker: &WorkerId,
        lease_ms: i64,
    ) -> Result<(Job, Lease), StorageError> {
        let mut write = self.db.write().await?;
        let now_ms = self.db.now_ms();
        let (mut job, is_new) = insert(&mut write, new, now_ms).await?;
        if !is_new {
            return Err(StorageError::KeyTaken { key: new.key.clone().unwrap_or_default(), job: job.id });
        }
        let lease = Lease { job_id: job.id.clone(), worker: worker.clone(), epoch: 1 };
        let statement = sqlx::query(
            "UPDATE jobs SET state = 'leased', attempt = 1, lease_epoch = 1, lease_owner = $1, lease_until_ms = $2 WHERE id = $3",
        )
        .bind(worker.as_str().to_owned())
        .bind(now_ms + lease_ms)
        .bind(job.id.as_str().to_owned());
        write.run(statement).await?;
        audit::append(&mut write, &[accepted_event(&job, actor)]).await?;
        write.commit().await?;
        job.state = JobState::Leased;
        job.attempt = 1;
        Ok((job, lease))
    }

    async fn accept_batch(&self, batch: &[NewJob], actor: &str) -> Result<Vec<Accepted>, StorageError> {
        let mut write = self.db.write().await?;
        let now_ms = self.db.now_ms();
        let mut accepted = Vec::with_capacity(batch.len());
        for new in batch {
            let (job, is_new) = insert(&mut write, new, now_ms).await?;
            accepted.push(Accepted { job, is_new });
        }
        let mut events: Vec<_> = accepted
            .iter()
            .filter(|accepted| accepted.is_new)
            .map(|accepted| accepted_event(&accepted.job, actor))
            .collect();
        let has_new = !events.is_empty();
        // One visit to each tenant's chain; within a tenant the order stays.
        events.sort_by(|a, b| a.tenant.cmp(&b.tenant));
        audit::append(&mut write, &events).await?;
        write.commit().await?;
        if has_new {
            self.tell_ready();
        }
        Ok(accepted)
    }
}

/// Inserts `new` as a ready job, or finds the one its key belongs to.
async fn insert(write: &mut Write, new: &NewJob, now_ms: i64) -> Result<(Job, bool), StorageError> {
    let id = JobId::at(now_ms);
    let inserted = sqlx::query(
        "INSERT INTO jobs (id, tenant, lane, key, uri, location, metadata, options, priority, version, state, run_at_ms, accepted_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'ready', $11, $11) ON CONFLICT (tenant, key) DO NOTHING",
    )
    .bind(id.as_str().to_owned())
    .bind(new.tenant.as_str().to_owned())
    .bind(new.lane.as_str())
    .bind(new.key.clone())
    .bind(new.uri.clone())
    .bind(new.location.clone())
    .bind(json("metadata", &new.metadata)?)
    .bind(json("options", &new.options)?)
    .bind(new.priority)
    .bind(new.version.clone())
    .bind(now_ms);
    if write.run(inserted).await? == 0 {
        let there = sqlx::query("SELECT * FROM jobs WHERE tenant = $1 AND key = $2")
            .bind(new.tenant.as_str().to_owned())
            .bind(new.key.clone());
        let found = write.row(there).await?.ok_or(StorageError::NoSuchJob(id))?;
        return Ok((row::job(write.db(), &found)?, false));
    }
    let turn = sqlx::query("INSERT INTO turns (lane, tenant) VALUES ($1, $2) ON CONFLICT (lane, tenant) DO NOTHING")
        .bind(new.lane.as_str())
        .bind(new.tenant.as_str().to_owned());
    write.run(turn).await?;
    let job = Job {
        id,
        uri: new.uri.clone(),
        location: new.location.clone(),
        tenant: new.tenant.clone(),
        lane: new.lane,
        key: new.key.clone(),
        metadata: new.metadata.clone(),
        options: new.options.clone(),
        priority: new.priority,
        version: new.version.clone(),
        state: JobState::Ready,
        attempt: 0,
        deaths: 0,
        run_at_ms: now_ms,
        accepted_at_ms: now_ms,
        finished_at_ms: None,
        clips_total: None,
        clips_done: 0,
        is_cancel_requested: false,
        error: None,
    };
    Ok((job, true))
}

fn accepted_event(job: &Job, actor: &str) -> AuditEvent {
    AuditEvent {
        actor: actor.into(),
        tenant: job.tenant.clone(),
        kind: "job.accepted".into(),
        job_id: Some(job.id.to_string()),
        payload: json!({ "uri": shown_uri(&job.uri), "lane": job.lane, "key": job.key }),
        rule_set_sha256: job.options.rule_set.clone(),
        engine: None,
        audio_sha256: None,
    }
}
