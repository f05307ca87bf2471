//! What people say for the record beside a decision: who they are, and why.

use crate::StorageError;

/// Longest name, in bytes.
const MAX_NAME_BYTES: usize = 200;
/// Longest note, in bytes.
const MAX_NOTE_BYTES: usize = 4000;

/// Refuses a reviewer's name that cannot be kept.
pub(crate) fn check_name(name: &str) -> Result<(), StorageError> {
    check("the reviewer's name", name, MAX_NAME_BYTES)
}

/// Refuses a note that cannot be kept.
pub(crate) fn check_note(note: Option<&str>) -> Result<(), StorageError> {
    check("the note", note.unwrap_or_default(), MAX_NOTE_BYTES)
}

fn check(what: &'static str, text: &str, max: usize) -> Result<(), StorageError> {
    if text.contains('\0') {
        return Err(StorageError::NulInText { what, value: text.into() });
    }
    if text.len() > max {
        return Err(StorageError::TextTooLong { what, bytes: text.len(), max });
    }
    Ok(())
}
