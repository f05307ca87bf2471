//! The journal: every job, where it stands, and who may work on it. It is the truth; a queue only delivers.
//!
//! ```text
//!                 accept                lease_next                    finish
//!   (nothing) ----------->  ready  ------------------->  leased  -------------->  done
//!                            | ^                          | | |
//!                            | |  release, retry_at,      | | |  bury, quarantine
//!                            | +-- sweep, recover --------+ | +------------------>  dead
//!                            |                              |                        |
//!                     cancel |                finish_cancel |                        | retry
//!                            +------> cancelled <-----------+                        |
//!                                         |  retry                                   |
//!                            ready <------+------------------------------------------+
//! ```
//!
//! A lease carries an epoch. Every write of a holder names job, epoch and holder; once the job has moved on the write
//! matches no row and is [`StorageError::LeaseLost`](crate::StorageError::LeaseLost).

mod blame;
mod cancel;
mod clips;
mod dispatch;
mod early;
mod holder;
mod hung;
mod insert;
mod intake;
mod intakes;
mod lease;
mod outcomes;
mod query;
mod row;
mod sweep;
mod workers;

use earmark_core::{Job, JobState, Lane, Lease, Tenant};
use tokio::sync::watch;

use crate::database::Database;

pub(crate) use blame::make_due;
pub use clips::{SavedClip, Spent};
pub(crate) use holder::{Ending, actor_of, become_final, event, held};
pub use outcomes::{Outcome, Unannounced};
pub use sweep::QUARANTINE_DEATHS;
pub use workers::WorkerInfo;

/// The journal in the database. Clones share it.
#[derive(Debug, Clone)]
pub struct Journal {
    db: Database,
}

/// What became of an offered job.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// The job as it stands now.
    pub job: Job,
    /// False when its key belonged to a job that was there already, which this is.
    pub is_new: bool,
}

/// How things stand with a lease that was to be renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Still ours, with new time.
    Held,
    /// Still ours, with new time to stop in: someone called the job off.
    CancelRequested,
    /// Not ours any more: stop, and write nothing.
    Lost,
}

/// The answer to a renewal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseState {
    /// Which lease.
    pub lease: Lease,
    /// How things stand with it.
    pub hold: Hold,
}

/// What became of the wish to call a job off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelOutcome {
    /// Nobody held it: it is called off.
    Cancelled,
    /// A worker holds it and will hear of it at its next renewal.
    Requested,
    /// Too late.
    AlreadyFinal(JobState),
}

/// Which jobs to list. Everything that is set must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFilter {
    /// Whose.
    pub tenant: Option<Tenant>,
    /// With this producer's key.
    pub key: Option<String>,
    /// In this lane.
    pub lane: Option<Lane>,
    /// In this state.
    pub state: Option<JobState>,
    /// Accepted at this instant or later.
    pub since_ms: Option<i64>,
    /// At most this many.
    pub limit: u32,
    /// Only jobs older than this one: the last of the page before.
    pub after: Option<earmark_core::JobId>,
}

impl Default for JobFilter {
    fn default() -> Self {
        Self { tenant: None, key: None, lane: None, state: None, since_ms: None, limit: 100, after: None }
    }
}

/// How many jobs of a lane are in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// Lane.
    pub lane: Lane,
    /// State.
    pub state: JobState,
    /// How many.
    pub jobs: u64,
    /// Since the oldest of them was accepted, in milliseconds.
    pub oldest_age_ms: i64,
}

/// What a sweep or a recovery did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Jobs that may be taken again.
    pub freed: Vec<earmark_core::JobId>,
    /// Jobs given up because their workers died over and over.
    pub quarantined: Vec<earmark_core::JobId>,
    /// Jobs whose cancellation was waiting for a holder that is gone.
    pub cancelled: Vec<earmark_core::JobId>,
}

impl SweepReport {
    /// Nothing had to be done.
    pub fn is_empty(&self) -> bool {
        self.freed.is_empty() && self.quarantined.is_empty() && self.cancelled.is_empty()
    }
}

impl Journal {
    /// The journal of `db`.
    pub fn new(db: Database) -> Self {
        Self { db }
    }

    /// Changes whenever this process makes a job ready, so that a dispatcher need not wait for its next look.
    pub fn ready_changes(&self) -> watch::Receiver<u64> {
        self.db.ready_changes()
    }

    fn tell_ready(&self) {
        self.db.tell_ready();
    }
}
