//! What is kept of replays: [`Replays`], what it takes and gives.

use earmark_core::{JobId, Lane, RuleSetId, Tenant};
use serde::{Deserialize, Serialize};

use crate::database::Database;

/// Whose results to judge again. Everything that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayFilter {
    /// Of jobs finished at this instant or later.
    pub since_ms: Option<i64>,
    /// Of jobs finished before this instant.
    pub until_ms: Option<i64>,
    /// Of this tenant only; none for everybody's.
    pub tenant: Option<Tenant>,
    /// Of this lane.
    pub lane: Option<Lane>,
    /// At most this many; 0 for all.
    pub limit: u64,
}

/// A result as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReport {
    /// The job whose report it is.
    pub job_id: JobId,
    /// When the job was done.
    pub finished_at_ms: i64,
    /// The report, as JSON.
    pub text: String,
}

/// A comparison that is about to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReplay {
    /// The rules that judge first.
    pub from: RuleSetId,
    /// The rules that judge second.
    pub to: RuleSetId,
    /// Which jobs are judged again.
    pub filter: ReplayFilter,
    /// Who wants it, for the record.
    pub actor: String,
    /// Whether what the second rules find takes the place of what there was.
    pub is_applied: bool,
}

/// A comparison on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReplay {
    /// Its id, in the order of the beginnings.
    pub id: String,
    /// What it was.
    pub asked: NewReplay,
    /// When it began.
    pub started_at_ms: i64,
    /// When it ended; none while it is under way, or when it was cut short.
    pub ended_at_ms: Option<i64>,
    /// Its last line; none as long as it has not ended.
    pub summary: Option<String>,
}

/// Replays in the database.
#[derive(Debug, Clone)]
pub struct Replays {
    pub(super) db: Database,
}

impl Replays {
    /// The replays of `db`.
    pub fn new(db: Database) -> Self {
        Self { db }
    }
}
