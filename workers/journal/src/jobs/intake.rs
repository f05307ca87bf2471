//! Intake: a job is accepted once it stands in the journal, with its audit entry, on disk. What a job may hold is checked
//! by the law of intake (`earmark-intake`) before it comes here; only what the database alone can tell is decided here.

use std::collections::BTreeSet;

use earmark_core::audit::{AuditEvent, AuditKind};
use earmark_core::{Job, JobId, Lease, NewJob, PartView, WorkerId};
use serde_json::json;

use super::fence::{Locked, locked};
use super::insert::{BATCH, insert};
use super::intakes::insert_once;
use super::{Journal, address, states};
use crate::JournalError;
use crate::alerts;
use crate::answer::{Accepted, Answer};
use crate::audit;
use crate::database::Write;

impl Journal {
    /// Accepts `new` for `actor`. The same tenant and key again give the job there is, as does, without a key, the same
    /// tenant, recording, version and rule set, however that job has ended.
    ///
    /// # Errors
    /// [`JournalError::KeyNames`] when its key names another recording, [`JournalError::NoSuchRuleSet`], or when the
    /// database fails; then nothing was accepted.
    pub async fn accept(&self, new: &NewJob, actor: &str) -> Result<Accepted, JournalError> {
        let answer = self.accept_many(std::slice::from_ref(new), actor).await?.pop();
        Ok(answer.expect("one job in, one answer out")?)
    }

    /// Accepts many jobs, in order, 500 to a transaction. Those whose key names another recording, one of the same batch
    /// included, are left out, and their answers say so.
    ///
    /// # Errors
    /// [`JournalError::NoSuchRuleSet`]: nothing was accepted. [`JournalError`] when the database fails: the transactions
    /// before are accepted, and the whole may be offered again: what is known is not accepted twice.
    pub async fn accept_many(&self, new: &[NewJob], actor: &str) -> Result<Vec<Answer>, JournalError> {
        if let Some(sha256) = self.unkept_rule_sets(new).await?.into_iter().next() {
            return Err(JournalError::NoSuchRuleSet(sha256));
        }
        let mut answers = Vec::with_capacity(new.len());
        for batch in new.chunks(BATCH) {
            answers.extend(self.accept_batch(batch, actor).await?);
        }
        Ok(answers)
    }

    /// Accepts `new` straight into the hands of `worker`: no other worker ever sees it ready while that one lives.
    ///
    /// # Errors
    /// [`JournalError::KeyTaken`] when its key belongs to a job of this recording already; those of [`accept`](Self::accept).
    pub async fn accept_leased(
        &self,
        new: &NewJob,
        actor: &str,
        worker: &WorkerId,
        lease_ms: i64,
    ) -> Result<(Job, Lease), JournalError> {
        let mut write = self.db.write().await?;
        let offered = insert(&mut write, std::slice::from_ref(new), self.active_rules().as_deref()).await?.pop();
        let job = match offered.expect("one job in, one answer out") {
            Ok(Accepted { job, is_new: true }) => job,
            Ok(Accepted { job, is_new: false }) => {
                return Err(JournalError::KeyTaken { key: new.key.clone().unwrap_or_default(), job: job.id });
            }
            Err(names) => return Err(names.into()),
        };
        let now_ms = self.db.now_ms().max(job.run_at_ms);
        let leased = states::lease(&mut write, &job.id, worker, (now_ms, lease_ms), "1 = 1").await?;
        let leased = leased.ok_or_else(|| JournalError::NoSuchJob(job.id.clone()))?;
        audit::append(&mut write, &[accepted_event(&job, actor)]).await?;
        write.commit().await?;
        Ok(leased)
    }

