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

/// What is known of the way to the server.
#[derive(Debug)]
pub(super) struct Away {
    cause: watch::Sender<Option<Cause>>,
    alone: Mutex<()>,
}

impl Away {
    pub(super) fn new() -> Self {
        Self { cause: watch::Sender::new(None), alone: Mutex::new(()) }
    }

    /// A session was made or has answered.
    pub(super) fn is_over(&self) {
        self.cause.send_if_modified(|cause| cause.take().is_some());
    }

    /// The server could not be reached.
    pub(super) fn begins(&self, error: &sqlx::Error) {
        let (kind, message) = match error {
            sqlx::Error::Io(error) => (error.kind(), error.to_string()),
            sqlx::Error::Database(told) => (io::ErrorKind::Other, told.message().to_owned()),
            other => (io::ErrorKind::Other, other.to_string()),
        };
        let cause = Cause { kind, message: message.into(), seen: Instant::now() };
        self.cause.send_replace(Some(cause));
    }

    /// Why the last try failed, if it did.
    pub(super) fn cause(&self) -> Option<sqlx::Error> {
        self.cause.borrow().as_ref().map(Cause::error)
    }

    /// The same, if that was so short a time ago that another try would tell nothing new.
    pub(super) fn fresh_cause(&self) -> Option<sqlx::Error> {
        self.cause.borrow().as_ref().filter(|cause| cause.seen.elapsed() < FRESH).map(Cause::error)
    }

    /// The cause, once there is one.
    pub(super) async fn until_away(&self) -> sqlx::Error {
        let mut changes = self.cause.subscribe();
        let cause = changes.wait_for(Option::is_some).await.ok().and_then(|cause| cause.as_ref().map(Cause::error));
        cause.unwrap_or(sqlx::Error::PoolClosed)
    }

    /// The turn to try; while the server is away one tries for all.
    pub(super) async fn alone(&self) -> MutexGuard<'_, ()> {
        self.alone.lock().await
    }
}
