//! The right to write to a job: the fence of its lease's holder, and a row that nobody else changes before the commit.

use std::ops::Deref;

use earmark_core::{Job, JobId, JobState, Lease, Mover};
use sqlx::AssertSqlSafe;

use super::{Journal, row};
use crate::JournalError;
use crate::database::{Query, Write};

/// A job whose row is this transaction's until it ends, and the right by which it may be moved.
pub(crate) struct Locked {
    job: Job,
    mover: Mover,
}

impl Locked {
    /// `job`, whose row the transaction has locked already, in the hands of `mover`.
    pub(crate) fn by(mover: Mover, job: Job) -> Self {
        Self { job, mover }
    }

    /// By which right it is held.
    pub(super) fn mover(&self) -> Mover {
        self.mover
    }
}

impl Deref for Locked {
    type Target = Job;

    fn deref(&self) -> &Job {
        &self.job
    }
}

/// `statement` (an UPDATE of `jobs` or a SELECT from it, without WHERE, its own values from `$4` on) for the job of
/// `lease`, as long as the lease holds; `rest` stands behind.
pub(super) fn fenced(statement: &str, lease: &Lease, rest: &str) -> Query<'static> {
    fenced_in(JobState::Leased, statement, lease, rest)
}

/// The same for the job of `lease` while it is in `state` and nobody has leased it since.
fn fenced_in(state: JobState, statement: &str, lease: &Lease, rest: &str) -> Query<'static> {
    let fence = format!("id = $1 AND lease_epoch = $2 AND lease_owner = $3 AND state = '{state}'");
    // Words and placeholders of ours only; every value is bound.
    sqlx::query(AssertSqlSafe(format!("{statement} WHERE {fence} {rest}")))
        .bind(lease.job_id.as_str().to_owned())
        .bind(lease.epoch)
        .bind(lease.worker.as_str().to_owned())
}

/// The job of `lease`, if the lease still holds. Its row is written, so nobody takes it before the commit.
pub(crate) async fn held(write: &mut Write, lease: &Lease) -> Result<Locked, JournalError> {
    held_with(write, "UPDATE jobs SET lease_epoch = lease_epoch", lease).await
}

/// The same with `statement`, an UPDATE of `jobs` without WHERE and values, in the place of one that changes nothing.
pub(super) async fn held_with(write: &mut Write, statement: &str, lease: &Lease) -> Result<Locked, JournalError> {
    let found = write.row(fenced(statement, lease, "RETURNING *")).await?;
    let found = found.ok_or_else(|| JournalError::LeaseLost(lease.job_id.clone()))?;
    Ok(Locked::by(Mover::Holder, row::job(write.db(), &found)?))
}

/// Whether `lease` is the one that ended its job well.
pub(crate) async fn has_finished(write: &mut Write, lease: &Lease) -> Result<bool, JournalError> {
    let statement = fenced_in(JobState::Done, "SELECT id FROM jobs", lease, "");
    Ok(write.row(statement).await?.is_some())
}

/// Job `id` as it stands, nobody else changing it before the commit: for a person, who needs no lease.
pub(crate) async fn locked(write: &mut Write, id: &JobId) -> Result<Locked, JournalError> {
    let statement =
        sqlx::query("UPDATE jobs SET lease_epoch = lease_epoch WHERE id = $1 RETURNING *").bind(id.as_str().to_owned());
    let found = write.row(statement).await?.ok_or_else(|| JournalError::NoSuchJob(id.clone()))?;
    Ok(Locked::by(Mover::Person, row::job(write.db(), &found)?))
}

/// The holder as the audit log names it.
pub(crate) fn actor_of(lease: &Lease) -> String {
    format!("worker:{}", lease.worker)
}

impl Journal {
    /// Whether `lease` still holds. Only what is written in one transaction with the lease's job is safe from others;
    /// this is for what cannot be.
    ///
    /// # Errors
    /// [`JournalError::LeaseLost`] when the job has moved on.
    pub async fn check_held(&self, lease: &Lease) -> Result<(), JournalError> {
        let statement = fenced("SELECT id FROM jobs", lease, "");
        let found = self.db.map(statement.fetch_optional(self.db.pool()).await)?;
        found.map(drop).ok_or_else(|| JournalError::LeaseLost(lease.job_id.clone()))
    }
}
