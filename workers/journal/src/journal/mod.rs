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
//! matches no row and is [`JournalError::LeaseLost`](crate::JournalError::LeaseLost). These are all of them: `renew`,
//! `release`, `retry_at`, `bury`, `finish_cancel`, `hung`, `set_blameless`, `set_clips_total`, `book_request`, `save_clip`,
//! `save_clips`, `reuse_clips`, `tell_early`, and [`ResultStore::finish`](crate::ResultStore::finish), which alone may be
//! repeated by the lease that ended the job. `settle_request` has no fence: what was sent was sent, and it writes nothing
//! of the job. Files know none either: `check_held` comes before them, and their hashes stand in the job's last entry.

mod answer;
mod blame;
mod cancel;
mod caps;
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
mod pause;
mod query;
mod reuse;
mod row;
mod standing;
mod sweep;
mod workers;

use std::sync::{Arc, PoisonError, RwLock};

use earmark_core::{JobState, Lane, Lease, Standing, Tenant};
use tokio::sync::watch;

use crate::database::Database;

pub use answer::{Accepted, Answer, KeyNames};
pub(crate) use blame::make_due;
pub use caps::Caps;
pub use clips::{SavedClip, Spent};
pub use early::Told;
pub(crate) use holder::{Ending, actor_of, become_final, end, event, held};
pub use outcomes::{Outcome, Unannounced};
pub use pause::Pause;
pub use reuse::Reusable;
pub(crate) use row::job as job_of_row;
pub use standing::{LaneStats, QueueStats, StandingJob};
pub use sweep::QUARANTINE_DEATHS;
pub use workers::{SeenWorker, WorkerCount, WorkerInfo};

/// The journal in the database. Clones share it.
#[derive(Debug, Clone)]
pub struct Journal {
    db: Database,
    /// Jobs that a tenant may have leased.
    caps: Arc<Caps>,
    /// Streams deliver the jobs; otherwise the journal itself does.
    has_streams: bool,
    /// The rule set of jobs that name none, where it is known.
    active_rules: Arc<RwLock<Option<Arc<str>>>>,
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
    /// Standing there, in the words of people.
    pub standing: Option<Standing>,
    /// Accepted at this instant or later.
    pub since_ms: Option<i64>,
    /// At most this many.
    pub limit: u32,
    /// Only jobs older than this one: the last of the page before.
    pub after: Option<earmark_core::JobId>,
}

impl Default for JobFilter {
    fn default() -> Self {
        Self {
            tenant: None,
            key: None,
            lane: None,
            state: None,
            standing: None,
            since_ms: None,
            limit: 100,
            after: None,
        }
    }
}

impl JobFilter {
    /// Only jobs that stand at `standing`, where one is given; `ready` is every job that nobody holds, as it is stored,
    /// those that wait or are paused included.
    #[must_use]
    pub fn standing_at(self, standing: Option<Standing>) -> Self {
        match standing.map(|standing| (standing, standing.state())) {
            None => self,
            Some((_, Some(state))) => Self { state: Some(state), ..self },
            Some((standing, None)) => Self { standing: Some(standing), ..self },
        }
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
        Self { db, caps: Arc::default(), has_streams: false, active_rules: Arc::default() }
    }

    /// The same journal with `caps` on what tenants may have leased.
    #[must_use]
    pub fn with_caps(self, caps: Caps) -> Self {
        Self { caps: Arc::new(caps), ..self }
    }

    /// The same journal where streams deliver the jobs: what is due and in no stream yet is only accepted.
    #[must_use]
    pub fn behind_streams(self) -> Self {
        Self { has_streams: true, ..self }
    }

    /// Says to this journal and its clones that the rule set with the hash `sha256` is in force for jobs that name none;
    /// with other rules a recording is another job. The last word counts.
    pub fn judge_by(&self, sha256: &str) {
        *self.active_rules.write().unwrap_or_else(PoisonError::into_inner) = Some(sha256.into());
    }

    pub(crate) fn active_rules(&self) -> Option<Arc<str>> {
        self.active_rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes whenever this process makes a job ready, so that a dispatcher need not wait for its next look.
    pub fn ready_changes(&self) -> watch::Receiver<u64> {
        self.db.ready_changes()
    }

    fn tell_ready(&self) {
        self.db.tell_ready();
    }
}
