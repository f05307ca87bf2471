//! Delivery over Redis Streams: ids of jobs, a stream per lane, one consumer group. Knows nothing of the journal.
//!
//! An entry lies in its stream until a consumer settles it (`XACK` and `XDEL`). Whoever reads it has it pending; what is
//! pending for 30 s is put back for anybody ([`keep`](Streams::keep)), so it is settled as soon as the job's lease is
//! taken and never stays with a consumer that has no slot for it.

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

use crate::feed::Source;
use crate::health::Health;
use crate::line::Line;
use crate::slots::Openings;
use scripts::{Entries, Lanes};

/// Of every stream here.
pub(crate) const GROUP: &str = "earmark";
/// Where producers write; its consumers are removed with those of the lanes.
pub(crate) const INTAKE: &str = "earmark:intake";
/// The sorted set of live workers; a consumer that is in it is never removed.
pub(crate) const WORKERS: &str = "earmark:workers";
/// How long the server waits for an entry, below the library's limit for an answer.
const BLOCK: Duration = Duration::from_secs(1);
/// Pending for longer than this, an entry's reader is taken to be dead.
const DEAD_READER: Duration = Duration::from_secs(30);
/// A consumer that is silent for longer than this and no live worker's is removed.
const DEAD_CONSUMER: Duration = Duration::from_secs(60);
/// An entry read for which there is no slot for this long is put back for others.
const HELD: Duration = Duration::from_secs(1);
/// Most entries of a stream that are looked at again after a reconnect.
const RECALL: usize = 1000;

/// The stream of a lane.
pub(crate) fn key(lane: Lane) -> &'static str {
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
    line: Line,
    /// For the one call that waits: on a connection of its own, so that nothing else waits with it.
    waiting: Line,
    /// Read and not yet given out.
    held: Mutex<VecDeque<(Instant, Entry)>>,
    arrived: Notify,
    /// Lanes to wait for; none while nobody waits.
    wanted: watch::Sender<Vec<Lane>>,
    /// Given out and done with.
    settled: Mutex<Vec<Entry>>,
    has_settled: Notify,
    /// An answer may have been lost: what is pending for us has to be read again.
    is_broken: AtomicBool,
}

impl Streams {
    /// The streams at `link` as `consumer`, a name never used before, reads them. Does not connect.
    pub fn new(link: Arc<Link>, health: Arc<Health>, consumer: &str) -> Self {
        Self {
            consumer: consumer.into(),
            line: Line::new(Arc::clone(&link), Arc::clone(&health), Duration::ZERO),
            waiting: Line::new(link, health, BLOCK),
            held: Mutex::default(),
            arrived: Notify::new(),
            wanted: watch::Sender::new(Vec::new()),
            settled: Mutex::default(),
            has_settled: Notify::new(),
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
            pipeline.cmd("XADD").arg(key(lane)).arg("*").arg("job").arg(job).ignore();
        }
        self.line.send(&pipeline).await
    }

