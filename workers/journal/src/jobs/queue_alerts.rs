//! What someone has to look at because the queue's server does not do what it should.

use std::collections::BTreeSet;

use earmark_core::Tenant;

use super::Journal;
use crate::JournalError;
use crate::alerts::{self, NewAlert};

/// Who closes an alert whose cause is gone.
const ACTOR: &str = "queue";
/// What can be wrong with the server, one at a time.
const KINDS: [&str; 2] = ["queue.full", "queue.refuses"];

impl Journal {
    /// Raises an alert of `kind` about the server at `place`; while one is open it is counted there. What was wrong before
    /// is so no more: that is closed.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn raise_queue_alert(&self, kind: &str, place: &str, message: &str) -> Result<(), JournalError> {
        let mut write = self.db.write().await?;
        let alert = NewAlert { kind: kind.into(), message: message.into() };
        // In one order, so that two who find different things do not wait for each other.
        for one in KINDS.into_iter().chain([kind]).collect::<BTreeSet<_>>() {
            if one == kind {
                alerts::raise_about(&mut write, &Tenant::default(), None, place, &alert).await?;
            } else {
                let cause = "something else is wrong with the server now";
                alerts::close_about(&mut write, one, place, ACTOR, cause).await?;
            }
        }
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
