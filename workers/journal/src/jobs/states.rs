//! The one file that writes where a job stands (`jobs.state`). Each function makes a [`Transition`]: from the states, to
//! the state, with the audit entry and the message that its table says, and by those who may. New jobs alone are rows of
//! `insert.rs`, in the state of [`Transition::Accept`].

use earmark_core::audit::{AuditEvent, AuditKind};
use earmark_core::{Job, JobId, JobState, Lease, Problem, Step, Transition, WorkerId};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::fence::Locked;
use super::row;
use super::view::JobView;
use crate::JournalError;
use crate::alerts::{self, NewAlert};
use crate::audit;
use crate::database::{Query, Write, column, storable};
use crate::outbox::{self, NewMessage};

/// How a job ends.
pub(crate) struct Ending<'a> {
    /// One that leads to a final state.
    pub(crate) transition: Transition,
    /// Why, unless it is done.
    pub(crate) problem: Option<&'a Problem>,
    /// The entry that goes on record.
    pub(crate) event: AuditEvent,
    /// Fields of the message beside those that every job has.
    pub(crate) details: Value,
}

/// How a job becomes ready again.
pub(super) struct Again<'a> {
    pub(super) run_at_ms: i64,
    pub(super) attempt: u32,
    /// The last thing that went wrong.
    pub(super) problem: Option<&'a Problem>,
    /// The place that it waits for, if it waits for one.
    pub(super) waits_for: Option<&'a str>,
    /// What goes on record, where the transition leaves an entry.
    pub(super) payload: Value,
}

/// Leases job `id` to `worker` for `lease_ms` from `now_ms` on, if it is ready and due and `condition`, SQL on its row `t`,
/// is true; none otherwise.
pub(super) async fn lease(
    write: &mut Write,
    id: &JobId,
    worker: &WorkerId,
    (now_ms, lease_ms): (i64, i64),
    condition: &str,
) -> Result<Option<(Job, Lease)>, JournalError> {
    let set =
        "is_blameless = 1, attempt = attempt + 1, lease_epoch = lease_epoch + 1, lease_owner = $2, lease_until_ms = $3,
        queued_until_ms = NULL, waits_for = NULL";
    let rest = format!("AND t.run_at_ms <= $4 AND {condition} RETURNING *");
    let statement =
        update(Transition::Lease, id, set, &rest).bind(worker.as_str().to_owned()).bind(now_ms + lease_ms).bind(now_ms);
    let Some(found) = write.row(statement).await? else { return Ok(None) };
    let epoch = column(write.db(), &found, "lease_epoch")?;
    let lease = Lease { job_id: id.clone(), worker: worker.clone(), epoch };
    Ok(Some((row::job(write.db(), &found)?, lease)))
}

/// Makes `job` ready again by `transition`, unless someone called it off meanwhile; tells which.
pub(super) async fn make_ready(
    write: &mut Write,
    job: &Locked,
    transition: Transition,
    actor: &str,
    again: Again<'_>,
) -> Result<JobState, JournalError> {
    if job.is_cancel_requested {
        call_off(write, job, actor).await?;
        return Ok(JobState::Cancelled);
    }
    check_mover(job, transition);
    let set = "run_at_ms = $2, attempt = $3, lease_owner = NULL, lease_until_ms = NULL,
        error_code = $4, error_message = $5, error_hint = $6, waits_for = $7";
    let statement = update(transition, &job.id, set, "").bind(again.run_at_ms).bind(i64::from(again.attempt));
    run(write, job, with_problem(statement, again.problem).bind(again.waits_for.map(storable))).await?;
    record(write, job, transition, actor, again.payload).await?;
    Ok(JobState::Ready)
}

/// Moves `job` to its final state with audit entry and message. Holder and epoch stay, for a repeated last write.
pub(crate) async fn end(write: &mut Write, job: &Locked, ending: Ending<'_>) -> Result<(), JournalError> {
    let Ending { transition, problem, event, details } = ending;
    check_mover(job, transition);
    debug_assert_eq!(Some(event.kind), transition.step().audit, "{transition}");
    let now_ms = write.db().now_ms();
    let set = "finished_at_ms = $2, lease_until_ms = NULL, error_code = $3, error_message = $4, error_hint = $5";
    let statement = update(transition, &job.id, set, "").bind(now_ms);
    run(write, job, with_problem(statement, problem)).await?;
    if let Step { to: Some(state), message: Some(kind), .. } = transition.step() {
        let payload = end_message(job, state, now_ms, problem, details);
        outbox::post(write, NewMessage { tenant: &job.tenant, kind, job_id: Some(&job.id), payload }).await?;
    }
    audit::append(write, &[event]).await
}

