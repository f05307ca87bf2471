//! Worker processes, one row and one lock file per start, and which of them live.

use std::time::Duration;

use earmark_core::WorkerId;

use super::Journal;
use crate::JournalError;
use crate::database::{column, parsed};
use crate::worker_lock::{WorkerLock, is_held};

/// How often a worker says that it lives where nothing but that tells.
const BEAT: Duration = Duration::from_secs(2);
/// The same where a lock file tells: then it only says when the worker was last seen, and an idle disk may rest.
const BEAT_BESIDE_A_LOCK: Duration = Duration::from_secs(30);
/// Where nothing but its word tells, a worker that missed three beats is taken for dead.
const SILENT_MS: i64 = 6_000;

/// What is kept of a worker process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerInfo {
    /// Name of its machine.
    pub host: String,
    /// Process id there.
    pub pid: u32,
    /// Jobs of the queue it takes at once; 0 for a process that works on its own jobs only.
    pub slots: u32,
}

/// Worker processes that live.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct WorkerCount {
    /// Worker processes that live and take jobs of the queue.
    pub live: u64,
    /// Jobs that they take at once, together.
    pub slots: u64,
}

/// A worker and when it was last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenWorker {
    /// Name of its machine.
    pub host: String,
    /// Process id there.
    pub pid: u32,
    /// Since it last said that it lives, in milliseconds.
    pub seen_ago_ms: i64,
}

impl Journal {
    /// Makes `worker` known. To be called before its first lease; it counts as alive for as long as the lock is held,
    /// or, on a server, for as long as it says so ([`worker_lives`](Self::worker_lives)). So drop the lock after the last
    /// lease is given back.
    ///
    /// # Errors
    /// [`JournalError::LockFile`].
    pub async fn register_worker(&self, worker: &WorkerId, info: &WorkerInfo) -> Result<WorkerLock, JournalError> {
        let lock = WorkerLock::hold(self.db.runtime_folder().as_deref(), worker)?;
        let mut write = self.db.write().await?;
        let seen_at_ms = write.shared_now_ms().await?;
        let statement = sqlx::query(
            "INSERT INTO workers (id, host, pid, slots, started_at_ms, seen_at_ms) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(worker.as_str().to_owned())
        .bind(info.host.clone())
        .bind(i64::from(info.pid))
        .bind(i64::from(info.slots))
        .bind(self.db.now_ms())
        .bind(seen_at_ms);
        write.run(statement).await?;
        write.commit().await?;
        Ok(lock)
    }

    /// How often a worker has to say that it lives.
    pub fn beat_every(&self) -> Duration {
        if self.db.runtime_folder().is_some() { BEAT_BESIDE_A_LOCK } else { BEAT }
    }

    /// Notes that `worker` lives.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn worker_lives(&self, worker: &WorkerId) -> Result<(), JournalError> {
        let mut write = self.db.write().await?;
        let seen_at_ms = write.shared_now_ms().await?;
        let statement = sqlx::query("UPDATE workers SET seen_at_ms = $1 WHERE id = $2")
            .bind(seen_at_ms)
            .bind(worker.as_str().to_owned());
        write.run(statement).await?;
        write.commit().await
    }

    /// Notes that `worker` stopped in order.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn worker_stopped(&self, worker: &WorkerId) -> Result<(), JournalError> {
        let mut write = self.db.write().await?;
        let seen_at_ms = write.shared_now_ms().await?;
        let statement = sqlx::query("UPDATE workers SET stopped_at_ms = $1, seen_at_ms = $2 WHERE id = $3")
            .bind(self.db.now_ms())
            .bind(seen_at_ms)
            .bind(worker.as_str().to_owned());
        write.run(statement).await?;
        write.commit().await
    }

    /// The worker processes that live and take jobs of the queue: those that were not stopped, and beside a file hold
    /// their lock, on a server were seen a moment ago.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn live_workers(&self) -> Result<WorkerCount, JournalError> {
        let folder = self.db.runtime_folder();
        let seen_since_ms = match &folder {
            // The lock tells, and is not mistaken about a process that had no time to say anything.
            Some(_) => 0,
            None => self.db.shared_now_ms().await? - SILENT_MS,
        };
        let rows = sqlx::query(
            "SELECT id, slots FROM workers WHERE stopped_at_ms IS NULL AND slots > 0 AND COALESCE(seen_at_ms, 0) >= $1",
        )
        .bind(seen_since_ms)
        .fetch_all(self.db.pool())
        .await;
        let mut count = WorkerCount::default();
        for found in &self.db.map(rows)? {
            let id = parsed(&self.db, found, "id", |id| Ok::<_, JournalError>(WorkerId::stored(id)))?;
            if folder.as_deref().is_none_or(|folder| is_held(folder, &id)) {
                count.live += 1;
                count.slots += column::<i64>(&self.db, found, "slots")?.unsigned_abs();
            }
        }
        Ok(count)
    }

    /// The worker that was seen last, alive or not; none when there never was one, or it is long forgotten.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn last_worker(&self) -> Result<Option<SeenWorker>, JournalError> {
        let found = sqlx::query(
            "SELECT host, pid, COALESCE(seen_at_ms, started_at_ms) AS seen FROM workers WHERE slots > 0 ORDER BY seen DESC LIMIT 1",
        )
        .fetch_optional(self.db.pool())
        .await;
        let Some(found) = self.db.map(found)? else { return Ok(None) };
        let seen_at_ms: i64 = column(&self.db, &found, "seen")?;
        Ok(Some(SeenWorker {
            host: column(&self.db, &found, "host")?,
            pid: u32::try_from(column::<i64>(&self.db, &found, "pid")?).unwrap_or(0),
            seen_ago_ms: (self.db.shared_now_ms().await? - seen_at_ms).max(0),
        }))
    }
}
