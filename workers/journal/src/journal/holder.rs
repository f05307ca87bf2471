//! What every write of a lease's holder has in common: the fence, and the way into a final state.

use earmark_core::audit::AuditEvent;
use earmark_core::{Job, JobState, Lease, Problem};
use serde_json::{Value, json};

use super::row;
use crate::JournalError;
use crate::audit;
use crate::database::{Query, Write, storable};
use crate::outbox::{self, NewAlert, NewMessage, OutboxKind};

/// The job of `lease`, if the lease still holds. Its row is written, so nobody takes it before the commit.
pub(crate) async fn held(write: &mut Write, lease: &Lease) -> Result<Job, JournalError> {
    let statement = sqlx::query(
        "UPDATE jobs SET lease_epoch = lease_epoch WHERE id = $1 AND lease_epoch = $2 AND lease_owner = $3 AND state = 'leased' RETURNING *",
    );
    let found =
        write.row(fence(statement, lease)).await?.ok_or_else(|| JournalError::LeaseLost(lease.job_id.clone()))?;
    row::job(write.db(), &found)
}

/// Binds `$1` to `$3` of a statement with `id = $1 AND lease_epoch = $2 AND lease_owner = $3 AND state = 'leased'`.
pub(crate) fn fence<'q>(statement: Query<'q>, lease: &Lease) -> Query<'q> {
    statement.bind(lease.job_id.as_str().to_owned()).bind(lease.epoch).bind(lease.worker.as_str().to_owned())
}

/// How a job ends.
pub(crate) struct Ending<'a> {
    /// Done, dead or cancelled.
    pub(crate) state: JobState,
    /// What is told outside.
    pub(crate) kind: OutboxKind,
    /// Why, unless it is done.
    pub(crate) problem: Option<&'a Problem>,
    /// The entry that goes on record.
    pub(crate) event: AuditEvent,
    /// Fields of the message beside those that every job has.
    pub(crate) details: Value,
}

/// Moves `job` to its final state with audit entry and message. Holder and epoch stay, for a repeated last write.
pub(crate) async fn become_final(write: &mut Write, job: &Job, ending: Ending<'_>) -> Result<(), JournalError> {
    let now_ms = write.db().now_ms();
    let statement = sqlx::query(
        "UPDATE jobs SET state = $1, finished_at_ms = $2, lease_until_ms = NULL, error_code = $3, error_message = $4, error_hint = $5 WHERE id = $6",
    )
    .bind(ending.state.as_str())
    .bind(now_ms)
    .bind(ending.problem.map(|problem| problem.code.clone()))
    .bind(ending.problem.map(|problem| storable(&problem.message)))
    .bind(ending.problem.and_then(|problem| problem.hint.as_deref().map(storable)))
    .bind(job.id.as_str().to_owned());
    write.run(statement).await?;

    let told = end(job, ending.state, now_ms, ending.problem, ending.details);
    outbox::post(write, NewMessage { tenant: &job.tenant, kind: ending.kind, job_id: Some(&job.id), payload: told })
        .await?;
    audit::append(write, &[ending.event]).await
}

/// What is told of the end of `job`: what every end has, and `details`.
pub(crate) fn end(job: &Job, state: JobState, at_ms: i64, problem: Option<&Problem>, details: Value) -> Value {
    let mut told = json!({
        "job_id": job.id, "tenant": job.tenant, "lane": job.lane, "key": job.key, "metadata": job.metadata, "state": state,
        "accepted_at": earmark_core::rfc3339(job.accepted_at_ms), "finished_at": earmark_core::rfc3339(at_ms), "error": problem,
    });
    if let (Some(told), Value::Object(details)) = (told.as_object_mut(), details) {
        told.extend(details);
    }
    told
}

/// Calls `job` off.
pub(crate) async fn become_cancelled(write: &mut Write, job: &Job, actor: &str) -> Result<(), JournalError> {
    let event = event(job, actor, "job.cancelled", json!({ "attempt": job.attempt }));
    become_final(
        write,
        job,
        Ending {
            state: JobState::Cancelled,
            kind: OutboxKind::JobCancelled,
            problem: None,
            event,
            details: Value::Null,
        },
    )
    .await
}

/// Gives `job` up: a dead letter, and an alert.
pub(crate) async fn become_dead(
    write: &mut Write,
    job: &Job,
    actor: &str,
    kind: &str,
    problem: &Problem,
) -> Result<(), JournalError> {
    let event = event(job, actor, kind, json!({ "attempt": job.attempt, "deaths": job.deaths, "code": problem.code }));
    let ending = Ending {
        state: JobState::Dead,
        kind: OutboxKind::JobDead,
        problem: Some(problem),
        event,
        details: Value::Null,
    };
    become_final(write, job, ending).await?;
    let alert = NewAlert { kind: kind.into(), message: format!("job {} was given up: {}", job.id, problem.message) };
    outbox::raise(write, &job.tenant, Some(&job.id), &alert).await?;
    Ok(())
}

/// Makes `job` ready again from `run_at_ms` on, unless someone called it off meanwhile; tells which.
pub(crate) async fn become_ready(
    write: &mut Write,
    job: &Job,
    actor: &str,
    run_at_ms: i64,
    attempt: u32,
    problem: Option<&Problem>,
) -> Result<JobState, JournalError> {
    if job.is_cancel_requested {
        become_cancelled(write, job, actor).await?;
        return Ok(JobState::Cancelled);
    }
    let statement = sqlx::query(
        "UPDATE jobs SET state = 'ready', run_at_ms = $1, attempt = $2, lease_owner = NULL, lease_until_ms = NULL,
                error_code = $3, error_message = $4, error_hint = $5 WHERE id = $6",
    )
    .bind(run_at_ms)
    .bind(i64::from(attempt))
    .bind(problem.map(|problem| problem.code.clone()))
    .bind(problem.map(|problem| storable(&problem.message)))
    .bind(problem.and_then(|problem| problem.hint.as_deref().map(storable)))
    .bind(job.id.as_str().to_owned());
    write.run(statement).await?;
    Ok(JobState::Ready)
}

/// An audit entry about `job`.
pub(crate) fn event(job: &Job, actor: &str, kind: &str, payload: Value) -> AuditEvent {
    AuditEvent {
        actor: actor.into(),
        tenant: job.tenant.clone(),
        kind: kind.into(),
        job_id: Some(job.id.to_string()),
        payload,
        rule_set_sha256: None,
        engine: None,
        audio_sha256: None,
    }
}

/// The holder as the audit log names it.
pub(crate) fn actor_of(lease: &Lease) -> String {
    format!("worker:{}", lease.worker)
}
