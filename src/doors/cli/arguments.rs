//! Words of the command line that several commands read: ids, names, instants.

use earmark_core::{JobId, Tenant};

use crate::config::CommandError;
use crate::desk::instant;

/// Who acts, for the audit log.
pub const ACTOR: &str = "cli";

/// Longest name of a person, in bytes.
const MAX_NAME_BYTES: usize = 200;

/// Who acts, for the audit log, where a name is given.
pub fn actor(by: Option<&str>) -> String {
    by.map_or_else(|| ACTOR.into(), |by| format!("{ACTOR}:{by}"))
}

/// The name in `--by`: it goes on record, so that nobody decides namelessly.
pub fn person(text: &str) -> Result<String, String> {
    let name = text.trim();
    if name.is_empty() {
        return Err("who decides goes on record: give a name".into());
    }
    if name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
        return Err(format!("a name has at most {MAX_NAME_BYTES} bytes, this one has {}, and one line", name.len()));
    }
    Ok(name.into())
}

/// The job id in `text`.
pub fn job_id(text: &str) -> Result<JobId, CommandError> {
    JobId::parse(text)
        .map_err(|error| CommandError::plain(error.to_string(), Some("`earmark jobs list` shows the ids")))
}

/// The tenant in `text`.
pub fn tenant(text: &str) -> Result<Tenant, CommandError> {
    Tenant::parse(text).map_err(|error| CommandError::plain(error.to_string(), None))
}

/// The instant given with `option` (`--since`, `--until`), in milliseconds since the epoch.
pub fn instant_ms(option: &str, text: Option<&str>) -> Result<Option<i64>, CommandError> {
    let parsed = text.map(|text| instant::parse(text).map_err(|why| wrong_instant(option, text, &why)));
    parsed.transpose()
}

/// The time to come given with `option`, in milliseconds since the epoch: a span is from now on.
pub fn later_ms(option: &str, text: Option<&str>) -> Result<Option<i64>, CommandError> {
    let parsed = text.map(|text| instant::parse_later(text).map_err(|why| wrong_instant(option, text, &why)));
    parsed.transpose()
}

/// That `text`, given with `option`, is no instant.
pub fn wrong_instant(option: &str, text: &str, why: &str) -> CommandError {
    CommandError::plain(format!("{option} {text}: {why}"), Some(instant::HINT))
}
