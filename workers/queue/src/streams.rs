//! Delivery over Redis Streams: ids of jobs, a stream per lane, one consumer group. Knows nothing of the journal.
//!
//! An entry lies in its stream until a consumer acknowledges it (`XACK` and `XDEL`). Whoever reads it has it pending;
//! what is pending for 30 s is put back for anybody ([`maintain`](Streams::maintain)), so it is acknowledged as soon as
//! the job's lease is taken and never stays with a consumer that has no slot for it.

pub(crate) mod scripts;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use earmark_core::Lane;
use earmark_redis::{Link, LinkError};
use redis::Value;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::connection::Connection;
use crate::fill_slots::Source;
use crate::health::{Health, Part};
use crate::keys::{INTAKE, WORKERS};
use crate::slots::Openings;
use scripts::{Entries, Lanes};

/// Of every stream here.
pub(crate) const GROUP: &str = "earmark";
/// How long the server waits for an entry, below the library's limit for an answer.
const BLOCK: Duration = Duration::from_secs(1);
/// Pending for longer than this, an entry's reader is taken to be dead.
const DEAD_READER: Duration = Duration::from_secs(30);
/// A consumer that is silent for longer than this and no live worker's is removed.
const DEAD_CONSUMER: Duration = Duration::from_secs(60);
/// An entry read for which there is no slot for this long is put back for others.
const SLOTLESS: Duration = Duration::from_secs(1);
/// Most entries of a stream that are looked at again after a reconnect.
const REREAD: usize = 1000;

/// The stream of a lane.
pub(crate) fn lane_stream(lane: Lane) -> &'static str {
    match lane {
        Lane::Webhook => "earmark:lane:webhook",
        Lane::Call => "earmark:lane:call",
        Lane::Archive => "earmark:lane:archive",
    }
}

/// An entry of a lane's stream, pending for its reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Of which stream.
    pub lane: Lane,
    /// The job's id.
    pub job: String,
    id: String,
}

/// The streams as one consumer reads them.
pub struct Streams {
    consumer: String,
    connection: Connection,
    /// For the one call that waits: on a connection of its own, so that nothing else waits with it.
    waiting: Connection,
    /// Read and not yet given out.
    buffered: Mutex<VecDeque<(Instant, Entry)>>,
    arrived: Notify,
    /// Lanes to wait for; none while nobody waits.
    wanted: watch::Sender<Vec<Lane>>,
    /// Given out and done with.
    acknowledged: Mutex<Vec<Entry>>,
    has_acknowledged: Notify,
    /// An answer may have been lost: what is pending for us has to be read again.
    is_broken: AtomicBool,
}

impl Streams {
    /// The streams at `link` as `consumer`, a name never used before, reads them. Does not connect.
    pub fn new(link: Arc<Link>, health: Arc<Health>, consumer: &str) -> Self {
        Self {
            consumer: consumer.into(),
            connection: Connection::new(Arc::clone(&link), Arc::clone(&health), Duration::ZERO),
            waiting: Connection::new(link, health, BLOCK),
            buffered: Mutex::default(),
            arrived: Notify::new(),
            wanted: watch::Sender::new(Vec::new()),
            acknowledged: Mutex::default(),
            has_acknowledged: Notify::new(),
            is_broken: AtomicBool::new(false),
        }
    }

    /// Adds `jobs` to the stream of `lane`.
    ///
    /// # Errors
    /// [`LinkError::Redis`]; some may have been added.
    pub async fn push(&self, lane: Lane, jobs: &[String]) -> Result<(), LinkError> {
        let mut pipeline = redis::pipe();
        for job in jobs {
            pipeline.cmd("XADD").arg(lane_stream(lane)).arg("*").arg("job").arg(job).ignore();
        }
        self.connection.send(&pipeline).await
    }

