//! Putting entries behind the chains of their tenants, in the transaction of what they record.

use earmark_core::Tenant;
use earmark_core::audit::{AuditEntry, AuditEvent, GENESIS, fresh_salt};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::JournalError;
use crate::database::{Write, column, places};

/// Entries written by one statement.
const ROWS: usize = 500;

/// Seals `events` behind the chains of their tenants, in order.
pub(crate) async fn append(write: &mut Write, events: &[AuditEvent]) -> Result<(), JournalError> {
    let time_ms = write.db().now_ms();
    let mut rest = events;
    while let Some(first) = rest.first() {
        // One visit to the chain's end for a run of entries of one tenant.
        let run = rest.iter().take_while(|event| event.tenant == first.tenant).count();
        let (events, later) = rest.split_at(run);
        append_to_chain(write, &first.tenant, events, time_ms).await?;
        rest = later;
    }
    Ok(())
}

/// Makes other writers of the chain of `tenant` wait until this transaction has ended.
pub(crate) async fn lock_chain(write: &mut Write, tenant: &Tenant) -> Result<AnyRow, JournalError> {
    let taken = sqlx::query(
        "INSERT INTO audit_heads (tenant, seq, hash) VALUES ($1, 0, $2)
         ON CONFLICT (tenant) DO UPDATE SET seq = audit_heads.seq RETURNING seq, hash",
    )
    .bind(tenant.as_str().to_owned())
    .bind(GENESIS);
    let row = write.row(taken).await?;
    row.ok_or_else(|| JournalError::Database { place: write.db().place(), source: sqlx::Error::RowNotFound })
}

async fn append_to_chain(
    write: &mut Write,
    tenant: &Tenant,
    events: &[AuditEvent],
    time_ms: i64,
) -> Result<(), JournalError> {
    // Writing the row first makes other writers of this chain wait, on every database.
    let row = lock_chain(write, tenant).await?;
    let (mut seq, mut hash): (i64, String) = (column(write.db(), &row, "seq")?, column(write.db(), &row, "hash")?);
    for events in events.chunks(ROWS) {
        let mut entries = Vec::with_capacity(events.len());
        for event in events {
            seq += 1;
            let entry = AuditEntry::seal(event, seq, time_ms, &hash, fresh_salt())?;
            hash.clone_from(&entry.hash);
            entries.push(entry);
        }
        insert(write, entries).await?;
    }
    let ended = sqlx::query("UPDATE audit_heads SET seq = $1, hash = $2 WHERE tenant = $3")
        .bind(seq)
        .bind(hash)
        .bind(tenant.as_str().to_owned());
    write.run(ended).await?;
    Ok(())
}

async fn insert(write: &mut Write, entries: Vec<AuditEntry>) -> Result<(), JournalError> {
    let statement = format!(
        "INSERT INTO audit_entries (seq, time_ms, actor, tenant, kind, job_id, payload, salt, payload_hash, rule_set_sha256, engine, audio_sha256, prev_hash, hash)
         VALUES {}",
        places(entries.len(), 14)
    );
    // Words and placeholders of ours only; every value is bound. Odd numbers of rows seldom come again.
    let mut query = sqlx::query(AssertSqlSafe(statement)).persistent(entries.len() == 1 || entries.len() == ROWS);
    for AuditEntry { head, payload, salt, hash } in entries {
        query = query
            .bind(head.seq)
            .bind(head.time_ms)
            .bind(head.actor)
            .bind(head.tenant.as_str().to_owned())
            .bind(head.kind)
            .bind(head.job_id)
            .bind(payload)
            .bind(salt)
            .bind(head.payload_hash)
            .bind(head.rule_set_sha256)
            .bind(head.engine)
            .bind(head.audio_sha256)
            .bind(head.prev_hash)
            .bind(hash);
    }
    write.run(query).await?;
    Ok(())
}
