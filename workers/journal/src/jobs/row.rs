//! A job between its row and its type.

use earmark_core::{Job, JobId, JobOptions, JobState, Lane, Part, Problem, RecordingUri, Tenant};
use sqlx::any::AnyRow;

use crate::JournalError;
use crate::database::{Database, column, parsed};

pub(crate) fn job(db: &Database, row: &AnyRow) -> Result<Job, JournalError> {
    let mut location: RecordingUri = column::<String>(db, row, "location")?.into();
    let mut options = options(db, row)?;
    if let Some(address) = column::<Option<String>>(db, row, "address")? {
        // As with the options, what cannot be read is not shown.
        fetched_from(&address, &mut location, &mut options.parts).map_err(|error| JournalError::Unreadable {
            column: "address",
            value: format!("{} bytes", address.len()),
            why: error.to_string(),
        })?;
    }
    Ok(Job {
        id: parsed(db, row, "id", JobId::parse)?,
        uri: column::<String>(db, row, "uri")?.into(),
        location,
        tenant: parsed(db, row, "tenant", Tenant::parse)?,
        lane: parsed(db, row, "lane", str::parse::<Lane>)?,
        key: column(db, row, "key")?,
        metadata: parsed(db, row, "metadata", |text| serde_json::from_str(text))?,
        options,
        priority: column(db, row, "priority")?,
        version: column(db, row, "version")?,
        state: parsed(db, row, "state", str::parse::<JobState>)?,
        attempt: count(db, row, "attempt")?,
        deaths: count(db, row, "deaths")?,
        run_at_ms: column(db, row, "run_at_ms")?,
        accepted_at_ms: column(db, row, "accepted_at_ms")?,
        finished_at_ms: column(db, row, "finished_at_ms")?,
        clips_total: match column::<Option<i64>>(db, row, "clips_total")? {
            Some(_) => Some(count(db, row, "clips_total")?),
            None => None,
        },
        clips_done: count(db, row, "clips_done")?,
        is_cancel_requested: column::<i64>(db, row, "cancel_requested")? != 0,
        error: problem(db, row)?,
    })
}

/// Puts `address`, a column, in the place of where the job's files were offered first.
fn fetched_from(address: &str, location: &mut RecordingUri, parts: &mut [Part]) -> Result<(), serde_json::Error> {
    if parts.is_empty() {
        *location = address.into();
        return Ok(());
    }
    let addresses: Vec<String> = serde_json::from_str(address)?;
    for (part, address) in parts.iter_mut().zip(addresses) {
        part.location = address.into();
    }
    if let Some(first) = parts.first() {
        *location = first.location.clone();
    }
    Ok(())
}

/// What a job does differently; where it cannot be read, it is not shown either: it may hold addresses with secrets.
fn options(db: &Database, row: &AnyRow) -> Result<JobOptions, JournalError> {
    let text: String = column(db, row, "options")?;
    serde_json::from_str(&text).map_err(|error| JournalError::Unreadable {
        column: "options",
        value: format!("{} bytes", text.len()),
        why: error.to_string(),
    })
}

/// A number that is never negative.
pub(crate) fn count(db: &Database, row: &AnyRow, name: &'static str) -> Result<u32, JournalError> {
    let value: i64 = column(db, row, name)?;
    u32::try_from(value).map_err(|error| JournalError::Unreadable {
        column: name,
        value: value.to_string(),
        why: error.to_string(),
    })
}

fn problem(db: &Database, row: &AnyRow) -> Result<Option<Problem>, JournalError> {
    let Some(code) = column::<Option<String>>(db, row, "error_code")? else { return Ok(None) };
    let message: Option<String> = column(db, row, "error_message")?;
    Ok(Some(Problem { code, message: message.unwrap_or_default(), hint: column(db, row, "error_hint")? }))
}
