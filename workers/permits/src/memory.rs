//! A store in memory, for the pools of one process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::PermitsError;
use crate::board::Board;
use crate::exchange::{Heard, Store, Told};

/// Permits of one process, for a recogniser that only this process uses.
#[derive(Debug)]
pub struct MemoryStore {
    since: Instant,
    shared: Mutex<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    board: Board,
    bells: HashMap<String, Arc<Notify>>,
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
        self.lock().board = Board::forgotten(self.now_ms() + lease_ms);
    }

    fn now_ms(&self) -> i64 {
        i64::try_from(self.since.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // The board is whole after every exchange, so a panic elsewhere leaves it sound.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn exchange(&self, told: &Told) -> Result<Heard, PermitsError> {
        let mut shared = self.lock();
        let (heard, woken) = shared.board.exchange(self.now_ms(), told);
        for process in woken {
            shared.bells.entry(process).or_default().notify_one();
        }
        Ok(heard)
    }

    async fn hint(&self, process: &str) {
        let bell = Arc::clone(self.lock().bells.entry(process.to_owned()).or_default());
        bell.notified().await;
    }
}