    /// An entry of a lane that is open, the most urgent lane first; none when there is none now. Never waits for one.
    ///
    /// # Errors
    /// [`LinkError::Redis`].
    pub async fn take(&self, open: &Openings) -> Result<Option<Entry>, LinkError> {
        if self.is_broken.swap(false, Ordering::AcqRel) {
            self.note_failure(self.reread_pending().await)?;
        }
        if let Some(entry) = self.pop(open) {
            return Ok(Some(entry));
        }
        let lanes = match self.read(open).await {
            Err(error) if error.refusal() == Some("NOGROUP") => {
                self.make_groups().await?;
                self.read(open).await
            }
            read => read,
        };
        self.buffer(self.note_failure(lanes)?);
        self.connection.health().works(Part::Take);
        Ok(self.pop(open))
    }

    /// Lets the server rest after `error`, which [`take`](Self::take) gave.
    pub(crate) async fn rest(&self, error: &LinkError) {
        tokio::time::sleep(self.connection.failed(Part::Take, error).await).await;
    }

    /// Gives `entry` back to be taken again by this consumer; after a second without a slot by anybody.
    pub(crate) fn put_back(&self, entry: Entry) {
        lock(&self.buffered).push_front((Instant::now(), entry));
    }

    /// `entry` is done with. It is removed soon, together with others; if that fails it is delivered again.
    pub fn acknowledge(&self, entry: Entry) {
        lock(&self.acknowledged).push(entry);
        self.has_acknowledged.notify_one();
    }

    /// Returns when an entry of a lane that is open may have come, or the server is back. May be dropped at any time.
    pub async fn wait_for_entry(&self, open: &Openings) {
        self.wanted.send_replace(open.lanes());
        self.arrived.notified().await;
        self.wanted.send_replace(Vec::new());
    }

    /// Keeps the streams going, until dropped: waits for entries, removes what is acknowledged, puts back what nobody
    /// acknowledges, removes consumers that are gone.
    pub async fn maintain(&self) {
        tokio::join!(self.listen(), self.remove_acknowledged(), self.return_slotless(), self.clean_up());
    }

    /// Removes what is acknowledged and hands what else is pending to others. Nothing is to be taken after this.
    pub async fn close(&self) {
        self.waiting.hang_up().await;
        lock(&self.buffered).clear();
        let closed = async {
            self.remove_now().await?;
            self.reread_pending().await?;
            let rest: Vec<Entry> = lock(&self.buffered).drain(..).map(|(_, entry)| entry).collect();
            self.return_all(&rest).await
        };
        if let Err(error) = closed.await {
            tracing::debug!(%error, "could not hand entries back; others take them when their time is over");
        }
    }

    /// Reads what is pending for this consumer again: an answer that told of it may have been lost.
    async fn reread_pending(&self) -> Result<(), LinkError> {
        let mut pipeline = redis::pipe();
        for lane in Lane::ALL {
            pipeline.cmd("XREADGROUP").arg("GROUP").arg(GROUP).arg(&self.consumer);
            pipeline.arg("COUNT").arg(REREAD).arg("STREAMS").arg(lane_stream(*lane)).arg("0");
        }
        let replies: Vec<Value> = match self.connection.send(&pipeline).await {
            Err(error) if error.refusal() == Some("NOGROUP") => return self.make_groups().await,
            replies => replies?,
        };
        let mut buffered = VecDeque::new();
        for (lane, reply) in Lane::ALL.iter().zip(replies) {
            for (id, fields) in scripts::stream(reply).map_err(|error| self.connection.wrong(error))? {
                buffered.push_back((Instant::now(), Entry { lane: *lane, job: scripts::job_of(&fields), id }));
            }
        }
        *lock(&self.buffered) = buffered;
        Ok(())
    }

    async fn read(&self, open: &Openings) -> Result<Lanes, LinkError> {
        let mut call = scripts::READ.prepare_invoke();
        for lane in Lane::ALL {
            call.key(lane_stream(*lane));
        }
        call.arg(GROUP).arg(&self.consumer).arg(open.room());
        for lane in Lane::ALL {
            call.arg(open.of(*lane));
        }
        self.connection.run(&call).await
    }

    async fn make_groups(&self) -> Result<(), LinkError> {
        for lane in Lane::ALL {
            make_group(&self.connection, lane_stream(*lane)).await?;
        }
        Ok(())
    }

