//! Where a job's recording is fetched from: where it was offered first, or where it was offered anew since, which is the
//! same recording by another signature.

use earmark_core::{Address, Job, JobId, JobState, NewJob, Part, RecordingUri, signed_until_ms};

use super::fence::{Locked, locked};
use super::{Journal, states};
use crate::JournalError;
use crate::alerts;
use crate::answer::is_one_recording;
use crate::database::{Write, json};

/// Why a job was not fetched whose address no longer served.
const REFUSED: [&str; 3] = ["fetch.expired", "fetch.forbidden", "fetch.refused"];

/// What became of the wish to have a job fetched from elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub enum Readdressed {
    /// It is, from now on, and due.
    Done(Box<Job>),
    /// That is another recording; nothing was changed.
    Another(Box<Job>),
}

impl Journal {
    /// Has the job `id`, dead, cancelled or not done yet, fetched from `location`, or from those of `parts` if it has
    /// several files, and makes it due. It goes on record that `actor` did so, but not the address.
    ///
    /// # Errors
    /// [`JournalError::NoSuchJob`], [`JournalError::NotRetriable`] for one that is done.
    pub async fn retry_from(
        &self,
        id: &JobId,
        location: &RecordingUri,
        parts: &[Part],
        actor: &str,
    ) -> Result<Readdressed, JournalError> {
        let mut write = self.db.write().await?;
        let job = locked(&mut write, id).await?;
        if job.state == JobState::Done {
            return Err(JournalError::NotRetriable { job: id.clone(), state: job.state });
        }
        if !is_one_recording(&job, location, parts) {
            return Ok(Readdressed::Another(Box::new(Job::clone(&job))));
        }
        put(&mut write, &job, location, parts).await?;
        if matches!(job.state, JobState::Dead | JobState::Cancelled) {
            states::retry_elsewhere(&mut write, &job, actor).await?;
        } else {
            states::readdressed(&mut write, &job, actor).await?;
        }
        if let Some(code) = states::cause_of_death(&job) {
            alerts::one_dead_less(&mut write, &job.tenant, code, actor).await?;
        }
        let job = locked(&mut write, id).await?;
        write.commit().await?;
        self.tell_ready();
        Ok(Readdressed::Done(Box::new(Job::clone(&job))))
    }
}

/// Whether `new`, an offer of `job` again, gives addresses by which it is to be fetched from now on.
pub(super) fn is_fresh(job: &Job, new: &NewJob) -> bool {
    let each = |first: &RecordingUri, parts: &[Part]| {
        let rest = parts.iter().skip(1).map(|part| part.location.clone());
        std::iter::once(first.clone()).chain(rest).collect::<Vec<_>>()
    };
    let (old, new) = (each(&job.location, &job.options.parts), each(&new.location, &new.options.parts));
    // An offer that was read twice must not bring an older signature back.
    let is_older = |(old, new): (&RecordingUri, &RecordingUri)| match (until_ms(old), until_ms(new)) {
        (Some(old), Some(new)) => new < old,
        _ => false,
    };
    let is_web = |location: &RecordingUri| matches!(location.address(), Ok(Address::Http(_)));
    job.state != JobState::Done
        && job.state != JobState::Cancelled
        && old != new
        && new.iter().any(is_web)
        && !old.iter().zip(&new).any(is_older)
}

/// Has the job `id`, which was found not to be new, fetched by the addresses of `new` if they are fresh still. One that
/// waits for them is due; one that was given up for want of them is given back, to be tried again once the rows of all jobs
/// are locked: that takes its tenant's chain. An offer of a job that goes on is nothing to go on record: its address is the
/// producer's own, as the first was.
pub(super) async fn renew(write: &mut Write, id: &JobId, new: &NewJob) -> Result<Option<Locked>, JournalError> {
    let job = locked(write, id).await?;
    let is_dead = job.state == JobState::Dead;
    if !is_fresh(&job, new) || (is_dead && !is_refused(&job)) {
        return Ok(None);
    }
    put(write, &job, &new.location, &new.options.parts).await?;
    Ok(is_dead.then_some(job))
}

/// Whether `job` was not fetched last because its address no longer served.
fn is_refused(job: &Job) -> bool {
    job.error.as_ref().is_some_and(|error| REFUSED.contains(&error.code.as_str()))
}

/// Writes where `job` is fetched from; one that waits because it could not be is due.
async fn put(write: &mut Write, job: &Locked, location: &RecordingUri, parts: &[Part]) -> Result<(), JournalError> {
    let address = match parts {
        [] => location.expose().to_owned(),
        parts => json("address", &parts.iter().map(|part| part.location.expose()).collect::<Vec<_>>())?,
    };
    let due_ms = if is_refused(job) && job.state == JobState::Ready { write.db().now_ms() } else { i64::MAX };
    let statement =
        "UPDATE jobs SET address = $2, run_at_ms = CASE WHEN run_at_ms > $3 THEN $3 ELSE run_at_ms END WHERE id = $1";
    write.run(sqlx::query(statement).bind(job.id.as_str().to_owned()).bind(address).bind(due_ms)).await?;
    Ok(())
}

fn until_ms(location: &RecordingUri) -> Option<i64> {
    match location.address() {
        Ok(Address::Http(url)) => signed_until_ms(&url),
        Ok(Address::File(_) | Address::S3 { .. }) | Err(_) => None,
    }
}
