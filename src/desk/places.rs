//! Stores, hosts and folders that do not answer.

use earmark_journal::JournalError;

use super::Desk;
use super::views::PlaceView;

impl Desk {
    /// Every place that is away, by name; empty where all answer.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn places_away(&self) -> Result<Vec<PlaceView>, JournalError> {
        Ok(self.app.places.all().await?.into_iter().map(PlaceView::from).collect())
    }
}