    fn buffer(&self, lanes: Lanes) {
        let now = Instant::now();
        let mut buffered = lock(&self.buffered);
        for (lane, entries) in Lane::ALL.iter().zip(lanes) {
            for (id, fields) in entries {
                buffered.push_back((now, Entry { lane: *lane, job: scripts::job_of(&fields), id }));
            }
        }
    }

    /// The first entry read of the most urgent lane that is open.
    fn pop(&self, open: &Openings) -> Option<Entry> {
        let mut buffered = lock(&self.buffered);
        let mut places = open.lanes().into_iter();
        let at = places.find_map(|lane| buffered.iter().position(|(_, entry)| entry.lane == lane))?;
        buffered.remove(at).map(|(_, entry)| entry)
    }

    /// Remembers that an answer may have been lost.
    fn note_failure<T>(&self, result: Result<T, LinkError>) -> Result<T, LinkError> {
        if result.is_err() {
            self.is_broken.store(true, Ordering::Release);
        }
        result
    }

    async fn listen(&self) {
        let mut wanted = self.wanted.subscribe();
        let mut has_failed = false;
        loop {
            let lanes = match wanted.wait_for(|lanes| !lanes.is_empty()).await {
                Ok(lanes) => lanes.clone(),
                Err(_) => return,
            };
            match self.note_failure(self.wait_for(&lanes).await) {
                Ok(true) => self.arrived.notify_one(),
                Ok(false) if has_failed => self.arrived.notify_one(),
                Ok(false) => {}
                Err(error) if error.refusal().is_some_and(|word| word == "NOGROUP" || word == "UNBLOCKED") => {
                    if let Err(error) = self.make_groups().await {
                        tokio::time::sleep(self.connection.failed(Part::Wait, &error).await).await;
                    }
                    // A server that has forgotten its groups may have been told of jobs since.
                    self.arrived.notify_one();
                    continue;
                }
                Err(error) => {
                    tokio::time::sleep(self.connection.failed(Part::Wait, &error).await).await;
                    has_failed = true;
                    continue;
                }
            }
            self.connection.health().works(Part::Wait);
            has_failed = false;
        }
    }

    /// Lets the server wait for an entry of `lanes`; tells whether one came.
    async fn wait_for(&self, lanes: &[Lane]) -> Result<bool, LinkError> {
        let (mut connection, number) = self.waiting.connection().await?;
        let mut command = redis::cmd("XREADGROUP");
        command.arg("GROUP").arg(GROUP).arg(&self.consumer).arg("COUNT").arg(1);
        command.arg("BLOCK").arg(u64::try_from(BLOCK.as_millis()).unwrap_or(u64::MAX)).arg("STREAMS");
        for lane in lanes {
            command.arg(lane_stream(*lane));
        }
        for _ in lanes {
            command.arg(">");
        }
        let reply: Value = self.waiting.checked(number, command.query_async(&mut connection).await).await?;
        let mut came = vec![Entries::new(); Lane::ALL.len()];
        for (stream, entries) in scripts::streams(reply).map_err(|error| self.waiting.wrong(error))? {
            if let Some(at) = Lane::ALL.iter().position(|lane| lane_stream(*lane) == stream) {
                came[at] = entries;
            }
        }
        let is_something = came.iter().any(|entries| !entries.is_empty());
        self.buffer(came);
        Ok(is_something)
    }

    async fn remove_acknowledged(&self) {
        loop {
            self.has_acknowledged.notified().await;
            match self.note_failure(self.remove_now().await) {
                Ok(()) => self.connection.health().works(Part::Remove),
                // They are read again after the reconnect, and acknowledged then.
                Err(error) => tokio::time::sleep(self.connection.failed(Part::Remove, &error).await).await,
            }
        }
    }

