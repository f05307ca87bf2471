//! The connections of this process. One that may hold a transaction, or whose server is gone, never comes back.

use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::away::{Away, is_at_once};
use super::link::{Link, Target};
use super::postgres::{Standing, standing};
use super::seam::Seam;

/// How long an idle session of a server may take to answer.
const PING_LIMIT: Duration = Duration::from_millis(700);
/// How long a login may take, of somebody who waits for an answer.
const CONNECT_LIMIT_AT_ONCE: Duration = Duration::from_millis(1200);
/// The same of somebody who has time.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// A statement that takes longer makes us ask whether the server is there at all.
const FIRST_DOUBT: Duration = Duration::from_millis(700);
/// The longest wait between two such questions.
const LONGEST_DOUBT: Duration = Duration::from_secs(10);
/// Between two tries of somebody who has time: a server that is back is noticed within this.
const PAUSE: Duration = Duration::from_millis(200);
/// How long the end of the process waits for statements under way.
const LAST_WAIT: Duration = Duration::from_secs(5);
/// How long a server is given to hear that a session ends.
const FAREWELL: Duration = Duration::from_secs(2);

/// How many connections, and how long they live.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) connections: u32,
    pub(super) acquire_timeout: Duration,
    /// The age at which a connection is replaced by a new one; none for as long as the process lives.
    pub(super) lifetime: Option<Duration>,
    /// How long one lies unused before it is closed.
    pub(super) idle: Option<Duration>,
}

/// The connections to one database. Clones share them.
#[derive(Clone)]
pub(crate) struct Pool {
    pub(super) shared: Arc<Shared>,
    /// What tests do to statements.
    pub(super) seam: Option<Arc<dyn Seam>>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("limits", &self.shared.limits).finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) target: Target,
    limits: Limits,
    /// One for each connection that may be out; first come, first served.
    seats: Arc<Semaphore>,
    /// The last one used is the first taken.
    idle: Mutex<Vec<Idle>>,
    /// One more is idle.
    is_back: Notify,
    /// Raised when all connections of before are to go.
    generation: AtomicU64,
    is_closing: AtomicBool,
    away: Away,
}

#[derive(Debug)]
struct Idle {
    link: Link,
    origin: Origin,
    since: Instant,
}

/// A connection on its way out.
pub(super) struct Taken {
    pub(super) link: Link,
    pub(super) origin: Origin,
    pub(super) seat: OwnedSemaphorePermit,
}

/// When a connection was made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    born: Instant,
    generation: u64,
}

impl Pool {
    pub(super) fn new(target: Target, limits: Limits) -> Self {
        let seats = Arc::new(Semaphore::new(usize::try_from(limits.connections).unwrap_or(1).max(1)));
        let shared = Shared {
            target,
            limits,
            seats,
            idle: Mutex::default(),
            is_back: Notify::new(),
            generation: AtomicU64::new(0),
            is_closing: AtomicBool::new(false),
            away: Away::new(),
        };
        Self { shared: Arc::new(shared), seam: None }
    }

    /// Closes every connection; those that are out are waited for, for a while.
    pub(super) async fn close(&self) {
        let shared = &self.shared;
        shared.is_closing.store(true, Ordering::Release);
        shared.close_idle().await;
        let all = shared.limits.connections.max(1);
        let out = timeout(LAST_WAIT, Arc::clone(&shared.seats).acquire_many_owned(all)).await;
        shared.seats.close();
        shared.close_idle().await;
        drop(out);
    }
}

impl Shared {
    /// A sound connection and the right to it.
    ///
    /// # Errors
    /// [`sqlx::Error::PoolTimedOut`] when all were busy for too long, [`sqlx::Error::PoolClosed`]; of a server that is
    /// away the cause: of [`at_once`](super::away::at_once) callers at once, of others when it stays away.
    pub(super) async fn take(&self) -> Result<Taken, sqlx::Error> {
        let (until, at_once) = (Instant::now() + self.limits.acquire_timeout, is_at_once());
        loop {
            let seat = self.seat(until, at_once).await?;
            let error = match self.link(until, at_once).await {
                Ok((link, origin)) => return Ok(Taken { link, origin, seat }),
                Err(error) => error,
            };
            drop(seat);
            let found = standing(&error);
            let is_worth_waiting = self.target.is_server()
                && match found {
                    Standing::Away => !at_once,
                    Standing::TooMany => true,
                    Standing::Gone | Standing::Sound => false,
                };
            if !is_worth_waiting || Instant::now() + PAUSE >= until {
                return Err(if found == Standing::TooMany { sqlx::Error::PoolTimedOut } else { error });
            }
            sleep(PAUSE).await;
        }
    }

