//! The one atomic operation of a store: a process says all it has and wants, and hears what became of it.

use std::sync::Arc;

use async_trait::async_trait;
use earmark_core::{Lane, Tenant};

use crate::error::PermitsError;

/// What a process says of itself: the whole truth each time. A place that the store has for it and that is in none of
/// the three lists is given back by that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeRequest {
    /// One life of one process; never used twice.
    pub process: String,
    /// Rises with each exchange of the process; what comes late, after a later one, changes nothing.
    pub sequence: u64,
    /// The pool's limits and times.
    pub terms: Terms,
    /// Who waits, in order of arrival.
    pub waiting: Vec<Waiter>,
    /// How many more wait who cannot be next.
    pub more_waiting: usize,
    /// Places whose permits live: to be renewed.
    pub held: Vec<Holder>,
    /// Tickets of places to be kept until their leases end, and not to be renewed.
    pub left: Vec<u64>,
    /// Whether the provider has throttled us since the last exchange.
    pub was_throttled: bool,
}

/// A pool's limits and times, the same for all its processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Permits there are by configuration, at least one.
    pub limit: usize,
    /// Places each lane has for itself when it needs them: webhook, call, archive.
    pub reserves: [usize; 3],
    /// How long a place stays without being renewed.
    pub lease_ms: i64,
    /// How much longer before somebody else gets it.
    pub grace_ms: i64,
    /// After this long without an exchange a process no longer waits.
    pub silence_ms: i64,
    /// After a throttling, one more permit is back each time this has passed.
    pub recover_ms: i64,
}

impl Terms {
    /// Places that `lane` has for itself when it needs them.
    pub(crate) fn reserve(&self, lane: Lane) -> usize {
        self.reserves[lane_number(lane)]
    }
}

/// The number of `lane` in [`Terms::reserves`] and in the script: 0 for the most urgent.
pub(crate) fn lane_number(lane: Lane) -> usize {
    match lane {
        Lane::Webhook => 0,
        Lane::Call => 1,
        Lane::Archive => 2,
    }
}

/// One request that waits for a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiter {
    /// Its number in its process; never used twice.
    pub ticket: u64,
    /// How urgent its job is.
    pub lane: Lane,
    /// Whose job it is.
    pub tenant: Tenant,
}

/// One request that has a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The number under which it waited.
    pub ticket: u64,
    /// How urgent its job is.
    pub lane: Lane,
    /// Whose job it is.
    pub tenant: Tenant,
    /// The fence of its place.
    pub fence: u64,
}

/// A place given to a waiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// The number under which it waited.
    pub ticket: u64,
    /// Higher than that of every place given before, after a flush of the store too; below 2^53.
    pub fence: u64,
}

/// What the store answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExchangeReply {
    /// Places given to waiters of this process, in order of their fences.
    pub granted: Vec<Grant>,
    /// Tickets of `held` whose places are no longer theirs.
    pub lost: Vec<u64>,
    /// Places taken, over all processes.
    pub in_flight: usize,
    /// Waiting, over all processes.
    pub waiting: usize,
    /// Permits there are now, after adaptation.
    pub limit_now: usize,
    /// For this long nobody is granted anything: the store has forgotten who holds what.
    pub hold_off_ms: i64,
    /// While somebody waits: when something changes by the mere passing of time.
    pub next_ms: Option<i64>,
}

/// Where the processes of a pool meet. One store serves one [`crate::Pool`], except [`crate::MemoryStore`].
#[async_trait]
pub trait Store: Send + Sync {
    /// Takes in what the process says, gives away what is free, and answers: atomically over all processes.
    ///
    /// # Errors
    /// [`PermitsError`] when the store fails; whether it took effect is then unknown, and saying all again is right.
    async fn exchange(&self, request: &ExchangeRequest) -> Result<ExchangeReply, PermitsError>;

    /// Waits until another process may have handed a place to `process`. May err in both directions: only the next
    /// exchange tells.
    async fn wait_for_grant(&self, process: &str);
}

#[async_trait]
impl<S: Store + ?Sized> Store for Arc<S> {
    async fn exchange(&self, request: &ExchangeRequest) -> Result<ExchangeReply, PermitsError> {
        (**self).exchange(request).await
    }

    async fn wait_for_grant(&self, process: &str) {
        (**self).wait_for_grant(process).await;
    }
}
