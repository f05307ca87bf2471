//! From the journal into the streams: each lane's stream is kept filled to a window, and no further.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use earmark_core::{Failure as _, JobId, Lane, Repeats, WorkerId};
use earmark_journal::{Journal, JournalError};
use earmark_redis::LinkError;
use redis::Value;
use tokio::sync::{Mutex, Notify};
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::connection::Connection;
use crate::health::Part;
use crate::keys::{EPOCH, SLOTS, WORKERS};
use crate::ownership::{self, Claim, ClaimError, Stranger};
use crate::streams::{lane_stream, scripts};

/// Entries for each slot of the live workers: one that is worked on next, one behind it.
const WINDOW: usize = 2;
/// How long a job that was put in a stream is taken to be there.
const MARK: Duration = Duration::from_secs(60);
/// How often the marks of what is still there are renewed.
const RENEW: Duration = Duration::from_secs(20);
/// How long a worker is believed to live after it said so.
const BELIEVED: Duration = Duration::from_secs(15);
/// Waits while the journal fails.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(500), longest: Duration::from_secs(5) };
/// How often to look for what became due, and whether the server has forgotten everything.
const TICK: Duration = Duration::from_millis(500);

/// Keeps the streams filled; one in each process, all at once.
pub struct Dispatcher {
    journal: Journal,
    connection: Connection,
    process: WorkerId,
    claim: Claim,
    /// Of the worker in this process; 0 without one.
    slots: AtomicUsize,
    refill: Arc<Notify>,
    /// As the server told it last; none before the first time.
    epoch: Mutex<Option<String>>,
    /// When the marks were last renewed.
    renewed: Mutex<Option<Instant>>,
}

/// Why jobs could not be put in the streams.
#[derive(Debug, thiserror::Error)]
pub enum DispatchError {
    /// The server failed.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The journal failed.
    #[error(transparent)]
    Storage(#[from] JournalError),
    /// The queue is another journal's.
    #[error(transparent)]
    Stranger(#[from] Stranger),
}

impl From<ClaimError> for DispatchError {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Stranger(stranger) => Self::Stranger(stranger),
            ClaimError::Link(error) => Self::Link(error),
            ClaimError::Storage(error) => Self::Storage(error),
        }
    }
}

/// How the queue stands, as a heartbeat hears it.
struct Beat {
    epoch: (String, bool),
    slots: usize,
    lengths: Vec<usize>,
}

impl Dispatcher {
    /// A dispatcher of `process`, which has no slots yet.
    pub(crate) fn new(journal: Journal, connection: Connection, process: WorkerId, claim: Claim) -> Self {
        Self {
            journal,
            connection,
            process,
            claim,
            slots: AtomicUsize::new(0),
            refill: Arc::default(),
            epoch: Mutex::default(),
            renewed: Mutex::default(),
        }
    }

    /// From now on this process works on `slots` jobs at a time; 0 when it takes nothing any more.
    pub(crate) fn set_slots(&self, slots: usize) {
        self.slots.store(slots, Ordering::Release);
        self.refill.notify_one();
    }

    /// To be notified when a stream has room again.
    pub(crate) fn refill_signal(&self) -> Arc<Notify> {
        Arc::clone(&self.refill)
    }

