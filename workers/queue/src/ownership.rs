//! Whose the queue is: one database has the keys of a Redis, and another that comes is kept out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use earmark_core::{Disposition, Failure, Fault};
use earmark_journal::{Journal, JournalError};
use earmark_redis::LinkError;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::connection::Connection;
use crate::health::Part;
use crate::keys::OWNER;
use crate::streams::scripts;

/// For so long nobody asks again: streams are filled more often than a queue changes hands.
const BELIEVED: Duration = Duration::from_millis(400);

/// Why a queue is left alone.
#[derive(Debug, thiserror::Error)]
#[error("the queue in Redis at {place} belongs to another database: {owner}; this one is {own}")]
pub struct Stranger {
    /// Where the server is.
    pub place: String,
    /// The database that has it, as it called itself.
    pub owner: String,
    /// This one.
    pub own: String,
}

impl Failure for Stranger {
    fn code(&self) -> &'static str {
        "queue.stranger"
    }

    fn hint(&self) -> Option<String> {
        Some(format!(
            "give each database a Redis of its own, or another number behind the address (redis://HOST:PORT/1); to take \
             this one over stop the other's processes, then `DEL {OWNER}` there"
        ))
    }

    fn disposition(&self) -> Disposition {
        Disposition::Fail
    }

    fn fault(&self) -> Fault {
        Fault::Place
    }
}

/// Why it is not known whose the queue is, or that it is another's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClaimError {
    /// It is another's.
    #[error(transparent)]
    Stranger(#[from] Stranger),
    /// The server failed.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The journal failed.
    #[error(transparent)]
    Storage(#[from] JournalError),
}

/// Whether the queue is this process's journal's; everything in the process that touches it waits for that.
pub(crate) struct Ownership {
    is_ours: watch::Sender<bool>,
}

impl Default for Ownership {
    fn default() -> Self {
        Self { is_ours: watch::Sender::new(false) }
    }
}

impl Ownership {
    /// Returns once the queue is known to be ours.
    pub(crate) async fn ours(&self) {
        // The sender lives as long as this.
        let _ = self.is_ours.subscribe().wait_for(|is_ours| *is_ours).await;
    }

    pub(crate) fn is_ours(&self) -> bool {
        *self.is_ours.borrow()
    }

    fn set(&self, is_ours: bool) {
        self.is_ours.send_if_modified(|known| std::mem::replace(known, is_ours) != is_ours);
    }
}

/// Asks whose the queue is, and takes it where it is nobody's.
pub(crate) struct Claim {
    journal: Journal,
    ownership: Arc<Ownership>,
    /// Known once it was read.
    own: tokio::sync::OnceCell<String>,
    /// When it was found to be ours last.
    found: Mutex<Option<Instant>>,
}

impl Claim {
    pub(crate) fn new(journal: Journal, ownership: Arc<Ownership>) -> Self {
        Self { journal, ownership, own: tokio::sync::OnceCell::new(), found: Mutex::default() }
    }

    /// Takes the queue, or says whose it is. What was lost with a flush is put back.
    pub(crate) async fn take(&self, connection: &Connection) -> Result<(), ClaimError> {
        let found = *self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if self.ownership.is_ours() && found.is_some_and(|found| found.elapsed() < BELIEVED) {
            return Ok(());
        }
        let own = self.own.get_or_try_init(|| self.journal.id()).await?;
        let mut call = scripts::CLAIM.key(OWNER);
        call.arg(own).arg(self.journal.place());
        let owner: String = connection.run(&call).await?;
        let is_ours = id_of(&owner) == own;
        self.ownership.set(is_ours);
        if !is_ours {
            let stranger =
                Stranger { place: connection.place().into(), owner, own: format!("{own} {}", self.journal.place()) };
            connection.health().hindered(Part::Claim, stranger.problem());
            return Err(stranger.into());
        }
        connection.health().works(Part::Claim);
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        Ok(())
    }
}

/// The id in what stands at `earmark:journal`.
pub(crate) fn id_of(owner: &str) -> &str {
    owner.split_whitespace().next().unwrap_or_default()
}

/// How long a process that was kept out waits before it asks again.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_an_id_and_a_place() {
        for (owner, id) in [("a1 sqlite:/var/lib/a b.sqlite", "a1"), ("a1", "a1"), ("", "")] {
            assert_eq!(id_of(owner), id);
        }
    }

    #[tokio::test]
    async fn nobody_goes_on_before_the_queue_is_known_to_be_ours() {
        let ownership = Ownership::default();
        assert!(!ownership.is_ours());
        tokio::join!(ownership.ours(), async { ownership.set(true) });
        ownership.set(false);
        assert!(!ownership.is_ours());
    }
}
