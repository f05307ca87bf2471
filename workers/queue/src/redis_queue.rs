//! Redis as the queue: ids from the streams, leases from the journal.

use std::sync::Arc;

use async_trait::async_trait;
use earmark_core::{Job, JobId, Lease, WorkerId};
use earmark_journal::{Journal, JournalError};
use tokio::sync::Notify;

use crate::Queue;
use crate::ownership::Ownership;
use crate::slots::Openings;
use crate::streams::Streams;

/// A job that was delivered and may not be taken now (paused, at its tenant's limit) is delivered again after this long.
const NOT_NOW_MS: i64 = 1_000;

/// Leases the jobs that the streams deliver.
pub struct RedisQueue {
    streams: Arc<Streams>,
    ownership: Arc<Ownership>,
    journal: Journal,
    worker: WorkerId,
    lease_ms: i64,
    /// Notified when a stream has room.
    has_room: Arc<Notify>,
}

impl RedisQueue {
    pub(crate) fn new(
        streams: Arc<Streams>,
        ownership: Arc<Ownership>,
        journal: Journal,
        worker: WorkerId,
        lease_ms: i64,
        has_room: Arc<Notify>,
    ) -> Self {
        Self { streams, ownership, journal, worker, lease_ms, has_room }
    }
}

#[async_trait]
impl Queue for RedisQueue {
    async fn next(&self, open: &Openings) -> Result<Option<(Job, Lease)>, JournalError> {
        // What lies there is nobody's that we know, or another's.
        if !self.ownership.is_ours() {
            return Ok(None);
        }
        loop {
            let entry = match self.streams.take(open).await {
                Ok(Some(entry)) => entry,
                Ok(None) => return Ok(None),
                Err(error) => {
                    // Never fatal: what is leased goes on, what is ready waits in the journal.
                    self.streams.rest(&error).await;
                    return Ok(None);
                }
            };
            let Ok(id) = JobId::parse(&entry.job) else {
                tracing::warn!(lane = %entry.lane, "an entry that names no job was removed from its stream");
                self.streams.acknowledge(entry);
                continue;
            };
            let leased = match self.journal.lease_job(&id, &self.worker, self.lease_ms).await {
                Ok(Some(leased)) => Some(leased),
                // It is final, another's, or not to be taken now; the last is ready still.
                Ok(None) => match self.journal.mark_queued(&[id], NOT_NOW_MS).await {
                    Ok(()) => None,
                    Err(error) => {
                        self.streams.put_back(entry);
                        return Err(error);
                    }
                },
                Err(error) => {
                    self.streams.put_back(entry);
                    return Err(error);
                }
            };
            self.streams.acknowledge(entry);
            self.has_room.notify_one();
            if leased.is_some() {
                return Ok(leased);
            }
        }
    }

    async fn wait(&self, open: &Openings) {
        if !self.ownership.is_ours() {
            return self.ownership.ours().await;
        }
        self.streams.wait_for_entry(open).await;
    }
}
