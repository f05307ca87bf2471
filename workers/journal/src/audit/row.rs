//! An entry between its row and its type.

use earmark_core::Tenant;
use earmark_core::audit::{AuditEntry, AuditHead};
use sqlx::any::AnyRow;

use crate::JournalError;
use crate::database::{Database, column, parsed};

pub(super) fn entry(db: &Database, row: &AnyRow) -> Result<AuditEntry, JournalError> {
    Ok(AuditEntry {
        head: AuditHead {
            seq: column(db, row, "seq")?,
            time_ms: column(db, row, "time_ms")?,
            actor: column(db, row, "actor")?,
            tenant: parsed(db, row, "tenant", Tenant::parse)?,
            kind: column(db, row, "kind")?,
            job_id: column(db, row, "job_id")?,
            payload_hash: column(db, row, "payload_hash")?,
            rule_set_sha256: column(db, row, "rule_set_sha256")?,
            engine: column(db, row, "engine")?,
            audio_sha256: column(db, row, "audio_sha256")?,
            prev_hash: column(db, row, "prev_hash")?,
        },
        payload: column(db, row, "payload")?,
        salt: column(db, row, "salt")?,
        hash: column(db, row, "hash")?,
    })
}

/// What was read, or in words why the row holds what earmark never writes; other errors stay errors.
pub(super) fn unless_odd<T>(read: Result<T, JournalError>) -> Result<Result<T, String>, JournalError> {
    match read {
        Ok(value) => Ok(Ok(value)),
        Err(JournalError::Database {
            source: source @ (sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)),
            ..
        }) => Ok(Err(source.to_string())),
        Err(error @ JournalError::Unreadable { .. }) => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}
