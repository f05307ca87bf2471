//! How the queue stands, for people and programs: `earmark queue stats` and `GET /v1/queue` say the same.

use earmark_journal::{Journal, JournalError, QueueStats};
use earmark_queue::Broker;
use serde_json::{Value, json};

/// What the journal and the streams say.
pub struct Look {
    /// Of the jobs, the workers, the outbox and what is paused.
    pub stats: QueueStats,
    /// Of the streams, or why that cannot be told (`error`); none where the journal itself is the queue.
    pub streams: Option<Value>,
}

impl Look {
    /// What `journal` says, and `broker` where there is one.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn at(journal: &Journal, broker: Option<&Broker>) -> Result<Self, JournalError> {
        let stats = journal.stats().await?;
        let streams = match broker {
            Some(broker) => Some(broker.stats().await.unwrap_or_else(|error| json!({ "error": error.to_string() }))),
            None => None,
        };
        Ok(Self { stats, streams })
    }

    /// One object, with `streams` beside what the journal says.
    pub fn json(&self) -> Value {
        let mut shown = json!(self.stats);
        shown["streams"] = json!(self.streams);
        shown
    }
}
