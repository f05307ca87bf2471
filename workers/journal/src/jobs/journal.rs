//! The journal of a database: [`Journal`]. What it does stands in the files beside this one.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use super::caps::Caps;
use crate::JournalError;
use crate::database::Database;

/// The journal in the database. Clones share it.
#[derive(Debug, Clone)]
pub struct Journal {
    pub(super) db: Database,
    /// Jobs that a tenant may have leased.
    pub(super) caps: Arc<Caps>,
    /// Streams deliver the jobs; otherwise the journal itself does.
    pub(super) has_streams: bool,
    /// The rule set of jobs that name none, where it is known.
    active_rules: Arc<RwLock<Option<Arc<str>>>>,
}

impl Journal {
    /// The journal of `db`.
    pub fn new(db: Database) -> Self {
        Self { db, caps: Arc::default(), has_streams: false, active_rules: Arc::default() }
    }

    /// The same journal with `caps` on what tenants may have leased.
    #[must_use]
    pub fn with_caps(self, caps: Caps) -> Self {
        Self { caps: Arc::new(caps), ..self }
    }

    /// The same journal where streams deliver the jobs: what is due and in no stream yet is only accepted.
    #[must_use]
    pub fn behind_streams(self) -> Self {
        Self { has_streams: true, ..self }
    }

    /// Says to this journal and its clones that the rule set with the hash `sha256` is in force for jobs that name none;
    /// with other rules a recording is another job. The last word counts.
    pub fn judge_by(&self, sha256: &str) {
        *self.active_rules.write().unwrap_or_else(PoisonError::into_inner) = Some(sha256.into());
    }

    pub(super) fn active_rules(&self) -> Option<Arc<str>> {
        self.active_rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The id of its database, made when it is asked for first.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn id(&self) -> Result<String, JournalError> {
        self.db.journal_id().await
    }

    /// The id of its database, where it has one already; writes nothing.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn known_id(&self) -> Result<Option<String>, JournalError> {
        self.db.known_journal_id().await
    }

    /// Where its database lies, for people; without a password.
    pub fn place(&self) -> String {
        self.db.place()
    }

    /// Changes whenever this process makes a job ready, so that a dispatcher need not wait for its next look.
    pub fn ready_changes(&self) -> watch::Receiver<u64> {
        self.db.ready_changes()
    }

    /// Wakes whoever waits in this process for a job to become ready.
    pub(super) fn tell_ready(&self) {
        self.db.tell_ready();
    }
}
