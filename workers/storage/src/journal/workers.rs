//! Worker processes, one row and one lock file per start.

use earmark_core::WorkerId;

use super::Journal;
use crate::StorageError;
use crate::database::{column, parsed};
use crate::worker_lock::{WorkerLock, is_held};

/// What is kept of a worker process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerInfo {
    /// Name of its machine.
    pub host: String,
    /// Process id there.
    pub pid: u32,
    /// Jobs it takes at once.
    pub slots: u32,
}

/// Worker processes that live.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct WorkerCount {
    /// How many.
    pub live: u64,
    /// Jobs that they take at once, together.
    pub slots: u64,
}

impl Journal {
    /// Makes `worker` known. To be called before its first lease; it counts as alive for as long as the lock is held,
    /// so drop that after the last lease is given back.
    ///
    /// # Errors
    /// [`StorageError::LockFile`].
    pub async fn register_worker(&self, worker: &WorkerId, info: &WorkerInfo) -> Result<WorkerLock, StorageError> {
        let lock = WorkerLock::hold(self.db.runtime_folder().as_deref(), worker)?;
        let mut write = self.db.write().await?;
        let statement =
            sqlx::query("INSERT INTO workers (id, host, pid, slots, started_at_ms) VALUES ($1, $2, $3, $4, $5)")
                .bind(worker.as_str().to_owned())
                .bind(info.host.clone())
                .bind(i64::from(info.pid))
                .bind(i64::from(info.slots))
                .bind(self.db.now_ms());
        write.run(statement).await?;
        write.commit().await?;
        Ok(lock)
    }

    /// Notes that `worker` stopped in order.
    ///
    /// # Errors
    /// [`StorageError`] when the database fails.
    pub async fn worker_stopped(&self, worker: &WorkerId) -> Result<(), StorageError> {
        let mut write = self.db.write().await?;
        let statement = sqlx::query("UPDATE workers SET stopped_at_ms = $1 WHERE id = $2")
            .bind(self.db.now_ms())
            .bind(worker.as_str().to_owned());
        write.run(statement).await?;
        write.commit().await
    }

    /// The worker processes that live, as far as can be known: those that were not stopped, and on this machine hold
    /// their lock.
    ///
    /// # Errors
    /// [`StorageError`] when the database fails.
    pub async fn live_workers(&self) -> Result<WorkerCount, StorageError> {
        let rows =
            sqlx::query("SELECT id, slots FROM workers WHERE stopped_at_ms IS NULL").fetch_all(self.db.pool()).await;
        let folder = self.db.runtime_folder();
        let mut count = WorkerCount::default();
        for found in &self.db.map(rows)? {
            let id = parsed(&self.db, found, "id", |id| Ok::<_, StorageError>(WorkerId::stored(id)))?;
            if folder.as_deref().is_none_or(|folder| is_held(folder, &id)) {
                count.live += 1;
                count.slots += column::<i64>(&self.db, found, "slots")?.unsigned_abs();
            }
        }
        Ok(count)
    }
}