    async fn remove_now(&self) -> Result<(), LinkError> {
        let acknowledged = std::mem::take(&mut *lock(&self.acknowledged));
        let mut pipeline = redis::pipe();
        for lane in Lane::ALL {
            let ids: Vec<&str> =
                acknowledged.iter().filter(|entry| entry.lane == *lane).map(|entry| entry.id.as_str()).collect();
            if !ids.is_empty() {
                pipeline.cmd("XACK").arg(lane_stream(*lane)).arg(GROUP).arg(&ids).ignore();
                pipeline.cmd("XDEL").arg(lane_stream(*lane)).arg(&ids).ignore();
            }
        }
        if pipeline.is_empty() {
            return Ok(());
        }
        self.connection.send(&pipeline).await
    }

    async fn return_slotless(&self) {
        loop {
            tokio::time::sleep(SLOTLESS / 4).await;
            let old: Vec<Entry> = {
                let mut buffered = lock(&self.buffered);
                let is_old = |since: &Instant| since.elapsed() >= SLOTLESS;
                let old = buffered.iter().filter(|(since, _)| is_old(since)).map(|(_, entry)| entry.clone()).collect();
                buffered.retain(|(since, _)| !is_old(since));
                old
            };
            if let Err(error) = self.note_failure(self.return_all(&old).await) {
                tracing::debug!(%error, "could not put entries back");
            }
        }
    }

    async fn return_all(&self, entries: &[Entry]) -> Result<(), LinkError> {
        for lane in Lane::ALL {
            let mut call = scripts::RETURN.key(lane_stream(*lane));
            call.arg(GROUP);
            let mut is_empty = true;
            for entry in entries.iter().filter(|entry| entry.lane == *lane) {
                call.arg(&entry.id);
                is_empty = false;
            }
            if !is_empty {
                self.connection.run::<u64>(&call).await?;
            }
        }
        Ok(())
    }

    async fn clean_up(&self) {
        loop {
            tokio::time::sleep(DEAD_READER / 6).await;
            match self.reclaim(DEAD_READER).await {
                Ok(0) => {}
                Ok(entries) => tracing::warn!(entries, "put entries back that a reader had left"),
                Err(error) => tracing::debug!(%error, "could not look for entries that a reader has left"),
            }
            if let Err(error) = self.remove_consumers(DEAD_CONSUMER).await {
                tracing::debug!(%error, "could not remove consumers that are gone");
            }
        }
    }

    /// Puts entries back that are pending for `idle`, whoever read them; gives how many.
    ///
    /// # Errors
    /// [`LinkError::Redis`].
    pub async fn reclaim(&self, idle: Duration) -> Result<u64, LinkError> {
        let mut call = scripts::RECLAIM.prepare_invoke();
        for lane in Lane::ALL {
            call.key(lane_stream(*lane));
        }
        call.arg(GROUP).arg(&self.consumer).arg(u64::try_from(idle.as_millis()).unwrap_or(u64::MAX));
        self.connection.run(&call).await
    }

    /// Removes consumers without a live worker that have nothing pending and were silent for `idle`; gives how many.
    ///
    /// # Errors
    /// [`LinkError::Redis`].
    pub async fn remove_consumers(&self, idle: Duration) -> Result<u64, LinkError> {
        let mut call = scripts::REMOVE_CONSUMERS.key(WORKERS);
        for lane in Lane::ALL {
            call.key(lane_stream(*lane));
        }
        call.key(INTAKE);
        call.arg(GROUP).arg(u64::try_from(idle.as_millis()).unwrap_or(u64::MAX));
        self.connection.run(&call).await
    }
}

/// The streams alone, for work without a journal.
#[async_trait]
impl Source for Streams {
    type Item = Entry;

    async fn next(&self, open: &Openings) -> Option<(Lane, Entry)> {
        match self.take(open).await {
            Ok(entry) => entry.map(|entry| (entry.lane, entry)),
            Err(error) => {
                self.rest(&error).await;
                None
            }
        }
    }

    async fn wait(&self, open: &Openings) {
        self.wait_for_entry(open).await;
    }
}

/// Makes the group of `stream`, from its beginning: what was written before the group is for it too. A full server makes
/// it as well.
pub(crate) async fn make_group(connection: &Connection, stream: &str) -> Result<(), LinkError> {
    let mut call = scripts::MAKE_GROUP.key(stream);
    call.arg(GROUP);
    connection.run::<()>(&call).await
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is inside is whole after every statement.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
