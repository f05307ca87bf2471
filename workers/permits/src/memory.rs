//! A store in memory, for the pools of one process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::error::PermitsError;
use crate::exchange::{ExchangeReply, ExchangeRequest, Store};
use crate::scheduler::Scheduler;

/// Permits of one process, for a recogniser that only this process uses.
#[derive(Debug)]
pub struct MemoryStore {
    since: Instant,
    shared: Mutex<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    scheduler: Scheduler,
    /// What wakes a process that was handed a place by another.
    wakers: HashMap<String, Arc<Notify>>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self { since: Instant::now(), shared: Mutex::default() }
    }
}

impl MemoryStore {
    /// As after a flush of Redis: forgets who holds what, and grants nothing for `lease_ms`.
    #[doc(hidden)]
    pub fn forget(&self, lease_ms: i64) {
        self.lock().scheduler = Scheduler::forgotten(self.now_ms() + lease_ms);
    }

    fn now_ms(&self) -> i64 {
        i64::try_from(self.since.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // The scheduler is whole after every exchange, so a panic elsewhere leaves it sound.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn exchange(&self, request: &ExchangeRequest) -> Result<ExchangeReply, PermitsError> {
        let mut shared = self.lock();
        let (reply, woken) = shared.scheduler.exchange(self.now_ms(), request);
        for process in woken {
            shared.wakers.entry(process).or_default().notify_one();
        }
        Ok(reply)
    }

    async fn wait_for_grant(&self, process: &str) {
        let waker = Arc::clone(self.lock().wakers.entry(process.to_owned()).or_default());
        waker.notified().await;
    }
}
