//! A store in the journal's database, shared by all processes that have it open.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use earmark_storage::{Boards, Database};

use crate::PermitsError;
use crate::board::Board;
use crate::exchange::{Heard, Store, Told};

/// How often a waiting process looks for a place that another has handed to it.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The pool's board as one document of the database.
#[derive(Debug, Clone)]
pub struct SqlStore {
    boards: Boards,
    key: String,
    /// The version of the board that was last looked at.
    seen: Arc<AtomicI64>,
}

impl SqlStore {
    /// The permits of `key` (`account/model`) in `db`.
    pub fn new(db: Database, key: &str) -> Self {
        Self { boards: Boards::new(db), key: key.into(), seen: Arc::default() }
    }

    fn change(&self, told: &Told, now_ms: i64, stored: Option<&str>) -> (String, Heard) {
        let mut board = match stored.map(serde_json::from_str) {
            None => Board::default(),
            Some(Ok(board)) => board,
            // Another version's, or damaged: whoever holds a place will say so.
            Some(Err(error)) => {
                tracing::warn!(pool = self.key, %error, "the stored permits cannot be read: they are made anew from what their holders say");
                Board::forgotten(now_ms + told.terms.lease_ms)
            }
        };
        // The processes look for themselves.
        let (heard, _) = board.exchange(now_ms, told);
        (serde_json::to_string(&board).expect("a board is words and numbers"), heard)
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn exchange(&self, told: &Told) -> Result<Heard, PermitsError> {
        let settled = self.boards.update(&self.key, |now_ms, stored| self.change(told, now_ms, stored)).await;
        settled.map_err(PermitsError::Database)
    }

    async fn hint(&self, process: &str) {
        loop {
            // Not all processes at the same moment.
            tokio::time::sleep(LOOK_EVERY.mul_f64(0.5 + fastrand::f64())).await;
            // What cannot be read now is read in the next exchange, which says so.
            let Ok(Some(stored)) = self.boards.newer_than(&self.key, self.seen.load(Ordering::Relaxed)).await else {
                continue;
            };
            self.seen.store(stored.version, Ordering::Relaxed);
            let board = serde_json::from_str::<Board>(&stored.board);
            if board.is_ok_and(|board| board.has_news_for(process)) {
                return;
            }
        }
    }
}