    /// An entry of a lane that is open, the most urgent lane first; none when there is none now. Never waits for one.
    ///
    /// # Errors
    /// [`LinkError::Redis`].
    pub async fn take(&self, open: &Openings) -> Result<Option<Entry>, LinkError> {
        if self.is_broken.swap(false, Ordering::AcqRel) {
            self.noted(self.recall().await)?;
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
        self.hold(self.noted(lanes)?);
        Ok(self.pop(open))
    }

    /// Gives `entry` back to be taken again by this consumer; after a second without a slot by anybody.
    pub fn put_back(&self, entry: Entry) {
        lock(&self.held).push_front((Instant::now(), entry));
    }

    /// `entry` is done with. It is removed soon, together with others; if that fails it is delivered again.
    pub fn settle(&self, entry: Entry) {
        lock(&self.settled).push(entry);
        self.has_settled.notify_one();
    }

    /// Returns when an entry of a lane that is open may have come, or the server is back. May be dropped at any time.
    pub async fn arrival(&self, open: &Openings) {
        self.wanted.send_replace(open.lanes());
        self.arrived.notified().await;
        self.wanted.send_replace(Vec::new());
    }

    /// Keeps the streams going, until dropped: waits for entries, removes what is settled, puts back what nobody settles,
    /// removes consumers that are gone.
    pub async fn keep(&self) {
        tokio::join!(self.listen(), self.remove_settled(), self.put_back_held(), self.tend());
    }

    /// Removes what is settled and hands what else is pending to others. Nothing is to be taken after this.
    pub async fn close(&self) {
        self.waiting.hang_up().await;
        lock(&self.held).clear();
        let closed = async {
            self.flush().await?;
            self.recall().await?;
            let held: Vec<Entry> = lock(&self.held).drain(..).map(|(_, entry)| entry).collect();
            self.return_all(&held).await
        };
        if let Err(error) = closed.await {
            tracing::debug!(%error, "could not hand entries back; others take them when their time is over");
        }
    }

    /// Reads what is pending for this consumer again: an answer that told of it may have been lost.
    async fn recall(&self) -> Result<(), LinkError> {
        let mut pipeline = redis::pipe();
        for lane in Lane::ALL {
            pipeline.cmd("XREADGROUP").arg("GROUP").arg(GROUP).arg(&self.consumer);
            pipeline.arg("COUNT").arg(RECALL).arg("STREAMS").arg(key(*lane)).arg("0");
        }
        let replies: Vec<Value> = match self.line.send(&pipeline).await {
            Err(error) if error.refusal() == Some("NOGROUP") => return self.make_groups().await,
            replies => replies?,
        };
        let mut held = VecDeque::new();
        for (lane, reply) in Lane::ALL.iter().zip(replies) {
            for (id, fields) in scripts::stream(reply).map_err(|error| self.line.wrong(error))? {
                held.push_back((Instant::now(), Entry { lane: *lane, job: scripts::job_of(&fields), id }));
            }
        }
        *lock(&self.held) = held;
        Ok(())
    }

    async fn read(&self, open: &Openings) -> Result<Lanes, LinkError> {
        let (mut connection, number) = self.line.connection().await?;
        let mut call = scripts::READ.prepare_invoke();
        for lane in Lane::ALL {
            call.key(key(*lane));
        }
        call.arg(GROUP).arg(&self.consumer).arg(open.room());
        for lane in Lane::ALL {
            call.arg(open.of(*lane));
        }
        let result = call.invoke_async(&mut connection).await;
        self.line.settle(number, result).await
    }

    async fn make_groups(&self) -> Result<(), LinkError> {
        for lane in Lane::ALL {
            make_group(&self.line, key(*lane)).await?;
        }
        Ok(())
    }

    fn hold(&self, lanes: Lanes) {
        let now = Instant::now();
        let mut held = lock(&self.held);
        for (lane, entries) in Lane::ALL.iter().zip(lanes) {
            for (id, fields) in entries {
                held.push_back((now, Entry { lane: *lane, job: scripts::job_of(&fields), id }));
            }
        }
    }

    /// The first entry held of the most urgent lane that is open.
    fn pop(&self, open: &Openings) -> Option<Entry> {
        let mut held = lock(&self.held);
        let mut places = open.lanes().into_iter();
        let at = places.find_map(|lane| held.iter().position(|(_, entry)| entry.lane == lane))?;
        held.remove(at).map(|(_, entry)| entry)
    }

    /// Remembers that an answer may have been lost.
    fn noted<T>(&self, result: Result<T, LinkError>) -> Result<T, LinkError> {
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
            match self.noted(self.wait_for(&lanes).await) {
                Ok(true) => self.arrived.notify_one(),
                Ok(false) if has_failed => self.arrived.notify_one(),
                Ok(false) => {}
                Err(error) if error.refusal().is_some_and(|word| word == "NOGROUP" || word == "UNBLOCKED") => {
                    if let Err(error) = self.make_groups().await {
                        tokio::time::sleep(self.line.health().lost(&error)).await;
                    }
                    // A server that has forgotten its groups may have been told of jobs since.
                    self.arrived.notify_one();
                    continue;
                }
                Err(error) => {
                    tokio::time::sleep(self.line.health().lost(&error)).await;
                    has_failed = true;
                    continue;
                }
            }
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
            command.arg(key(*lane));
        }
        for _ in lanes {
            command.arg(">");
        }
        let reply: Value = self.waiting.settle(number, command.query_async(&mut connection).await).await?;
        let mut came = vec![Entries::new(); Lane::ALL.len()];
        for (stream, entries) in scripts::streams(reply).map_err(|error| self.waiting.wrong(error))? {
            if let Some(at) = Lane::ALL.iter().position(|lane| key(*lane) == stream) {
                came[at] = entries;
            }
        }
        let is_something = came.iter().any(|entries| !entries.is_empty());
        self.hold(came);
        Ok(is_something)
    }

