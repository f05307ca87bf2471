//! A store in the journal's database, shared by all processes that have it open.

mod notification_socket;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use earmark_journal::{Database, SharedDocuments};

use crate::error::PermitsError;
use crate::exchange::{ExchangeReply, ExchangeRequest, Store};
use crate::scheduler::Scheduler;
use notification_socket::NotificationSocket;

/// How often a waiting process looks for a place that another has handed to it, should it not have been notified.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The same, where it has no socket on which to be notified.
const LOOK_WITHOUT_SOCKET_EVERY: Duration = Duration::from_millis(5);

/// The pool's scheduler as one document of the database.
#[derive(Debug, Clone)]
pub struct SqlStore {
    boards: SharedDocuments,
    key: String,
    /// The version of the document that was last looked at.
    seen: Arc<AtomicI64>,
    /// Opened at the first exchange; none where that failed.
    socket: Arc<OnceLock<Option<NotificationSocket>>>,
}

impl SqlStore {
    /// The permits of `key` (`account/model`) in `db`.
    pub fn new(db: Database, key: &str) -> Self {
        Self { boards: SharedDocuments::new(db), key: key.into(), seen: Arc::default(), socket: Arc::default() }
    }

    fn socket(&self, process: &str) -> Option<&NotificationSocket> {
        let open = || {
            NotificationSocket::of(process)
                .inspect_err(|error| tracing::debug!(pool = self.key, %error, "no socket to be notified on"))
                .ok()
        };
        self.socket.get_or_init(open).as_ref()
    }

    fn decide(
        &self,
        request: &ExchangeRequest,
        now_ms: i64,
        stored: Option<&str>,
    ) -> (String, (ExchangeReply, Vec<String>)) {
        let mut scheduler = match stored.map(serde_json::from_str) {
            None => Scheduler::default(),
            Some(Ok(scheduler)) => scheduler,
            // Another version's, or damaged: whoever holds a place will say so.
            Some(Err(error)) => {
                tracing::warn!(pool = self.key, %error, "the stored permits cannot be read: they are made anew from what their holders say");
                Scheduler::forgotten(now_ms + request.terms.lease_ms)
            }
        };
        let decided = scheduler.exchange(now_ms, request);
        (serde_json::to_string(&scheduler).expect("a scheduler is words and numbers"), decided)
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn exchange(&self, request: &ExchangeRequest) -> Result<ExchangeReply, PermitsError> {
        let socket = self.socket(&request.process);
        // Whatever it was notified of is heard now.
        socket.inspect(|socket| socket.clear());
        let decided = self.boards.update(&self.key, |now_ms, stored| self.decide(request, now_ms, stored)).await;
        let (reply, woken) = decided.map_err(PermitsError::Database)?;
        for process in &woken {
            socket.inspect(|socket| socket.notify(process));
        }
        Ok(reply)
    }

    async fn wait_for_grant(&self, process: &str) {
        let socket = self.socket(process);
        let every = if socket.is_some() { LOOK_EVERY } else { LOOK_WITHOUT_SOCKET_EVERY };
        loop {
            // Not all processes at the same moment.
            let look = tokio::time::sleep(every.mul_f64(0.5 + fastrand::f64()));
            match socket {
                Some(socket) => tokio::select! {
                    () = socket.notified() => return,
                    () = look => {}
                },
                None => look.await,
            }
            // What cannot be read now is read in the next exchange, which says so.
            let Ok(Some(stored)) = self.boards.newer_than(&self.key, self.seen.load(Ordering::Relaxed)).await else {
                continue;
            };
            self.seen.store(stored.version, Ordering::Relaxed);
            let scheduler = serde_json::from_str::<Scheduler>(&stored.text);
            if scheduler.is_ok_and(|scheduler| scheduler.has_news_for(process)) {
                return;
            }
        }
    }
}
