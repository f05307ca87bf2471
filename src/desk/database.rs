//! The database itself.

use earmark_journal::JournalError;

use super::Desk;

/// A database that is up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigratedDatabase {
    /// Its path or URL, without a password.
    pub place: String,
    /// The version of its schema.
    pub version: i64,
}

impl Desk {
    /// Brings the database up to date; opening it has done so already.
    ///
    /// # Errors
    /// [`JournalError`] when it fails.
    pub async fn migrate(&self) -> Result<MigratedDatabase, JournalError> {
        let report = self.app.database.migrate().await?;
        Ok(MigratedDatabase { place: self.app.database.place(), version: report.to })
    }
}