    /// Dispatches until dropped.
    pub(crate) async fn run(&self) {
        let mut changes = self.journal.ready_changes();
        let (looking, mut failures) = (Repeats::default(), 0_u32);
        loop {
            changes.mark_unchanged();
            match self.fill_once().await {
                Ok(()) => {
                    failures = 0;
                    if let Some(over) = looking.worked() {
                        tracing::info!("looked for jobs that are due again{over}");
                    }
                    self.connection.health().works(Part::Dispatch);
                }
                Err(DispatchError::Link(error)) => {
                    tokio::time::sleep(self.connection.failed(Part::Dispatch, &error).await).await;
                }
                Err(DispatchError::Stranger(_)) => tokio::time::sleep(ownership::PATIENCE).await,
                Err(DispatchError::Storage(error)) => {
                    failures = failures.saturating_add(1);
                    if let Some(again) = looking.failed(error.code()) {
                        tracing::warn!(%error, "could not look for jobs that are due{again}");
                    }
                    tokio::time::sleep(BACKOFF.after(failures)).await;
                }
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = self.refill.notified() => {}
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }

    /// Takes the queue for the journal, where it is nobody's.
    pub(crate) async fn claim(&self) -> Result<(), DispatchError> {
        Ok(self.claim.take(&self.connection).await?)
    }

    /// Fills the streams once.
    ///
    /// # Errors
    /// [`DispatchError`].
    pub async fn fill_once(&self) -> Result<(), DispatchError> {
        self.claim().await?;
        let Beat { epoch, slots, lengths } = self.heartbeat().await?;
        self.check_epoch(epoch).await?;
        let window = WINDOW * slots;
        for (lane, length) in Lane::ALL.iter().zip(&lengths) {
            if *length < window {
                self.fill(*lane, window - length, window).await?;
            }
        }
        self.renew_marks(&lengths).await
    }

    /// Says that this process lives; hears the epoch, the slots of all live workers, the length of each stream, and
    /// whether the server is full.
    async fn heartbeat(&self) -> Result<Beat, LinkError> {
        let mut call = scripts::HEARTBEAT.key(WORKERS);
        call.key(SLOTS).key(EPOCH);
        for lane in Lane::ALL {
            call.key(lane_stream(*lane));
        }
        call.arg(self.process.as_str()).arg(self.slots.load(Ordering::Acquire)).arg(millis(BELIEVED));
        // Of this heartbeat alone, so that it is known again only when it was there.
        call.arg(WorkerId::fresh().as_str());
        let (epoch, slots, lengths, is_full): (_, _, _, bool) = self.connection.run(&call).await?;
        self.connection.health().fullness(is_full.then(|| earmark_redis::full(self.connection.place())));
        Ok(Beat { epoch, slots, lengths })
    }

    /// When the server has forgotten the streams, so does the journal.
    async fn check_epoch(&self, (epoch, is_new): (String, bool)) -> Result<(), JournalError> {
        let mut known = self.epoch.lock().await;
        let is_same = known.as_deref().is_none_or(|known| known == epoch);
        if is_new || !is_same {
            let jobs = self.journal.forget_queued().await?;
            if jobs > 0 {
                tracing::warn!(jobs, "the queue had lost what it knew; its jobs are put there again");
            }
        }
        *known = Some(epoch);
        Ok(())
    }

    async fn fill(&self, lane: Lane, room: usize, window: usize) -> Result<(), DispatchError> {
        let jobs = self.journal.queue_due(lane, room, mark_ms()).await?;
        if jobs.is_empty() {
            return Ok(());
        }
        // Another process may have filled it since: what is too much stays in the journal.
        let pushed = self.push(lane, &jobs, window).await;
        let kept = pushed.as_ref().map_or(0, |pushed| *pushed);
        if kept < jobs.len() {
            self.journal.mark_queued(&jobs[kept..], 0).await?;
        }
        pushed?;
        Ok(())
    }

    /// Adds `jobs` to the stream of `lane` while it is shorter than `window`; gives how many.
    async fn push(&self, lane: Lane, jobs: &[JobId], window: usize) -> Result<usize, LinkError> {
        let mut call = scripts::PUSH.key(lane_stream(lane));
        call.arg(window);
        for job in jobs {
            call.arg(job.as_str());
        }
        self.connection.run(&call).await
    }

    /// Now and then: what is still in the streams stays marked, however long it waits there.
    async fn renew_marks(&self, lengths: &[usize]) -> Result<(), DispatchError> {
        let mut renewed = self.renewed.lock().await;
        if renewed.get_or_insert_with(Instant::now).elapsed() < RENEW {
            return Ok(());
        }
        *renewed = Some(Instant::now());
        let mut pipeline = redis::pipe();
        for (lane, length) in Lane::ALL.iter().zip(lengths) {
            pipeline.cmd("XRANGE").arg(lane_stream(*lane)).arg("-").arg("+").arg("COUNT").arg((*length).max(1));
        }
        let replies: Vec<Vec<Value>> = self.connection.send(&pipeline).await?;
        let mut jobs = Vec::new();
        for entries in replies {
            for (_, fields) in scripts::entries(entries).map_err(|error| self.connection.wrong(error))? {
                jobs.extend(JobId::parse(&scripts::job_of(&fields)));
            }
        }
        Ok(self.journal.mark_queued(&jobs, mark_ms()).await?)
    }
}

fn mark_ms() -> i64 {
    i64::try_from(MARK.as_millis()).unwrap_or(i64::MAX)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
