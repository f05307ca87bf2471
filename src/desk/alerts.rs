//! Alerts: what a person should see to.

use earmark_core::Tenant;
use earmark_journal::JournalError;

use super::Desk;
use super::views::AlertView;

pub use earmark_journal::ALERT_LOG;

impl Desk {
    /// Alerts of `tenant` (none: of everybody), the newest first; with those that were acknowledged only where
    /// `is_open` is false.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn alerts(
        &self,
        tenant: Option<&Tenant>,
        is_open: bool,
        limit: u32,
    ) -> Result<Vec<AlertView>, JournalError> {
        let alerts = self.app.outbox.alerts(tenant, is_open, limit).await?;
        Ok(alerts.into_iter().map(AlertView::from).collect())
    }

    /// Acknowledges an alert under the name of `actor`.
    ///
    /// # Errors
    /// [`JournalError::NoSuchAlert`] when none is open by that id.
    pub async fn acknowledge(&self, id: &str, actor: &str) -> Result<(), JournalError> {
        self.app.outbox.ack_alert(id, actor).await
    }
}
