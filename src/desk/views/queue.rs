//! The queue at a glance.

use std::collections::BTreeMap;

use earmark_core::{Lane, Problem};
use earmark_journal::{Pause, QueueStats};
use serde::{Deserialize, Serialize};

use super::PlaceView;

/// How the queue stands: what the journal says of it, and what lies in the streams.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QueueView {
    /// The jobs by lane and standing, the workers, the pauses and the outbox.
    #[serde(flatten)]
    pub stats: QueueStats,
    /// What lies in the streams; none where the journal itself is the queue.
    pub streams: Option<StreamsView>,
    /// Stores, hosts and folders that do not answer, and for which jobs wait.
    pub places_away: Vec<PlaceView>,
}

/// What lies in the streams, or why that cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum StreamsView {
    /// Entries in each stream.
    Counted(StreamCounts),
    /// The server cannot be asked.
    Unknown {
        /// Why, in words.
        error: String,
    },
}

/// Entries in each stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamCounts {
    /// Jobs that no worker has leased yet, by lane.
    pub lanes: BTreeMap<Lane, i64>,
    /// What producers wrote and is not journaled yet.
    pub intake: i64,
    /// Outcomes kept for producers.
    pub results: i64,
    /// Refused entries that are kept.
    pub rejected_kept: i64,
    /// Entries refused ever.
    pub rejected: i64,
    /// What is wrong with the server though it can be asked: that it is full, say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// A pause that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PausedView {
    /// Whether it was not paused already.
    pub is_new: bool,
    /// All that is paused now.
    pub pauses: Vec<Pause>,
}

/// Pauses that were lifted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResumedView {
    /// The pauses that there were by that name; empty where nothing was.
    pub lifted: Vec<Pause>,
    /// All that is still paused.
    pub pauses: Vec<Pause>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counts_are_read_as_the_queue_tells_them_and_shown_alike() {
        let told = json!({
            "lanes": {"webhook": 1, "call": 2, "archive": 3}, "intake": 4, "results": 5, "rejected_kept": 6, "rejected": 7,
        });
        let counts: StreamCounts = serde_json::from_value(told.clone()).unwrap();
        assert_eq!(counts.lanes.get(&Lane::Call), Some(&2));
        assert_eq!(json!(StreamsView::Counted(counts)), told);
        assert_eq!(json!(StreamsView::Unknown { error: "no".into() }), json!({"error": "no"}));
    }
}
