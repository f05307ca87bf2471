//! Reading the audit log, and verifying it.

use async_trait::async_trait;
use earmark_core::Tenant;
use earmark_core::audit::AuditEntry;

use super::{ChainReport, agreement, chain, row};
use crate::JournalError;
use crate::database::{Database, parsed};

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
            report.mismatches = agreement::mismatches(&self.db, tenant).await?;
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
        self.db.map(rows)?.iter().map(|found| row::entry(&self.db, found)).collect()
    }

    async fn of_job(&self, job: &earmark_core::JobId) -> Result<Vec<AuditEntry>, JournalError> {
        let rows = sqlx::query("SELECT * FROM audit_entries WHERE job_id = $1 ORDER BY seq")
            .bind(job.as_str().to_owned())
            .fetch_all(self.db.pool())
            .await;
        self.db.map(rows)?.iter().map(|found| row::entry(&self.db, found)).collect()
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