/// Calls `job` off, whether somebody holds it or nobody does.
pub(super) async fn call_off(write: &mut Write, job: &Locked, actor: &str) -> Result<(), JournalError> {
    let transition = if job.state == JobState::Ready { Transition::Cancel } else { Transition::FinishCancel };
    let event = event(job, actor, AuditKind::JobCancelled, json!({ "attempt": job.attempt }));
    end(write, job, Ending { transition, problem: None, event, details: Value::Null }).await
}

/// Has the holder of `job` hear that it is to be called off.
pub(super) async fn ask_to_cancel(write: &mut Write, job: &Locked, actor: &str) -> Result<(), JournalError> {
    check_mover(job, Transition::AskToCancel);
    let statement = update(Transition::AskToCancel, &job.id, "cancel_requested = 1", "");
    run(write, job, statement).await?;
    record(write, job, Transition::AskToCancel, actor, json!({ "attempt": job.attempt })).await
}

/// Gives `job` up, because trying again cannot help: a dead letter, and an alert.
pub(super) async fn bury(write: &mut Write, job: &Locked, actor: &str, problem: &Problem) -> Result<(), JournalError> {
    give_up(write, job, Transition::Bury, AuditKind::JobDead, actor, problem).await
}

/// Gives `job` up, because it takes its workers with it: a dead letter, and an alert.
pub(super) async fn quarantine(
    write: &mut Write,
    job: &Locked,
    actor: &str,
    problem: &Problem,
) -> Result<(), JournalError> {
    give_up(write, job, Transition::Quarantine, AuditKind::JobQuarantined, actor, problem).await
}

async fn give_up(
    write: &mut Write,
    job: &Locked,
    transition: Transition,
    kind: AuditKind,
    actor: &str,
    problem: &Problem,
) -> Result<(), JournalError> {
    let event = event(job, actor, kind, json!({ "attempt": job.attempt, "deaths": job.deaths, "code": problem.code }));
    end(write, job, Ending { transition, problem: Some(problem), event, details: Value::Null }).await?;
    let message = format!("job {} was given up: {}", job.id, problem.message);
    let alert = NewAlert { kind: kind.as_str().into(), message };
    // However many die of it, it is one thing that somebody has to see to.
    alerts::raise_about(write, &job.tenant, Some(&job.id), &problem.code, &alert).await?;
    Ok(())
}

/// Makes `job` ready again as if it had never been tried; its saved clips stay. Whoever calls it tells
/// [`alerts::one_dead_less`] the cause of death once all chains are locked.
pub(super) async fn retry(write: &mut Write, job: &Locked, actor: &str) -> Result<Job, JournalError> {
    retry_with(write, job, actor, false).await
}

/// The same, on record too that it is fetched from elsewhere from now on.
pub(super) async fn retry_elsewhere(write: &mut Write, job: &Locked, actor: &str) -> Result<Job, JournalError> {
    retry_with(write, job, actor, true).await
}

async fn retry_with(write: &mut Write, job: &Locked, actor: &str, is_readdressed: bool) -> Result<Job, JournalError> {
    check_mover(job, Transition::Retry);
    // The epoch moves too: whoever held it before its end writes nothing any more.
    let set =
        "attempt = 0, deaths = 0, run_at_ms = $2, finished_at_ms = NULL, cancel_requested = 0, queued_until_ms = NULL,
        lease_owner = NULL, lease_epoch = lease_epoch + 1, error_code = NULL, error_message = NULL, error_hint = NULL";
    let statement = update(Transition::Retry, &job.id, set, "RETURNING *").bind(write.db().now_ms());
    let found = write.row(statement).await?.ok_or_else(|| JournalError::NoSuchJob(job.id.clone()))?;
    let retried = row::job(write.db(), &found)?;
    record(write, job, Transition::Retry, actor, retried_payload(job, is_readdressed)).await?;
    Ok(retried)
}

/// Puts on record that a person has `job`, which is not over and goes on, fetched from elsewhere; never the address.
pub(super) async fn readdressed(write: &mut Write, job: &Locked, actor: &str) -> Result<(), JournalError> {
    audit::append(write, &[event(job, actor, AuditKind::JobRetried, retried_payload(job, true))]).await
}

