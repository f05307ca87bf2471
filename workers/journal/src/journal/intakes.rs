//! Entries of the intake stream and the jobs they became: an entry read twice is one offer.

use std::collections::HashMap;

use earmark_core::{Job, NewJob};

use super::answer::{Accepted, Answer};
use super::insert::{insert, many};
use super::row;
use crate::JournalError;
use crate::database::{Write, column, places};

/// Inserts each of `batch`, or finds the job that its entry or its key belongs to; in order. From then on the job of an
/// entry that was accepted is known.
///
/// # Errors
/// [`JournalError::KeyTaken`] when another process has just offered the same entry: nothing of this transaction is to
/// stay, the next finds the job.
pub(super) async fn insert_once(
    write: &mut Write,
    batch: &[NewJob],
    rules: Option<&str>,
) -> Result<Vec<Answer>, JournalError> {
    let entries: Vec<&str> = batch.iter().filter_map(|new| new.intake_id.as_deref()).collect();
    if entries.is_empty() {
        return insert(write, batch, rules).await;
    }
    let known = known(write, &entries).await?;
    let job_of = |new: &NewJob| new.intake_id.as_ref().and_then(|id| known.get(id));
    let fresh: Vec<NewJob> = batch.iter().filter(|new| job_of(new).is_none()).cloned().collect();
    let mut inserted = if fresh.is_empty() { Vec::new() } else { insert(write, &fresh, rules).await? }.into_iter();
    let mut answers = Vec::with_capacity(batch.len());
    for new in batch {
        answers.push(match job_of(new) {
            Some(job) => Ok(Accepted { job: job.clone(), is_new: false }),
            None => inserted.next().expect("an answer for each that is fresh"),
        });
    }
    let became: Vec<_> = batch
        .iter()
        .zip(&answers)
        .filter(|(new, _)| job_of(new).is_none())
        .filter_map(|(new, answer)| Some((new.intake_id.clone()?, answer.as_ref().ok()?.job.id.clone())))
        .collect();
    if became.is_empty() {
        return Ok(answers);
    }
    let statement = format!(
        "INSERT INTO intakes (intake_id, job_id, accepted_at_ms) VALUES {} ON CONFLICT (intake_id) DO NOTHING",
        places(became.len(), 3)
    );
    let mut query = many(statement, became.len());
    for (entry, job) in &became {
        query = query.bind(entry.clone()).bind(job.as_str().to_owned()).bind(write.db().now_ms());
    }
    let tied = write.run(query).await?;
    if usize::try_from(tied) != Ok(became.len()) {
        let (key, job) = became.into_iter().next().expect("not empty");
        return Err(JournalError::KeyTaken { key, job });
    }
    Ok(answers)
}

/// The jobs that `entries` became, by entry.
async fn known(write: &mut Write, entries: &[&str]) -> Result<HashMap<String, Job>, JournalError> {
    let statement = format!(
        "SELECT intakes.intake_id AS intake_id, jobs.* FROM jobs JOIN intakes ON intakes.job_id = jobs.id WHERE intake_id IN (VALUES {})",
        places(entries.len(), 1)
    );
    let mut query = many(statement, entries.len());
    for entry in entries {
        query = query.bind((*entry).to_owned());
    }
    let mut known = HashMap::new();
    for found in write.rows(query).await? {
        known.insert(column(write.db(), &found, "intake_id")?, row::job(write.db(), &found)?);
    }
    Ok(known)
}
