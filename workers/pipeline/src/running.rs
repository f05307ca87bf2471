//! What runs for which attempt, so that work that cannot be stopped is known by its stage, and keeps its turn to compute.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use earmark_core::{JobId, Lease, Stage};
use tokio::sync::Notify;

use crate::error::JobError;
use crate::isolation::Turn;

/// An attempt, by job and epoch.
type Key = (JobId, i64);

/// All attempts of which something runs. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct RunningAttempts(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    running: Mutex<HashMap<Key, Weak<Inner>>>,
    ended: Notify,
}

/// One attempt, for as long as its future or a thread of its stages lives. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Running(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// None for what is no job's.
    of: Option<(Key, Arc<Shared>)>,
    /// The stage it is at, and since when.
    at: Mutex<(Stage, Instant)>,
    /// While it computes: what its threads are to hold, too.
    turn: Mutex<Option<Turn>>,
}

impl RunningAttempts {
    pub(crate) fn begin(&self, lease: &Lease) -> Running {
        let key = (lease.job_id.clone(), lease.epoch);
        let running = Arc::new(Inner::of(Some((key.clone(), self.0.clone()))));
        self.0.running().insert(key, Arc::downgrade(&running));
        Running(running)
    }

    /// The stage that runs for `lease`, and for how long it has; none when nothing does.
    pub fn stage_of(&self, lease: &Lease) -> Option<(Stage, Duration)> {
        // Dropped only after the lock is free again: its end takes the lock too.
        let found = self.0.running().get(&(lease.job_id.clone(), lease.epoch)).and_then(Weak::upgrade)?;
        let (stage, since) = *found.at();
        Some((stage, since.elapsed()))
    }

    /// Returns once nothing runs for `lease`.
    pub async fn ended(&self, lease: &Lease) {
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
    fn running(&self) -> MutexGuard<'_, HashMap<Key, Weak<Inner>>> {
        // The map is whole after every statement.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    /// Work that is no job's.
    pub(crate) fn of_no_job() -> Self {
        Self(Arc::new(Inner::of(None)))
    }

    /// The job it is for; none for what is no job's.
    pub(crate) fn job(&self) -> Option<&JobId> {
        self.0.of.as_ref().map(|((job, _), _)| job)
    }

    /// From here on it is at `stage`.
    pub(crate) fn enter(&self, stage: Stage) {
        *self.0.at() = (stage, Instant::now());
    }

    /// From here on it computes; threads that begin from now on hold `turn` until they end.
    pub(crate) fn take_turn(&self, turn: Turn) {
        *self.0.turn() = Some(turn);
    }

    /// From here on it computes only on threads that have begun already.
    pub(crate) fn give_turn_back(&self) {
        *self.0.turn() = None;
    }

    /// Whether a thread holds its turn.
    pub(crate) fn computes_on_a_thread(&self) -> bool {
        self.0.turn().as_ref().is_some_and(Turn::is_shared)
    }

    /// Runs CPU work of the stage it is at on a blocking thread for at most `limit`; a panic there becomes an error here.
    /// The thread counts as running, and keeps the turn to compute, until it ends, however long nobody waits for it.
    pub(crate) async fn compute<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JobError> {
        let turn = self.0.turn().clone();
        let computing = move || {
            let _turn = turn;
            work()
        };
        self.read(limit, computing).await
    }

    /// The same for what only waits for a disk: it counts as running, and needs no turn.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JobError> {
        let (stage, _) = *self.0.at();
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

impl Inner {
    fn of(of: Option<(Key, Arc<Shared>)>) -> Self {
        Self { of, at: Mutex::new((Stage::Fetch, Instant::now())), turn: Mutex::default() }
    }

    fn at(&self) -> MutexGuard<'_, (Stage, Instant)> {
        self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self) -> MutexGuard<'_, Option<Turn>> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
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
        let attempts = RunningAttempts::default();
        let running = attempts.begin(&lease);
        running.enter(Stage::Flag);
        let (end, ended) = mpsc::channel::<()>();
        let late = running.compute(Duration::ZERO, move || ended.recv()).await;
        assert!(matches!(late, Err(JobError::Deadline { stage: Stage::Flag, .. })), "{late:?}");
        drop(running);
        assert_eq!(attempts.stage_of(&lease).map(|(stage, _)| stage), Some(Stage::Flag));
        assert!(tokio::time::timeout(Duration::from_millis(1), attempts.ended(&lease)).await.is_err());
        end.send(()).unwrap();
        attempts.ended(&lease).await;
        assert_eq!(attempts.stage_of(&lease), None);
    }
}
