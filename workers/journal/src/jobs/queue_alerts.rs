//! What someone has to look at because the queue's server does not do what it should.

use earmark_core::Tenant;

use super::Journal;
use crate::JournalError;
use crate::alerts::{self, NewAlert};

/// Who closes an alert whose cause is gone.
const ACTOR: &str = "queue";

impl Journal {
    /// Raises an alert of `kind` about the server at `place`; while one is open it is counted there.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn raise_queue_alert(&self, kind: &str, place: &str, message: &str) -> Result<(), JournalError> {
        let mut write = self.db.write().await?;
        let alert = NewAlert { kind: kind.into(), message: message.into() };
        alerts::raise_about(&mut write, &Tenant::default(), None, place, &alert).await?;
        write.commit().await
    }

    /// Closes what is open of `kind` about the server at `place`: its cause is gone.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn close_queue_alert(&self, kind: &str, place: &str) -> Result<(), JournalError> {
        let mut write = self.db.write().await?;
        alerts::close_about(&mut write, kind, place, ACTOR, "the queue's server does what it should again").await?;
        write.commit().await
    }
}
