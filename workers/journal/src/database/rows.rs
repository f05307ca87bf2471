//! Values between rows and types.

use std::fmt::Write as _;

use sqlx::any::AnyRow;
use sqlx::{Any, Row};

use super::Database;
use crate::JournalError;

/// One value of a row, decoded.
pub(crate) fn column<'r, T>(db: &Database, row: &'r AnyRow, name: &'static str) -> Result<T, JournalError>
where
    T: sqlx::Decode<'r, Any> + sqlx::Type<Any>,
{
    db.map(row.try_get(name))
}

/// A text column, read by `parse`.
pub(crate) fn parsed<T, E: std::fmt::Display>(
    db: &Database,
    row: &AnyRow,
    name: &'static str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, JournalError> {
    let value: String = column(db, row, name)?;
    parse(&value).map_err(|error| JournalError::Unreadable { column: name, why: error.to_string(), value })
}

/// `value` as JSON for a text column.
pub(crate) fn json<T: serde::Serialize>(what: &'static str, value: &T) -> Result<String, JournalError> {
    serde_json::to_string(value).map_err(|source| JournalError::Encode { what, source })
}

/// `text` as every database stores it: PostgreSQL refuses U+0000 in texts, and what others say of a failure may hold it.
pub(crate) fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// `($1, $2), ($3, $4)`: the places of `rows` rows of `columns` values.
pub(crate) fn places(rows: usize, columns: usize) -> String {
    let mut text = String::with_capacity(rows * columns * 7);
    for place in 0..rows * columns {
        let before = if place % columns > 0 {
            ", "
        } else if place > 0 {
            "), ("
        } else {
            "("
        };
        let _ = write!(text, "{before}${}", place + 1);
    }
    text.push(')');
    text
}
