//! The audit log: appended inside the transaction of the change it records; verified and exported in batches.

mod beside;
mod chain;
mod replayed;

use async_trait::async_trait;
use earmark_core::Tenant;
use earmark_core::audit::{AuditEntry, AuditError, AuditEvent, AuditHead, GENESIS, fresh_salt};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

pub(crate) use replayed::findings_sha256;

use crate::JournalError;
use crate::database::{Database, Write, column, parsed, places};

/// Mismatches that a [`ChainReport`] names at most, of each kind.
const NAMED: i64 = 20;

/// Entries written by one statement.
const ROWS: usize = 500;

/// What became of one tenant's chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainReport {
    /// Whose chain.
    pub tenant: Tenant,
    /// Entries that were sound, up to the first that is not.
    pub entries: i64,
    /// Hash of the last sound entry; what a reader notes down to compare later.
    pub last_hash: String,
    /// Entries among them whose payload was erased.
    pub erased: u64,
    /// What was found first.
    pub result: Result<(), AuditError>,
    /// Where jobs, results, artifacts and findings say something else than the chain, in words; the first few of each
    /// kind.
    pub mismatches: Vec<String>,
}

impl ChainReport {
    /// Whether the chain holds and everything beside it agrees.
    pub fn is_sound(&self) -> bool {
        self.result.is_ok() && self.mismatches.is_empty()
    }
}

/// The audit log, to be read. Nothing is ever appended from outside: entries come with what they record.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Verifies the chain of `tenant`, or every chain, and that jobs and results are as the chain says; in constant
    /// memory.
    ///
    /// # Errors
    /// [`JournalError`] when the log cannot be read; a broken chain is a result, not an error, and so is a row that
    /// holds what earmark never writes.
    async fn verify(&self, tenant: Option<&Tenant>) -> Result<Vec<ChainReport>, JournalError>;

    /// Up to `limit` entries of `tenant` that follow entry `after` (0 for the first), in order.
    ///
    /// # Errors
    /// [`JournalError`] when the log cannot be read.
    async fn page(&self, tenant: &Tenant, after: i64, limit: u32) -> Result<Vec<AuditEntry>, JournalError>;

    /// The entries of one job, in order.
    ///
    /// # Errors
    /// [`JournalError`] when the log cannot be read.
    async fn of_job(&self, job: &earmark_core::JobId) -> Result<Vec<AuditEntry>, JournalError>;

    /// Every tenant with a chain.
    ///
    /// # Errors
    /// [`JournalError`] when the log cannot be read.
    async fn tenants(&self) -> Result<Vec<Tenant>, JournalError>;
}

/// The audit log in the database.
#[derive(Debug, Clone)]
pub struct SqlAuditLog {
    db: Database,
}

impl SqlAuditLog {
    /// The log of `db`.
    pub fn new(db: Database) -> Self {
        Self { db }
    }
}

#[async_trait]
impl AuditLog for SqlAuditLog {
    async fn verify(&self, tenant: Option<&Tenant>) -> Result<Vec<ChainReport>, JournalError> {
        let tenants = match tenant {
            Some(tenant) => vec![tenant.clone()],
            None => chain::tenants(&self.db).await?,
        };
        let mut reports = Vec::with_capacity(tenants.len());
        for tenant in &tenants {
            let mut report = chain::verify(&self.db, tenant).await?;
            report.mismatches = beside::mismatches(&self.db, tenant).await?;
            reports.push(report);
        }
        Ok(reports)
    }

    async fn page(&self, tenant: &Tenant, after: i64, limit: u32) -> Result<Vec<AuditEntry>, JournalError> {
        let rows = sqlx::query("SELECT * FROM audit_entries WHERE tenant = $1 AND seq > $2 ORDER BY seq LIMIT $3")
            .bind(tenant.as_str().to_owned())
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(self.db.pool())
            .await;
        self.db.map(rows)?.iter().map(|row| entry(&self.db, row)).collect()
    }

    async fn of_job(&self, job: &earmark_core::JobId) -> Result<Vec<AuditEntry>, JournalError> {
        let rows = sqlx::query("SELECT * FROM audit_entries WHERE job_id = $1 ORDER BY seq")
            .bind(job.as_str().to_owned())
            .fetch_all(self.db.pool())
            .await;
        self.db.map(rows)?.iter().map(|row| entry(&self.db, row)).collect()
    }

    async fn tenants(&self) -> Result<Vec<Tenant>, JournalError> {
        // Entries whose head was removed are to be seen too.
        let rows = sqlx::query(
            "SELECT tenant FROM audit_heads UNION SELECT DISTINCT tenant FROM audit_entries ORDER BY tenant",
        )
        .fetch_all(self.db.pool())
        .await;
        self.db.map(rows)?.iter().map(|row| parsed(&self.db, row, "tenant", Tenant::parse)).collect()
    }
}

fn entry(db: &Database, row: &AnyRow) -> Result<AuditEntry, JournalError> {
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
pub(crate) async fn hold(write: &mut Write, tenant: &Tenant) -> Result<AnyRow, JournalError> {
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
    let row = hold(write, tenant).await?;
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
