//! Requests in flight: one permit per request, held exactly while it runs, never more than the account allows, over any
//! number of processes.
//!
//! [`PermitPool`] is the seam, [`Pool`] the one that is there: it gathers what its process wants and has, and settles it
//! with all the others in one atomic exchange ([`Told`], [`Heard`]) with a [`Store`]: in memory for one process
//! ([`MemoryStore`]), in the journal's database ([`SqlStore`]) or in Redis ([`RedisStore`]). Who is next is decided in
//! the exchange, over the waiters of all processes: by [`Board`] in memory and in the database, by `exchange.lua` in
//! Redis; a test holds the two to the same decisions.

mod board;
mod error;
mod exchange;
mod memory;
mod options;
mod permit;
mod pool;
mod redis;
mod sql;

use async_trait::async_trait;
use earmark_core::{Lane, Tenant};

pub use board::Board;
pub use error::PermitsError;
pub use exchange::{Grant, Heard, Holder, Store, Terms, Told, Waiter};
pub use memory::MemoryStore;
pub use options::PoolOptions;
pub use permit::Permit;
pub use pool::Pool;
pub use redis::RedisStore;
pub use sql::SqlStore;

/// Who asks for a permit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    /// How urgent the job is.
    pub lane: Lane,
    /// Whose job it is; tenants of a lane take turns.
    pub tenant: Tenant,
}

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
