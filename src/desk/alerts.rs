//! Alerts: what a person should see to.

use earmark_journal::JournalError;

use super::Desk;
use super::views::AlertView;

pub use earmark_journal::{ALERT_LOG, AlertFilter};

impl Desk {
    /// Alerts that `filter` lets through, the newest first.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn alerts(&self, filter: &AlertFilter, limit: u32) -> Result<Vec<AlertView>, JournalError> {
        let alerts = self.app.outbox.chosen_alerts(filter, limit).await?;
        Ok(alerts.into_iter().map(AlertView::from).collect())
    }

    /// How many alerts `filter` lets through.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn count_alerts(&self, filter: &AlertFilter) -> Result<u64, JournalError> {
        self.app.outbox.count_alerts(filter).await
    }

    /// Acknowledges an alert under the name of `actor`.
    ///
    /// # Errors
    /// [`JournalError::NoSuchAlert`] when none is open by that id.
    pub async fn acknowledge(&self, id: &str, actor: &str) -> Result<(), JournalError> {
        self.app.outbox.ack_alert(id, actor).await
    }

    /// The same of one that may have been closed meanwhile: false then.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn acknowledge_open(&self, id: &str, actor: &str) -> Result<bool, JournalError> {
        match self.acknowledge(id, actor).await {
            Ok(()) => Ok(true),
            Err(JournalError::NoSuchAlert(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
