//! What people say for the record beside a decision: who they are, and why.

use crate::JournalError;

/// Longest name, in bytes.
const MAX_NAME_BYTES: usize = 200;
/// Longest note, in bytes.
const MAX_NOTE_BYTES: usize = 4000;

/// Refuses a reviewer's name that cannot be kept.
pub(crate) fn check_name(name: &str) -> Result<(), JournalError> {
    check("the reviewer's name", name, MAX_NAME_BYTES)
}

/// Refuses a note that cannot be kept.
pub(crate) fn check_note(note: Option<&str>) -> Result<(), JournalError> {
    check("the note", note.unwrap_or_default(), MAX_NOTE_BYTES)
}

fn check(what: &'static str, text: &str, max: usize) -> Result<(), JournalError> {
    if text.contains('\0') {
        return Err(JournalError::NulInText { what, value: text.into() });
    }
    if text.len() > max {
        return Err(JournalError::TextTooLong { what, bytes: text.len(), max });
    }
    Ok(())
}