fn retried_payload(job: &Job, is_readdressed: bool) -> Value {
    let code = job.error.as_ref().map(|problem| &problem.code);
    let mut payload = json!({ "was": job.state, "attempt": job.attempt, "code": code });
    if is_readdressed {
        payload["readdressed"] = json!(true);
    }
    payload
}

/// Removes the row of `job`, which had its time; what names it has to be gone already.
pub(crate) async fn expire(write: &mut Write, job: &Locked, actor: &str) -> Result<(), JournalError> {
    check_mover(job, Transition::Expire);
    let statement = format!("DELETE FROM jobs WHERE id = $1 AND state IN ({})", from(Transition::Expire));
    // Words of ours only; the one value is bound.
    run(write, job, sqlx::query(AssertSqlSafe(statement)).bind(job.id.as_str().to_owned())).await?;
    let payload = json!({ "state": job.state, "finished_at_ms": job.finished_at_ms });
    record(write, job, Transition::Expire, actor, payload).await?;
    match cause_of_death(job) {
        Some(code) => alerts::one_dead_less(write, &job.tenant, code, actor).await,
        None => Ok(()),
    }
}

/// The code of what a dead letter died of.
pub(super) fn cause_of_death(job: &Job) -> Option<&str> {
    job.error.as_ref().filter(|_| job.state == JobState::Dead).map(|problem| problem.code.as_str())
}

/// What is told of the end of `job`: the job as it is told everywhere, and `details`.
pub(crate) fn end_message(job: &Job, state: JobState, at_ms: i64, problem: Option<&Problem>, details: Value) -> Value {
    let ended = Job { state, finished_at_ms: Some(at_ms), error: problem.cloned(), ..job.clone() };
    let mut message = json!(JobView::of_ended(ended));
    if let (Some(message), Value::Object(details)) = (message.as_object_mut(), details) {
        message.extend(details);
    }
    message
}

/// An audit entry about `job`.
pub(crate) fn event(job: &Job, actor: &str, kind: AuditKind, payload: Value) -> AuditEvent {
    AuditEvent {
        actor: actor.into(),
        tenant: job.tenant.clone(),
        kind,
        job_id: Some(job.id.to_string()),
        payload,
        rule_set_sha256: None,
        engine: None,
        audio_sha256: None,
    }
}

/// The way of `transition` in SQL for job `$1`, the row `t`: `set` (values from `$2` on) beside the state, `rest` behind.
fn update(transition: Transition, id: &JobId, set: &str, rest: &str) -> Query<'static> {
    let to = transition.step().to.map_or("", JobState::as_str);
    let from = from(transition);
    let statement =
        format!("UPDATE jobs AS t SET state = '{to}', {set} WHERE t.id = $1 AND t.state IN ({from}) {rest}");
    // Words and placeholders of ours only; every value is bound.
    sqlx::query(AssertSqlSafe(statement)).bind(id.as_str().to_owned())
}

/// The states from which `transition` leads, as a list of SQL.
fn from(transition: Transition) -> String {
    let states: Vec<_> = transition.step().from.iter().map(|state| format!("'{state}'")).collect();
    states.join(", ")
}

/// Binds the next three values with what went wrong.
fn with_problem<'q>(statement: Query<'q>, problem: Option<&Problem>) -> Query<'q> {
    statement
        .bind(problem.map(|problem| problem.code.clone()))
        .bind(problem.map(|problem| storable(&problem.message)))
        .bind(problem.and_then(|problem| problem.hint.as_deref().map(storable)))
}

/// Moves `job` by `statement`. Its row is locked, so it stands where it did when it was read.
async fn run(write: &mut Write, job: &Locked, statement: Query<'_>) -> Result<(), JournalError> {
    match write.run(statement).await? {
        0 => Err(JournalError::NoSuchJob(job.id.clone())),
        _ => Ok(()),
    }
}

/// Puts on record what the table says of `transition`.
async fn record(
    write: &mut Write,
    job: &Locked,
    transition: Transition,
    actor: &str,
    payload: Value,
) -> Result<(), JournalError> {
    match transition.step().audit {
        Some(kind) => audit::append(write, &[event(job, actor, kind, payload)]).await,
        None => Ok(()),
    }
}

fn check_mover(job: &Locked, transition: Transition) {
    debug_assert!(transition.step().by.contains(&job.mover()), "{transition} by {}", job.mover());
}
