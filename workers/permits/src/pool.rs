//! The pool of one process: waiters and permits on one side, the store on the other, one task between them.

mod actor;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use earmark_journal::Database;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::error::PermitsError;
use crate::exchange::Store;
use crate::memory::MemoryStore;
use crate::options::PoolOptions;
use crate::permit::{Asker, Permit, PoolEvent};
use crate::redis::RedisStore;
use crate::sql::SqlStore;
use crate::{PermitPool, PoolStatus};
use actor::Actor;

/// How long [`Pool::close`] waits for the store.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// The permits of one account and model, as one process has them. Clones are the same pool; when the last one and all
/// permits are gone, everything is given back.
#[derive(Debug, Clone)]
pub struct Pool {
    limit: usize,
    events: UnboundedSender<PoolEvent>,
    tickets: Arc<AtomicU64>,
    status: Arc<Mutex<PoolStatus>>,
    actor: AbortHandle,
}

impl Pool {
    /// A pool that this process shares with nobody. Must be called within a runtime, as all that make a pool.
    pub fn in_memory(options: PoolOptions) -> Self {
        Self::on(MemoryStore::default(), options)
    }

    /// A pool shared by all processes that have this database open.
    pub fn in_database(db: Database, options: PoolOptions) -> Self {
        Self::on(SqlStore::new(db, &options.key), options)
    }

    /// A pool shared by all processes that use this Redis: `redis://`, `rediss://`, or
    /// `redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/DB`. Does not wait for the server.
    ///
    /// # Errors
    /// [`PermitsError::Redis`].
    pub fn in_redis(url: &str, options: PoolOptions) -> Result<Self, PermitsError> {
        Ok(Self::on(RedisStore::open(url, &options.key)?, options))
    }

    /// A pool on any store.
    pub fn on(store: impl Store + 'static, options: PoolOptions) -> Self {
        let (events, received) = unbounded_channel();
        let limit = options.limit.max(1);
        let status =
            Arc::new(Mutex::new(PoolStatus { limit, limit_now: limit, is_reachable: true, ..PoolStatus::default() }));
        let actor = Actor::new(Box::new(store), options, received, events.downgrade(), Arc::clone(&status));
        let actor = tokio::spawn(actor.run()).abort_handle();
        Self { limit, events, tickets: Arc::default(), status, actor }
    }

    /// Gives all back: who waits is never granted a permit, what is held is lost, and its places stay taken until their
    /// leases end. Waits for the store up to 2 s.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.events.send(PoolEvent::Close(done)).is_ok() {
            // An error means that the task is gone already.
            let _ = tokio::time::timeout(CLOSE_WITHIN, closed).await;
        }
    }

    /// Ends the pool as the death of its process would.
    #[doc(hidden)]
    pub fn kill(&self) {
        self.actor.abort();
    }
}

#[async_trait]
impl PermitPool for Pool {
    async fn acquire(&self, asker: &Asker) -> Permit {
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
        let (reply, turn) = oneshot::channel();
        let mut place = Waiting { ticket, events: Some(&self.events) };
        // An error means that the pool is closed: there is no turn to come.
        let _ = self.events.send(PoolEvent::Waits { ticket, asker: asker.clone(), reply });
        match turn.await {
            Ok(permit) => {
                place.events = None;
                permit
            }
            Err(_) => std::future::pending().await,
        }
    }

    fn throttled(&self) {
        // An error means that the pool is closed.
        let _ = self.events.send(PoolEvent::Throttled);
    }

    fn status(&self) -> PoolStatus {
        // Plain data, written whole.
        *self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn limit(&self) -> usize {
        self.limit
    }
}

/// Leaves the queue when dropped.
struct Waiting<'a> {
    ticket: u64,
    events: Option<&'a UnboundedSender<PoolEvent>>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(events) = self.events.take() {
            // An error means that the pool is closed.
            let _ = events.send(PoolEvent::Gone(self.ticket));
        }
    }
}
