//! Delivery of journaled jobs to workers, and what becomes of each try.
//!
//! [`Queue`] is the seam: it hands out leased jobs. [`Worker`] takes a slot first, then a lease, keeps leases alive,
//! and ends every try as its error says. The journal is the truth: whatever a queue forgets, the sweep finds.
//!
//! With one machine the journal itself is the queue ([`JournalQueue`]). With many it is [`RedisQueue`]: ids of jobs in a
//! stream per lane ([`Streams`]), which every process's [`Broker`] keeps filled ([`Dispatcher`]) from the journal. The
//! broker also takes what producers write to the intake stream and publishes how it ended.
//!
//! ```text
//!  on Redis only: broker, a process's part in it                  stats: what lies in the streams
//!     intake, intake/offer    producers' entries -> journal
//!     dispatcher              journal -> a stream per lane
//!     streams                 a stream per lane -> entries of this process
//!     streams/scripts, *.lua  what the server does in one step
//!     outcomes                journal -> ends of jobs and of entries that became none, for producers
//!     ownership               whose the queue is: one journal's
//!     keys                    every key and what it holds
//!     connection              to the server, made again after a failure     health: whether it does what it should
//!     examine                 the server proved, before it is used          queue_alerts: who hears when it does not
//!
//!  lib                        Queue: hands out leased jobs
//!     +-- journal_queue       the journal itself
//!     +-- redis_queue         entries of streams, each leased in the journal
//!     |
//!  worker                     slots filled, leases kept, the dead swept, an orderly end
//!     slots                   how many jobs of each lane may be taken now
//!     fill_slots              a slot first, then a job for it
//!     tasks, apalis_backend   a task for each job, run by apalis
//!     |
//!  attempt_runner             one try: the lease kept, the Handler's work done, its outcome written
//!     leased_jobs             whose leases are renewed, and whose work is to stop
//!     backoff                 how long to wait before the next try
//! ```

mod apalis_backend;
mod attempt_runner;
mod backoff;
mod broker;
mod connection;
mod dispatcher;
mod examine;
mod fill_slots;
mod health;
mod intake;
mod journal_queue;
mod keys;
mod leased_jobs;
mod outcomes;
mod ownership;
mod queue_alerts;
mod redis_queue;
mod slots;
mod stats;
mod streams;
mod tasks;
mod worker;

use std::time::Duration;

use async_trait::async_trait;
use earmark_core::{Disposition, Job, Lease, Problem, Stage};
use earmark_journal::JournalError;
use tokio_util::sync::CancellationToken;

pub use attempt_runner::{AttemptOutcome, AttemptRunner};
pub use backoff::Backoff;
pub use broker::Broker;
pub use dispatcher::{DispatchError, Dispatcher};
pub use earmark_redis::{Finding, Weight};
pub use examine::ExamineError;
pub use fill_slots::Source;
pub use health::Health;
pub use journal_queue::JournalQueue;
pub use ownership::Stranger;
pub use redis_queue::RedisQueue;
pub use slots::Openings;
pub use streams::{Entry, Streams};
pub use tasks::{Work, work_through};
pub use worker::{Worker, WorkerEnd, WorkerOptions};

/// Hands out leased jobs.
#[async_trait]
pub trait Queue: Send + Sync {
    /// The next job of a lane that is open, leased; none when there is nothing to do now.
    ///
    /// # Errors
    /// [`JournalError`] when the journal cannot be asked; it is asked again later.
    async fn next(&self, open: &Openings) -> Result<Option<(Job, Lease)>, JournalError>;

    /// Returns when there may be something to do in a lane that is open. May be dropped at any time.
    async fn wait(&self, open: &Openings);
}

/// Does the work of one job.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Takes the job the whole way and writes its result under `lease`. Stops soon after `stop` is cancelled. May be
    /// called twice for one job: after a crash, or after an error.
    ///
    /// # Errors
    /// [`Failed`], with the job's fate.
    async fn handle(&self, job: &Job, lease: &Lease, stop: &CancellationToken) -> Result<(), Failed>;

    /// What still runs for `lease` although its `handle` has returned or was dropped: a thread cannot be stopped from
    /// outside.
    fn left_behind(&self, _lease: &Lease) -> Option<LeftBehind> {
        None
    }

    /// Returns once nothing runs for `lease` any more.
    async fn quiet(&self, _lease: &Lease) {}
}

/// Work that goes on though nobody waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftBehind {
    /// The stage whose thread runs on.
    pub stage: Stage,
    /// How long ago the stage began.
    pub running: Duration,
}

/// Why a try failed.
#[derive(Debug, Clone)]
pub struct Failed {
    /// As it is stored and shown.
    pub problem: Problem,
    /// What becomes of the job.
    pub disposition: Disposition,
    /// What it waits for, where that is away: it is woken as soon as that answers.
    pub waits_for: Option<Box<AwaitedPlace>>,
    /// How long this worker takes nothing new: it lacks something of its own, and other workers may do the job.
    pub rest: Option<Duration>,
}

impl Failed {
    /// A failure that no place has anything to do with.
    pub fn new(problem: Problem, disposition: Disposition) -> Self {
        Self { problem, disposition, waits_for: None, rest: None }
    }
}

/// A place that is away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwaitedPlace {
    /// As the journal calls it.
    pub name: String,
    /// How long it asks to be left alone; the job is not tried before.
    pub asked_for: Duration,
}
