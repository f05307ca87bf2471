//! The audit log: verified, and read in order.

use earmark_core::Tenant;
use earmark_core::audit::AuditEntry;
use earmark_journal::JournalError;

use super::Desk;
use super::views::ChainView;

/// Entries read at a time.
const PAGE: u32 = 500;

impl Desk {
    /// Recomputes the chain of `tenant`, or every chain, and compares jobs and results with it.
    ///
    /// # Errors
    /// [`JournalError`] when the log cannot be read; a broken chain is a result.
    pub async fn verify(&self, tenant: Option<&Tenant>) -> Result<Vec<ChainView>, JournalError> {
        let chains = self.app.audit.verify(tenant).await?;
        Ok(chains.into_iter().map(ChainView::from).collect())
    }

    /// Every tenant with a chain.
    ///
    /// # Errors
    /// [`JournalError`] when the log cannot be read.
    pub async fn audited_tenants(&self) -> Result<Vec<Tenant>, JournalError> {
        self.app.audit.tenants().await
    }

    /// The entries of `tenant` that follow entry `after` (0 for the first), in order, some at a time; none at the end.
    ///
    /// # Errors
    /// [`JournalError`] when the log cannot be read.
    pub async fn audit_entries(&self, tenant: &Tenant, after: i64) -> Result<Vec<AuditEntry>, JournalError> {
        self.app.audit.page(tenant, after, PAGE).await
    }
}
