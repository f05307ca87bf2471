//! The journal itself as the queue: one machine, no server.

use std::time::Duration;

use async_trait::async_trait;
use earmark_core::{Job, Lease, WorkerId};
use earmark_journal::{Journal, JournalError};
use tokio::sync::{Mutex, watch};

use crate::Queue;
use crate::slots::Openings;

/// Leases jobs straight from the journal.
pub struct JournalQueue {
    journal: Journal,
    worker: WorkerId,
    lease_ms: i64,
    poll: Duration,
    changes: Mutex<watch::Receiver<u64>>,
}

impl JournalQueue {
    /// A queue for `worker`. Jobs made ready by this process are seen at once, those of others within `poll`.
    pub fn new(journal: Journal, worker: WorkerId, lease_ms: i64, poll: Duration) -> Self {
        let changes = Mutex::new(journal.ready_changes());
        Self { journal, worker, lease_ms, poll, changes }
    }
}

#[async_trait]
impl Queue for JournalQueue {
    async fn next(&self, open: &Openings) -> Result<Option<(Job, Lease)>, JournalError> {
        // Whatever becomes ready from here on wakes the next wait.
        self.changes.lock().await.mark_unchanged();
        self.journal.lease_next(&self.worker, &open.lanes(), self.lease_ms).await
    }

    async fn wait(&self, _: &Openings) {
        // Nobody waits but the one task that fills slots, so the lock is never contended.
        let mut changes = self.changes.lock().await;
        // Not woken in time, or the journal is gone: either way it is time to look.
        let _ = tokio::time::timeout(self.poll, changes.changed()).await;
    }
}
