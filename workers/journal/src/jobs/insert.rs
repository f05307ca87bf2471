//! New jobs as rows: many to a statement, those that are there already found by their keys or identities.

use std::collections::{BTreeSet, HashMap, HashSet};

use earmark_core::{Job, JobId, JobState, NewJob, Tenant, Transition};
use sqlx::AssertSqlSafe;

use super::row;
use crate::JournalError;
use crate::answer::{Accepted, Answer, KeyNames};
use crate::database::{Query, Write, column, json, parsed, places};

/// Jobs per transaction: enough to share one write to disk, little enough that others get their turn.
pub(super) const BATCH: usize = 500;
/// Values of a job's row.
const COLUMNS: usize = 14;

/// A job to be inserted, with what makes it the same as another: a key or an identity, or neither.
type Offered<'a> = (&'a NewJob, Option<&'a str>);

/// Inserts each of `batch` as a ready job, or finds the one its key or its identity belongs to; in order. `rules` is the
/// rule set of those that name none. Those whose key names another recording, in this batch too, are left out.
pub(super) async fn insert(
    write: &mut Write,
    batch: &[NewJob],
    rules: Option<&str>,
) -> Result<Vec<Answer>, JournalError> {
    let identities: Vec<_> = batch.iter().map(|new| new.identity(rules)).collect();
    let offered: Vec<Offered<'_>> = batch.iter().zip(identities.iter().map(Option::as_deref)).collect();
    let now_ms = write.db().now_ms();
    let ids: Vec<_> = batch.iter().map(|_| JobId::at(now_ms)).collect();
    let inserted = insert_rows(write, &offered, &ids, now_ms).await?;
    let there = || offered.iter().zip(&ids).filter(|(_, id)| !inserted.contains(*id)).map(|(offered, _)| *offered);
    let keys = known(write, "key", there().filter_map(|(new, _)| Some((&new.tenant, new.key.as_deref()?)))).await?;
    let same = known(write, "identity", there().filter_map(|(new, identity)| Some((&new.tenant, identity?)))).await?;
    let mut answers = Vec::with_capacity(batch.len());
    let mut turns = BTreeSet::new();
    for ((new, identity), id) in offered.into_iter().zip(ids) {
        if inserted.contains(&id) {
            turns.insert((new.lane.as_str(), new.tenant.as_str()));
            answers.push(Ok(Accepted { job: ready_job(new, id, now_ms), is_new: true }));
            continue;
        }
        let job = match (&new.key, identity) {
            (Some(key), _) => keys.get(&(new.tenant.clone(), key.clone())),
            (None, Some(identity)) => same.get(&(new.tenant.clone(), identity.to_owned())),
            (None, None) => None,
        };
        let job = job.ok_or(JournalError::NoSuchJob(id))?;
        answers.push(match KeyNames::another(new, job) {
            Some(names) => Err(names),
            None => Ok(Accepted { job: job.clone(), is_new: false }),
        });
    }
    insert_turns(write, &turns).await?;
    Ok(answers)
}

/// Inserts those whose keys and identities are new; gives their ids.
async fn insert_rows(
    write: &mut Write,
    batch: &[Offered<'_>],
    ids: &[JobId],
    now_ms: i64,
) -> Result<HashSet<JobId>, JournalError> {
    let statement = format!(
        "INSERT INTO jobs (id, tenant, lane, key, uri, location, metadata, options, priority, version, identity, state, run_at_ms, accepted_at_ms)
         VALUES {} ON CONFLICT DO NOTHING RETURNING id",
        places(batch.len(), COLUMNS)
    );
    let mut query = many(statement, batch.len());
    // By key and identity, so that two who offer the same do not wait for each other; of equal ones the first stays the first.
    let mut offered: Vec<_> = batch.iter().zip(ids).collect();
    offered.sort_by_key(|((new, identity), _)| (new.tenant.as_str(), new.key.as_deref(), *identity));
    for ((new, identity), id) in offered {
        query = query
            .bind(id.as_str().to_owned())
            .bind(new.tenant.as_str().to_owned())
            .bind(new.lane.as_str())
            .bind(new.key.clone())
            .bind(new.uri.expose().to_owned())
            .bind(new.location.expose().to_owned())
            .bind(json("metadata", &new.metadata)?)
            .bind(json("options", &new.options)?)
            .bind(new.priority)
            .bind(new.version.clone())
            .bind(identity.map(str::to_owned))
            .bind(Transition::Accept.step().to.map_or("", JobState::as_str))
            .bind(now_ms)
            .bind(now_ms);
    }
    let rows = write.rows(query).await?;
    rows.iter().map(|found| parsed(write.db(), found, "id", JobId::parse)).collect()
}

/// The jobs of which `name`, a column, has one of `values` for the tenant beside it.
async fn known<'a>(
    write: &mut Write,
    name: &'static str,
    values: impl Iterator<Item = (&'a Tenant, &'a str)>,
) -> Result<HashMap<(Tenant, String), Job>, JournalError> {
    let values: BTreeSet<_> = values.collect();
    if values.is_empty() {
        return Ok(HashMap::new());
    }
    let statement = format!(
        "WITH offered (tenant, name) AS (VALUES {})
         SELECT jobs.* FROM offered JOIN jobs ON jobs.tenant = offered.tenant AND jobs.{name} = offered.name",
        places(values.len(), 2)
    );
    let mut query = many(statement, values.len());
    for (tenant, value) in &values {
        query = query.bind(tenant.as_str().to_owned()).bind((*value).to_owned());
    }
    let mut known = HashMap::with_capacity(values.len());
    for found in write.rows(query).await? {
        let job = row::job(write.db(), &found)?;
        known.insert((job.tenant.clone(), column(write.db(), &found, name)?), job);
    }
    Ok(known)
}

/// Gives each lane and tenant its place among those whose turn comes.
async fn insert_turns(write: &mut Write, turns: &BTreeSet<(&str, &str)>) -> Result<(), JournalError> {
    if turns.is_empty() {
        return Ok(());
    }
    let statement = format!(
        "INSERT INTO turns (lane, tenant) VALUES {} ON CONFLICT (lane, tenant) DO NOTHING",
        places(turns.len(), 2)
    );
    let mut query = many(statement, turns.len());
    for (lane, tenant) in turns {
        query = query.bind((*lane).to_owned()).bind((*tenant).to_owned());
    }
    write.run(query).await?;
    Ok(())
}

/// A statement of `rows` rows. Only those of one row and of a full batch come again and are worth keeping.
pub(super) fn many(statement: String, rows: usize) -> Query<'static> {
    // Words and placeholders of ours only; every value is bound.
    sqlx::query(AssertSqlSafe(statement)).persistent(rows == 1 || rows == BATCH)
}

fn ready_job(new: &NewJob, id: JobId, now_ms: i64) -> Job {
    Job {
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
    }
}
