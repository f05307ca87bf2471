//! How long the work of a killed process waits: from the kill until each job it held is leased again or final.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::Row;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::journal::Outside;

/// What was held at kills and has not been taken up yet.
#[derive(Default)]
pub struct Recovery {
    /// By job and epoch: when its holder was killed.
    open: Mutex<HashMap<(String, i64), Instant>>,
    times: Mutex<Vec<Duration>>,
}

impl Recovery {
    /// Notes what the killed process `pid` held.
    pub async fn killed(&self, pid: u32, outside: &Outside) {
        let at = Instant::now();
        let held = outside.held_by(pid).await;
        self.open.lock().await.extend(held.into_iter().map(|lease| (lease, at)));
    }

    /// Looks after what was held, until dropped.
    pub async fn watch(&self, outside: &Outside) {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if !self.open.lock().await.is_empty() {
                self.look(outside).await;
            }
        }
    }

    /// One look; what it cannot see now it sees with the next.
    pub async fn look(&self, outside: &Outside) {
        let statement = "SELECT id, lease_epoch, state FROM jobs WHERE lease_epoch > 0";
        let Ok(rows) = outside.try_rows(statement).await else { return };
        let now: HashMap<String, (i64, String)> =
            rows.iter().map(|row| (row.get("id"), (row.get("lease_epoch"), row.get("state")))).collect();
        let mut times = self.times.lock().await;
        self.open.lock().await.retain(|(job, epoch), killed| {
            let is_taken_up = now.get(job).is_some_and(|(current, state)| {
                current > epoch || ["done", "dead", "cancelled"].contains(&state.as_str())
            });
            if is_taken_up {
                times.push(killed.elapsed());
            }
            !is_taken_up
        });
    }

    /// All times so far, the shortest first.
    pub async fn times(&self) -> Vec<Duration> {
        let mut times = self.times.lock().await.clone();
        times.sort();
        times
    }
}