    async fn remove_settled(&self) {
        loop {
            self.has_settled.notified().await;
            if let Err(error) = self.noted(self.flush().await) {
                // They are read again after the reconnect, and settled then.
                tokio::time::sleep(self.line.health().lost(&error)).await;
            }
        }
    }

    async fn flush(&self) -> Result<(), LinkError> {
        let settled = std::mem::take(&mut *lock(&self.settled));
        let mut pipeline = redis::pipe();
        for lane in Lane::ALL {
            let ids: Vec<&str> =
                settled.iter().filter(|entry| entry.lane == *lane).map(|entry| entry.id.as_str()).collect();
            if !ids.is_empty() {
                pipeline.cmd("XACK").arg(key(*lane)).arg(GROUP).arg(&ids).ignore();
                pipeline.cmd("XDEL").arg(key(*lane)).arg(&ids).ignore();
            }
        }
        if pipeline.is_empty() {
            return Ok(());
        }
        self.line.send(&pipeline).await
    }

    async fn put_back_held(&self) {
        loop {
            tokio::time::sleep(HELD / 4).await;
            let old: Vec<Entry> = {
                let mut held = lock(&self.held);
                let is_old = |since: &Instant| since.elapsed() >= HELD;
                let old = held.iter().filter(|(since, _)| is_old(since)).map(|(_, entry)| entry.clone()).collect();
                held.retain(|(since, _)| !is_old(since));
                old
            };
            if let Err(error) = self.noted(self.return_all(&old).await) {
                tracing::debug!(%error, "could not put entries back");
            }
        }
    }

    async fn return_all(&self, entries: &[Entry]) -> Result<(), LinkError> {
        for lane in Lane::ALL {
            let mut call = scripts::RETURN.key(key(*lane));
            call.arg(GROUP);
            let mut is_empty = true;
            for entry in entries.iter().filter(|entry| entry.lane == *lane) {
                call.arg(&entry.id);
                is_empty = false;
            }
            if !is_empty {
                let (mut connection, number) = self.line.connection().await?;
                let result = call.invoke_async(&mut connection).await;
                self.line.settle::<u64>(number, result).await?;
            }
        }
        Ok(())
    }

    async fn tend(&self) {
        loop {
            tokio::time::sleep(DEAD_READER / 6).await;
            match self.reclaim(DEAD_READER).await {
                Ok(0) => {}
                Ok(entries) => tracing::warn!(entries, "put entries back that a reader had left"),
                Err(error) => tracing::debug!(%error, "could not look for entries that a reader has left"),
            }
            if let Err(error) = self.bury(DEAD_CONSUMER).await {
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
            call.key(key(*lane));
        }
        call.arg(GROUP).arg(&self.consumer).arg(u64::try_from(idle.as_millis()).unwrap_or(u64::MAX));
        let (mut connection, number) = self.line.connection().await?;
        let result = call.invoke_async(&mut connection).await;
        self.line.settle(number, result).await
    }

    /// Removes consumers without a live worker that have nothing pending and were silent for `idle`; gives how many.
    ///
    /// # Errors
    /// [`LinkError::Redis`].
    pub async fn bury(&self, idle: Duration) -> Result<u64, LinkError> {
        let mut call = scripts::BURY.key(WORKERS);
        for lane in Lane::ALL {
            call.key(key(*lane));
        }
        call.key(INTAKE);
        call.arg(GROUP).arg(u64::try_from(idle.as_millis()).unwrap_or(u64::MAX));
        let (mut connection, number) = self.line.connection().await?;
        let result = call.invoke_async(&mut connection).await;
        self.line.settle(number, result).await
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
                tokio::time::sleep(self.line.health().lost(&error)).await;
                None
            }
        }
    }

    async fn wait(&self, open: &Openings) {
        self.arrival(open).await;
    }
}

/// Makes the group of `stream`, from its beginning: what was written before the group is for it too.
pub(crate) async fn make_group(line: &Line, stream: &str) -> Result<(), LinkError> {
    // By itself: in a pipeline the refusal that another process was faster has no code of its own.
    let (mut connection, number) = line.connection().await?;
    let mut command = redis::cmd("XGROUP");
    command.arg("CREATE").arg(stream).arg(GROUP).arg("0").arg("MKSTREAM");
    let made = command.exec_async(&mut connection).await;
    match line.settle(number, made).await {
        Err(error) if error.refusal() == Some("BUSYGROUP") => Ok(()),
        made => made,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is inside is whole after every statement.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
