//! A store in the journal's database, shared by all processes that have it open.

mod bell;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use earmark_journal::{Database, SharedDocuments};

use crate::PermitsError;
use crate::board::Board;
use crate::exchange::{Heard, Store, Told};
use bell::Bell;

/// How often a waiting process looks for a place that another has handed to it, should it not have heard the bell.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The same, where it has none.
const LOOK_WITHOUT_BELL_EVERY: Duration = Duration::from_millis(5);

/// The pool's board as one document of the database.
#[derive(Debug, Clone)]
pub struct SqlStore {
    boards: SharedDocuments,
    key: String,
    /// The version of the board that was last looked at.
    seen: Arc<AtomicI64>,
    /// Hung up at the first exchange; none where that failed.
    bell: Arc<OnceLock<Option<Bell>>>,
}

impl SqlStore {
    /// The permits of `key` (`account/model`) in `db`.
    pub fn new(db: Database, key: &str) -> Self {
        Self { boards: SharedDocuments::new(db), key: key.into(), seen: Arc::default(), bell: Arc::default() }
    }

    fn bell(&self, process: &str) -> Option<&Bell> {
        let hang_up =
            || Bell::of(process).inspect_err(|error| tracing::debug!(pool = self.key, %error, "no bell")).ok();
        self.bell.get_or_init(hang_up).as_ref()
    }

    fn change(&self, told: &Told, now_ms: i64, stored: Option<&str>) -> (String, (Heard, Vec<String>)) {
        let mut board = match stored.map(serde_json::from_str) {
            None => Board::default(),
            Some(Ok(board)) => board,
            // Another version's, or damaged: whoever holds a place will say so.
            Some(Err(error)) => {
                tracing::warn!(pool = self.key, %error, "the stored permits cannot be read: they are made anew from what their holders say");
                Board::forgotten(now_ms + told.terms.lease_ms)
            }
        };
        let decided = board.exchange(now_ms, told);
        (serde_json::to_string(&board).expect("a board is words and numbers"), decided)
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn exchange(&self, told: &Told) -> Result<Heard, PermitsError> {
        let bell = self.bell(&told.process);
        // Whatever it rang for is heard now.
        bell.inspect(|bell| bell.hush());
        let settled = self.boards.update(&self.key, |now_ms, stored| self.change(told, now_ms, stored)).await;
        let (heard, woken) = settled.map_err(PermitsError::Database)?;
        for process in &woken {
            bell.inspect(|bell| bell.ring(process));
        }
        Ok(heard)
    }

    async fn hint(&self, process: &str) {
        let bell = self.bell(process);
        let every = if bell.is_some() { LOOK_EVERY } else { LOOK_WITHOUT_BELL_EVERY };
        loop {
            // Not all processes at the same moment.
            let look = tokio::time::sleep(every.mul_f64(0.5 + fastrand::f64()));
            match bell {
                Some(bell) => tokio::select! {
                    () = bell.rung() => return,
                    () = look => {}
                },
                None => look.await,
            }
            // What cannot be read now is read in the next exchange, which says so.
            let Ok(Some(stored)) = self.boards.newer_than(&self.key, self.seen.load(Ordering::Relaxed)).await else {
                continue;
            };
            self.seen.store(stored.version, Ordering::Relaxed);
            let board = serde_json::from_str::<Board>(&stored.text);
            if board.is_ok_and(|board| board.has_news_for(process)) {
                return;
            }
        }
    }
}