    /// Rule sets that `new` jobs name and that are not kept here, by hash: nobody could judge by them.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn unkept_rule_sets(&self, new: &[NewJob]) -> Result<BTreeSet<String>, JournalError> {
        let named: BTreeSet<&str> = new.iter().filter_map(|new| new.options.rule_set.as_deref()).collect();
        let mut unkept = BTreeSet::new();
        for sha256 in named {
            let found = sqlx::query("SELECT sha256 FROM rule_sets WHERE sha256 = $1")
                .bind(sha256.to_owned())
                .fetch_optional(self.db.pool())
                .await;
            if self.db.map(found)?.is_none() {
                unkept.insert(sha256.to_owned());
            }
        }
        Ok(unkept)
    }

    async fn accept_batch(&self, batch: &[NewJob], actor: &str) -> Result<Vec<Answer>, JournalError> {
        let mut write = self.db.write().await?;
        let mut answers = insert_once(&mut write, batch, self.active_rules().as_deref()).await?;
        let renewed = renewed(batch, &answers);
        let mut given_up = Vec::new();
        for (id, offer) in &renewed {
            given_up.extend(address::renew(&mut write, id, &batch[*offer]).await?);
        }
        // Tenant by tenant, each job once; a job that is offered twice follows itself.
        given_up.sort_by(|a, b| (&a.tenant, &a.id).cmp(&(&b.tenant, &b.id)));
        given_up.dedup_by(|a, b| a.id == b.id);
        let mut events: Vec<_> = answers
            .iter()
            .flatten()
            .filter(|accepted| accepted.is_new)
            .map(|accepted| accepted_event(&accepted.job, actor))
            .collect();
        let has_new = !events.is_empty();
        // One visit to each tenant's chain, in one order everywhere; within a tenant the order stays.
        events.sort_by(|a, b| a.tenant.cmp(&b.tenant));
        retry_all(&mut write, &given_up, &events, actor).await?;
        audit::append(&mut write, &events).await?;
        let causes: BTreeSet<_> =
            given_up.iter().filter_map(|job| Some((&job.tenant, states::cause_of_death(job)?))).collect();
        for (tenant, code) in causes {
            alerts::one_dead_less(&mut write, tenant, code, actor).await?;
        }
        for (id, offer) in &renewed {
            let job = Job::clone(&*locked(&mut write, id).await?);
            if let Ok(accepted) = &mut answers[*offer] {
                accepted.job = job;
            }
        }
        write.commit().await?;
        if has_new || !renewed.is_empty() {
            self.tell_ready();
        }
        Ok(answers)
    }
}

/// Jobs that were there and are offered by fresh addresses, and which offers of `batch` do so: in one order, so that two who
/// offer the same do not wait for each other; of one job's the last offer counts.
fn renewed(batch: &[NewJob], answers: &[Answer]) -> Vec<(JobId, usize)> {
    let mut renewed = Vec::new();
    for (offer, (new, answer)) in batch.iter().zip(answers).enumerate() {
        if let Ok(accepted) = answer
            && !accepted.is_new
            && address::is_fresh(&accepted.job, new)
        {
            renewed.push((accepted.job.id.clone(), offer));
        }
    }
    renewed.sort();
    renewed
}

/// Has `given_up`, tenant by tenant, tried again, before `events` go on record in the same transaction.
async fn retry_all(
    write: &mut Write,
    given_up: &[Locked],
    events: &[AuditEvent],
    actor: &str,
) -> Result<(), JournalError> {
    if given_up.is_empty() {
        return Ok(());
    }
    // The chains of both, in one order everywhere.
    let tenants: BTreeSet<_> = given_up.iter().map(|job| &job.tenant).chain(events.iter().map(|e| &e.tenant)).collect();
    for tenant in tenants {
        audit::lock_chain(write, tenant).await?;
    }
    for job in given_up {
        states::retry_elsewhere(write, job, actor).await?;
    }
    Ok(())
}

fn accepted_event(job: &Job, actor: &str) -> AuditEvent {
    let mut payload = json!({ "uri": job.uri, "lane": job.lane, "key": job.key });
    if !job.options.parts.is_empty() {
        payload["parts"] = job.options.parts.iter().map(|part| json!(PartView::from(part))).collect();
    }
    // Who is said to speak decides what is found.
    if let Some(speakers) = &job.options.speakers {
        payload["speakers"] = json!(speakers);
    }
    if let Some(sound) = &job.options.sound {
        payload["sound"] = json!(sound);
    }
    AuditEvent {
        actor: actor.into(),
        tenant: job.tenant.clone(),
        kind: AuditKind::JobAccepted,
        job_id: Some(job.id.to_string()),
        payload,
        rule_set_sha256: job.options.rule_set.clone(),
        engine: None,
        audio_sha256: None,
    }
}
