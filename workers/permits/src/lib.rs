//! Requests in flight: one permit per request, held exactly while it runs, never more than the account allows, over any
//! number of processes.
//!
//! [`PermitPool`] is the seam, [`Pool`] the one that is there. It gathers what its process wants and has, and exchanges
//! that with a [`Store`] in one atomic step; who is next is decided there, over the waiters of all processes. A test
//! holds the scheduler and the script to the same decisions.
//!
//! ```text
//!  lib            PermitPool: what the pipeline asks of a pool
//!  permit         who asks, the permit, and what the pool's task hears of both
//!     |
//!  pool           a process's waiters and permits                options: its limit and times
//!  pool/actor     its task: one exchange at a time, permits handed to those who wait
//!     |
//!  exchange       ExchangeRequest -> Store -> ExchangeReply       error: why a store did not answer
//!     |
//!     +-- memory                       one process
//!     +-- sql                          processes on one database
//!     |     sql/notification_socket    wakes a process of this machine that was handed a place
//!     +-- redis                        processes on one Redis
//!     |     redis/wire                 the exchange as arguments and answer of the script
//!     |     redis/exchange.lua         the decisions, on the server
//!     |
//!  scheduler      who holds, who waits, who is next: the decisions, for memory and sql
//! ```

mod error;
mod exchange;
mod memory;
mod options;
mod permit;
mod pool;
mod redis;
mod scheduler;
mod sql;

use async_trait::async_trait;

pub use error::PermitsError;
pub use exchange::{ExchangeReply, ExchangeRequest, Grant, Holder, Store, Terms, Waiter};
pub use memory::MemoryStore;
pub use options::PoolOptions;
pub use permit::{Asker, Permit};
pub use pool::Pool;
pub use redis::RedisStore;
pub use sql::SqlStore;

/// How a pool stood when it last heard from its store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolStatus {
    /// Permits there are by configuration.
    pub limit: usize,
    /// Permits there are now, after adaptation.
    pub limit_now: usize,
    /// Places taken, over all processes; those of the dead until they are back.
    pub in_flight: usize,
    /// Waiting, over all processes.
    pub waiting: usize,
    /// Whether the store answered the last time; true until it was asked.
    pub is_reachable: bool,
}

/// Permits for requests to one recogniser.
#[async_trait]
pub trait PermitPool: Send + Sync {
    /// Waits for a permit: the most urgent lane first, within a lane tenants in turn, within a tenant first come first
    /// served. Dropping the permit, or the future, gives the place back. Never fails: while the store cannot be reached
    /// nobody is granted anything.
    async fn acquire(&self, asker: &Asker) -> Permit;

    /// The provider said 1302: halves what may be in flight; at least one stays. Not heard for a second after the last
    /// halving. It recovers one by one, each `recover_every` since the halving.
    fn throttled(&self);

    /// How the pool stood when it last heard from its store.
    fn status(&self) -> PoolStatus;

    /// Permits there are by configuration.
    fn limit(&self) -> usize;
}
