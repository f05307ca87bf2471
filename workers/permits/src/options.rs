//! The settings of a pool.

use std::time::Duration;

use crate::exchange::Terms;

/// One account's permits and the times they live by. All processes of a pool must be told the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolOptions {
    /// Whose permits: account and model, `account/model`.
    pub key: String,
    /// Permits there are, at least one.
    pub limit: usize,
    /// Places that webhooks cannot take from waiting calls (default 1; none under a limit of 3).
    pub reserve_call: usize,
    /// Places that webhooks and calls cannot take from the waiting archive (default 1; none under a limit of 3).
    pub reserve_archive: usize,
    /// How long a place stays with a holder that is not heard of (default 14.5 s: a dead holder's place is in use
    /// again after 15 s, the way to whoever is next included).
    pub lease: Duration,
    /// How often holders say that they live (default 4 s).
    pub renew_every: Duration,
    /// Not having been heard for this long, a holder must let go (default 10 s).
    pub give_up_after: Duration,
    /// How much longer a dead holder's place stays taken, for what the provider still runs for it (default 0).
    pub dead_holder_grace: Duration,
    /// After a throttling, one more permit is back each time this has passed (default 30 s).
    pub recover_every: Duration,
}

impl PoolOptions {
    /// `limit` permits (at least one) for `key`, all else by default.
    pub fn new(key: impl Into<String>, limit: usize) -> Self {
        Self {
            key: key.into(),
            limit: limit.max(1),
            reserve_call: 1,
            reserve_archive: 1,
            lease: Duration::from_millis(14_500),
            renew_every: Duration::from_secs(4),
            give_up_after: Duration::from_secs(10),
            dead_holder_grace: Duration::ZERO,
            recover_every: Duration::from_secs(30),
        }
    }

    /// What a waiting process must not be silent for, lest it lose its place in the queue: a fifth of the lease, 3 s.
    pub(crate) fn silence(&self) -> Duration {
        self.lease / 5
    }

    /// The part that the store has to know.
    pub(crate) fn terms(&self) -> Terms {
        let ms = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 4);
        let limit = self.limit.max(1);
        let reserves = if limit < 3 { [0; 3] } else { [0, self.reserve_call, self.reserve_archive] };
        Terms {
            limit,
            reserves,
            lease_ms: ms(self.lease).max(1),
            grace_ms: ms(self.dead_holder_grace),
            silence_ms: ms(self.silence()).max(1),
            recover_ms: ms(self.recover_every).max(1),
        }
    }
}
