//! What runs for which try, so that work that cannot be stopped is known by its stage.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use earmark_core::{JobId, Lease};
use tokio::sync::Notify;

use crate::JobError;

/// A try, by job and epoch.
type Key = (JobId, i64);

/// All tries of which something runs. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Tries(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    running: Mutex<HashMap<Key, Weak<Try>>>,
    ended: Notify,
}

/// One try, for as long as its future or a thread of its stages lives. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Watched(Arc<Try>);

#[derive(Debug)]
struct Try {
    /// None for what is no job's.
    of: Option<(Key, Arc<Shared>)>,
    at: Mutex<(&'static str, Instant)>,
}

impl Tries {
    pub(crate) fn begin(&self, lease: &Lease) -> Watched {
        let key = (lease.job_id.clone(), lease.epoch);
        let watched = Arc::new(Try::of(Some((key.clone(), self.0.clone()))));
        self.0.running().insert(key, Arc::downgrade(&watched));
        Watched(watched)
    }

    /// The stage that runs for `lease`, and for how long it has; none when nothing does.
    pub fn at(&self, lease: &Lease) -> Option<(&'static str, Duration)> {
        // Dropped only after the lock is free again: its end takes the lock too.
        let found = self.0.running().get(&(lease.job_id.clone(), lease.epoch)).and_then(Weak::upgrade)?;
        let (stage, since) = *found.at();
        Some((stage, since.elapsed()))
    }

    /// Returns once nothing runs for `lease`.
    pub async fn quiet(&self, lease: &Lease) {
        loop {
            let ended = self.0.ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            if !self.0.running().contains_key(&(lease.job_id.clone(), lease.epoch)) {
                return;
            }
            ended.await;
        }
    }
}

impl Shared {
    fn running(&self) -> MutexGuard<'_, HashMap<Key, Weak<Try>>> {
        // The map is whole after every statement.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    /// Work that is no job's.
    pub(crate) fn nobodys() -> Self {
        Self(Arc::new(Try::of(None)))
    }

    /// From here on it is at `stage`.
    pub(crate) fn enter(&self, stage: &'static str) {
        *self.0.at() = (stage, Instant::now());
    }

    /// Runs a stage's CPU work on a blocking thread for at most `limit`; a panic there becomes an error here. The thread
    /// counts as running until it ends, however long nobody waits for it.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        stage: &'static str,
        limit: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JobError> {
        let running = self.clone();
        let thread = tokio::task::spawn_blocking(move || {
            let _running = running;
            work()
        });
        match tokio::time::timeout(limit, thread).await {
            Ok(done) => done.map_err(|_| JobError::Panicked { stage }),
            Err(_) => Err(JobError::Deadline { stage, limit }),
        }
    }
}

impl Try {
    fn of(of: Option<(Key, Arc<Shared>)>) -> Self {
        Self { of, at: Mutex::new(("fetch", Instant::now())) }
    }

    fn at(&self) -> MutexGuard<'_, (&'static str, Instant)> {
        self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Try {
    fn drop(&mut self) {
        if let Some((key, shared)) = &self.of {
            shared.running().remove(key);
            shared.ended.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use earmark_core::WorkerId;

    use super::*;

    #[tokio::test]
    async fn a_thread_that_nobody_waits_for_is_known_by_its_stage_until_it_ends() {
        let lease = Lease { job_id: JobId::at(0), worker: WorkerId::fresh(), epoch: 1 };
        let tries = Tries::default();
        let watched = tries.begin(&lease);
        watched.enter("flag");
        let (end, ended) = mpsc::channel::<()>();
        let late = watched.blocking("flag", Duration::ZERO, move || ended.recv()).await;
        assert!(matches!(late, Err(JobError::Deadline { stage: "flag", .. })), "{late:?}");
        drop(watched);
        assert_eq!(tries.at(&lease).map(|(stage, _)| stage), Some("flag"));
        assert!(tokio::time::timeout(Duration::from_millis(1), tries.quiet(&lease)).await.is_err());
        end.send(()).unwrap();
        tries.quiet(&lease).await;
        assert_eq!(tries.at(&lease), None);
    }
}