    /// The right to a connection.
    async fn seat(&self, until: Instant, at_once: bool) -> Result<OwnedSemaphorePermit, sqlx::Error> {
        if self.is_closing.load(Ordering::Acquire) {
            return Err(sqlx::Error::PoolClosed);
        }
        if let Ok(seat) = Arc::clone(&self.seats).try_acquire_owned() {
            return Ok(seat);
        }
        let seat = timeout_at(until, Arc::clone(&self.seats).acquire_owned());
        tokio::select! {
            biased;
            seat = seat => seat.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed),
            // All are held by those who wait for a server that does not answer.
            error = self.away.until_away(), if at_once => Err(error),
        }
    }

    /// An idle connection that is sound, or a new one.
    async fn link(&self, until: Instant, at_once: bool) -> Result<(Link, Origin), sqlx::Error> {
        if let Some(error) = self.away.fresh_cause() {
            return Err(error);
        }
        while let Some(mut idle) = self.pop() {
            if !self.target.is_server() {
                return Ok((idle.link, idle.origin));
            }
            match timeout(PING_LIMIT, idle.link.ping()).await {
                Ok(Ok(())) => {
                    self.away.is_over();
                    return Ok((idle.link, idle.origin));
                }
                Ok(Err(error)) => tracing::debug!(%error, "a session of the database was gone"),
                // The way of this session may be cut, or the server busy: a login tells whether it is away.
                Err(_) => break,
            }
        }
        self.connect(until, at_once).await
    }

    /// A new connection. A pooler whose sessions are all in use takes the login and lets the first words wait: what is put
    /// back meanwhile does as well, and may be what the pooler waits for.
    async fn connect(&self, until: Instant, at_once: bool) -> Result<(Link, Origin), sqlx::Error> {
        let origin = Origin { born: Instant::now(), generation: self.generation.load(Ordering::Acquire) };
        if !self.target.is_server() {
            return Ok((Link::connect(&self.target).await?, origin));
        }
        let left = until.saturating_duration_since(Instant::now());
        let mut link = self.login(left.min(if at_once { CONNECT_LIMIT_AT_ONCE } else { CONNECT_LIMIT })).await?;
        let began = Instant::now();
        let told = tokio::select! {
            biased;
            // Nothing was asked of this session yet: the next try may be by another.
            told = timeout_at(until, self.watched(Duration::ZERO, link.tell(&self.target))) => told,
            idle = self.back() => return Ok((idle.link, idle.origin)),
        };
        let told = told.unwrap_or(Err(sqlx::Error::PoolTimedOut));
        if let Err(error) = &told
            && standing(error) == Standing::Away
        {
            self.away.begins(error, began);
        }
        told.map(|()| (link, origin))
    }

    /// A connection that was put back, to somebody who waits for long.
    async fn back(&self) -> Idle {
        sleep(FIRST_DOUBT).await;
        loop {
            if let Some(idle) = self.pop() {
                return idle;
            }
            self.is_back.notified().await;
        }
    }

    /// A new session that was told nothing yet; while the server is away one tries for all.
    async fn login(&self, limit: Duration) -> Result<Link, sqlx::Error> {
        let mut _alone = None;
        if let Some(error) = self.away.cause() {
            match timeout(limit, self.away.alone()).await {
                Ok(turn) => _alone = Some(turn),
                Err(_) => return Err(error),
            }
            if let Some(error) = self.away.fresh_cause() {
                return Err(error);
            }
        }
        self.tried(limit).await
    }

    /// A login, and what it tells of the server.
    async fn tried(&self, limit: Duration) -> Result<Link, sqlx::Error> {
        let began = Instant::now();
        let made = timeout(limit, Link::login(&self.target)).await;
        let made = made.unwrap_or_else(|_| Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into())));
        match &made {
            Err(error) if standing(error) == Standing::Away => self.away.begins(error, began),
            // It has answered, whatever it said.
            Ok(_) | Err(_) => self.away.is_over(),
        }
        made
    }

    /// Whether the server answers, to somebody whose statement takes long: the cause when it does not. A login is enough:
    /// what is said behind it may wait for a session of a pooler. One asks for all.
    async fn probe(&self) -> Result<(), sqlx::Error> {
        let asked = Instant::now();
        let Ok(_alone) = timeout(CONNECT_LIMIT_AT_ONCE, self.away.alone()).await else {
            // Somebody who has more time is trying.
            return self.away.cause().map_or(Ok(()), Err);
        };
        if let Some(told) = self.away.told_since(asked) {
            return told;
        }
        match self.tried(CONNECT_LIMIT_AT_ONCE).await {
            Ok(link) => {
                self.dispose(link);
                Ok(())
            }
            Err(error) if standing(&error) == Standing::Away => self.away.told_since(asked).unwrap_or(Err(error)),
            Err(_) => Ok(()),
        }
    }

    /// How long the caller of a statement waits for a server that does not answer.
    pub(super) fn patience(&self) -> Duration {
        if is_at_once() { Duration::ZERO } else { self.limits.acquire_timeout }
    }

    /// The answer of a statement; the cause, when the server cannot be reached any more and `patience` is over.
    pub(super) async fn watched<T>(
        &self,
        patience: Duration,
        answer: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        let mut answer = pin!(answer);
        let (mut doubt, until) = (FIRST_DOUBT, Instant::now() + patience);
        let answer = loop {
            if let Ok(answer) = timeout(doubt, &mut answer).await {
                break answer;
            }
            tokio::select! {
                biased;
                answer = &mut answer => break answer,
                probed = self.probe() => match probed {
                    Err(error) if Instant::now() >= until => return Err(error),
                    Ok(()) | Err(_) => {}
                },
            }
            doubt = (doubt * 2).min(LONGEST_DOUBT);
        };
        if answer.is_ok() {
            self.away.is_over();
        }
        answer
    }

    /// All connections made before now go: the server they lead to is not what it was.
    pub(super) fn retire(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        let retired = std::mem::take(&mut *self.idle());
        retired.into_iter().for_each(|idle| self.dispose(idle.link));
    }

    /// Takes back a connection that holds no transaction and has nothing under way.
    pub(super) fn put_back(&self, link: Link, origin: Origin) {
        if self.seats.is_closed() || self.is_old(&origin) {
            return self.dispose(link);
        }
        let mut idle = self.idle();
        let too_old = self.limits.idle.and_then(|limit| Instant::now().checked_sub(limit));
        // The first are those that were not needed for longest.
        let unused = too_old.map_or(0, |instant| idle.partition_point(|idle| idle.since < instant));
        let unused: Vec<Idle> = idle.drain(..unused).collect();
        idle.push(Idle { link, origin, since: Instant::now() });
        drop(idle);
        self.is_back.notify_one();
        unused.into_iter().for_each(|idle| self.dispose(idle.link));
    }

    /// Closes `link` without being waited for.
    pub(super) fn dispose(&self, link: Link) {
        // Without a runtime there is nobody left to say farewell: dropped, it is closed all the same.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _ = timeout(FAREWELL, link.close()).await;
            });
        }
    }

    fn pop(&self) -> Option<Idle> {
        loop {
            let idle = self.idle().pop()?;
            if !self.is_old(&idle.origin) {
                return Some(idle);
            }
            self.dispose(idle.link);
        }
    }

    fn is_old(&self, origin: &Origin) -> bool {
        origin.generation < self.generation.load(Ordering::Acquire)
            || self.limits.lifetime.is_some_and(|lifetime| origin.born.elapsed() > lifetime)
    }

    async fn close_idle(&self) {
        let idle = std::mem::take(&mut *self.idle());
        for idle in idle {
            if let Err(error) = idle.link.close().await {
                tracing::debug!(%error, "a connection to the database did not close well");
            }
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
