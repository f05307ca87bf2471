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
/// How long one that is gone, and did not stop in order, is shown.
const SHOWN_GONE_MS: i64 = 60 * 60 * 1000;
/// Worker processes that are shown, at most.
const MOST_SHOWN: i64 = 1000;
/// The program's version: all crates of it have the same.
const VERSION: &str = env!("CARGO_PKG_VERSION");

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

/// A worker process that lives, or is gone without having stopped in order.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct WorkerProcess {
    /// Name of its machine.
    pub host: String,
    /// Process id there.
    pub pid: u32,
    /// The program's version that it runs; none where it is older than that is written down.
    pub version: Option<String>,
    /// Jobs that it takes at once.
    pub slots: u32,
    /// Jobs that are leased to it.
    pub jobs: u64,
    /// Since it last said that it lives, in milliseconds. Beside a file, where its lock tells, it says so every 30 s only.
    pub seen_ago_ms: i64,
    /// Whether it lives; one that is gone is shown for an hour.
    #[serde(rename = "alive")]
    pub is_alive: bool,
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
            "INSERT INTO workers (id, host, pid, slots, started_at_ms, seen_at_ms, version) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(worker.as_str().to_owned())
        .bind(info.host.clone())
        .bind(i64::from(info.pid))
        .bind(i64::from(info.slots))
        .bind(self.db.now_ms())
        .bind(seen_at_ms)
        .bind(VERSION.to_owned());
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

    /// The worker processes that live and take jobs of the queue, and those that are gone since less than an hour and did not
    /// stop in order; the living first, by machine.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn worker_processes(&self) -> Result<Vec<WorkerProcess>, JournalError> {
        let folder = self.db.runtime_folder();
        let now_ms = self.db.shared_now_ms().await?;
        // Beside a file a worker may live and have had no time to say so for long: its lock tells, below.
        let since_ms = if folder.is_some() { i64::MIN } else { now_ms - SHOWN_GONE_MS };
        let rows = sqlx::query(
            "SELECT w.id, w.host, w.pid, w.version, w.slots, COALESCE(w.seen_at_ms, w.started_at_ms) AS seen,
                    (SELECT COUNT(*) FROM jobs j WHERE j.state = 'leased' AND j.lease_owner = w.id) AS held
             FROM workers w
             WHERE w.stopped_at_ms IS NULL AND w.slots > 0 AND COALESCE(w.seen_at_ms, w.started_at_ms) >= $1
             ORDER BY seen DESC, w.id LIMIT $2",
        )
        .bind(since_ms)
        .bind(MOST_SHOWN)
        .fetch_all(self.db.pool())
        .await;
        let mut processes = Vec::new();
        for found in &self.db.map(rows)? {
            let id = parsed(&self.db, found, "id", |id| Ok::<_, JournalError>(WorkerId::stored(id)))?;
            let seen_ago_ms = (now_ms - column::<i64>(&self.db, found, "seen")?).max(0);
            let is_alive = match &folder {
                Some(folder) => is_held(folder, &id),
                None => seen_ago_ms <= SILENT_MS,
            };
            if !is_alive && seen_ago_ms > SHOWN_GONE_MS {
                continue;
            }
            processes.push(WorkerProcess {
                host: column(&self.db, found, "host")?,
                pid: u32::try_from(column::<i64>(&self.db, found, "pid")?).unwrap_or(0),
                version: column(&self.db, found, "version")?,
                slots: u32::try_from(column::<i64>(&self.db, found, "slots")?).unwrap_or(0),
                jobs: column::<i64>(&self.db, found, "held")?.unsigned_abs(),
                seen_ago_ms,
                is_alive,
            });
        }
        processes.sort_by(|a, b| {
            (!a.is_alive, &a.host, a.pid, a.seen_ago_ms).cmp(&(!b.is_alive, &b.host, b.pid, b.seen_ago_ms))
        });
        Ok(processes)
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
