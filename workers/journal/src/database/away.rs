//! Whether the server can be reached, as the last try had it: those who cannot wait are told the cause at once, and one
//! tries for all.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, watch};
use tokio::time::Instant;

/// How long the outcome of a try is good for others.
const FRESH: Duration = Duration::from_millis(250);

tokio::task_local! {
    static AT_ONCE: ();
}

/// Runs `future` for somebody who waits for an answer: in it a server that is away fails a statement at once, with the
/// cause, instead of being waited for. A server that is merely busy is waited for all the same.
pub async fn at_once<F: Future>(future: F) -> F::Output {
    AT_ONCE.scope((), future).await
}

/// Whether the caller would rather have the cause than wait: see [`at_once`].
pub(super) fn is_at_once() -> bool {
    AT_ONCE.try_with(|()| ()).is_ok()
}

/// Why the last try failed.
#[derive(Debug, Clone)]
struct Cause {
    kind: io::ErrorKind,
    message: Arc<str>,
    seen: Instant,
}

impl Cause {
    fn error(&self) -> sqlx::Error {
        sqlx::Error::Io(io::Error::new(self.kind, self.message.to_string()))
    }
}

/// What the last try or answer told.
#[derive(Debug, Default)]
struct Known {
    cause: Option<Cause>,
    since: Option<Instant>,
}

/// What is known of the way to the server.
#[derive(Debug)]
pub(super) struct Away {
    known: watch::Sender<Known>,
    alone: Mutex<()>,
}

impl Away {
    pub(super) fn new() -> Self {
        Self { known: watch::Sender::default(), alone: Mutex::new(()) }
    }

    /// A session was made or has answered.
    pub(super) fn is_over(&self) {
        self.known.send_if_modified(|known| {
            known.since = Some(Instant::now());
            known.cause.take().is_some()
        });
    }

    /// The server could not be reached by a try that began at `began`; one that others have heard of since is busy.
    pub(super) fn begins(&self, error: &sqlx::Error, began: Instant) {
        let (kind, message) = match error {
            sqlx::Error::Io(error) => (error.kind(), error.to_string()),
            sqlx::Error::Database(told) => (io::ErrorKind::Other, told.message().to_owned()),
            other => (io::ErrorKind::Other, other.to_string()),
        };
        let seen = Instant::now();
        self.known.send_if_modified(|known| {
            if known.cause.is_none() && known.since.is_some_and(|since| since >= began) {
                return false;
            }
            *known = Known { cause: Some(Cause { kind, message: message.into(), seen }), since: Some(seen) };
            true
        });
    }

    /// Whether the server answers, as it was told to anybody at `instant` or later.
    pub(super) fn told_since(&self, instant: Instant) -> Option<Result<(), sqlx::Error>> {
        let known = self.known.borrow();
        known.since.filter(|since| *since >= instant)?;
        Some(known.cause.as_ref().map_or(Ok(()), |cause| Err(cause.error())))
    }

    /// Why the last try failed, if it did.
    pub(super) fn cause(&self) -> Option<sqlx::Error> {
        self.known.borrow().cause.as_ref().map(Cause::error)
    }

    /// The same, if that was so short a time ago that another try would tell nothing new.
    pub(super) fn fresh_cause(&self) -> Option<sqlx::Error> {
        self.known.borrow().cause.as_ref().filter(|cause| cause.seen.elapsed() < FRESH).map(Cause::error)
    }

    /// The cause, once there is one.
    pub(super) async fn until_away(&self) -> sqlx::Error {
        let mut changes = self.known.subscribe();
        let known = changes.wait_for(|known| known.cause.is_some()).await.ok();
        known.and_then(|known| known.cause.as_ref().map(Cause::error)).unwrap_or(sqlx::Error::PoolClosed)
    }

    /// The turn to try: one asks for all whether the server is there, and while it is away one tries for all.
    pub(super) async fn alone(&self) -> MutexGuard<'_, ()> {
        self.alone.lock().await
    }
}
