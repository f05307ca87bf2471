//! Alerts about the queue's server: raised when it does not do what it should, closed when it does again.

use std::time::Duration;

use earmark_core::Problem;
use earmark_journal::{Journal, JournalError};

use crate::health::Health;

/// Producers are refused.
const FULL: &str = "queue.full";
/// The server answers and does not do what is needed.
const REFUSES: &str = "queue.refuses";
/// How often to look.
const TICK: Duration = Duration::from_secs(1);
/// What only refuses for a moment (a failover, a flush) is nothing to be told: as many looks in a row.
const PATIENCE: u32 = 5;

/// Raises and closes alerts by what `health` says of the server at `place`, until dropped.
pub(crate) async fn run(journal: &Journal, health: &Health, place: &str) {
    let mut raised: Option<&str> = None;
    // What another life of this process raised is over as well.
    let mut is_told = false;
    let mut looks = 0;
    loop {
        let problem = health.problem();
        let kind = problem.as_ref().and_then(kind_of);
        looks = if kind.is_some() { looks + 1 } else { 0 };
        let told = match (kind, &problem) {
            (Some(kind), Some(problem)) if raised != Some(kind) && (kind == FULL || looks >= PATIENCE) => {
                raise(journal, kind, place, problem).await.map(|()| (raised, is_told) = (Some(kind), false))
            }
            (None, None) if !is_told => close(journal, place).await.map(|()| (raised, is_told) = (None, true)),
            _ => Ok(()),
        };
        if let Err(error) = told {
            tracing::debug!(%error, "could not say how the queue stands; it is tried again");
        }
        tokio::time::sleep(TICK).await;
    }
}

/// Which alert says it; none for a server that is away, which comes back by itself and is on `/readyz`.
fn kind_of(problem: &Problem) -> Option<&'static str> {
    match problem.code.as_str() {
        "redis.unreachable" => None,
        "redis.full" => Some(FULL),
        _ => Some(REFUSES),
    }
}

async fn raise(journal: &Journal, kind: &str, place: &str, problem: &Problem) -> Result<(), JournalError> {
    let message = match &problem.hint {
        Some(hint) => format!("{}; {hint}", problem.message),
        None => problem.message.clone(),
    };
    journal.raise_queue_alert(kind, place, &message).await
}

async fn close(journal: &Journal, place: &str) -> Result<(), JournalError> {
    journal.close_queue_alert(FULL, place).await?;
    journal.close_queue_alert(REFUSES, place).await
}
