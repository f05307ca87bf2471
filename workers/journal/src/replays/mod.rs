//! Judging again: stored transcripts to be judged by other rules, the record of what came of it, and, when that is asked
//! for, findings in the place of those there were.

mod apply;
mod current;
mod pages;
mod record;

use earmark_core::{JobId, Lane, RuleSetId, Tenant};
use serde::{Deserialize, Serialize};

use crate::database::Database;

pub use apply::Applied;
pub(crate) use current::report as current_report;

/// Whose results to judge again. Everything that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayFilter {
    /// Of jobs finished at this instant or later.
    pub since_ms: Option<i64>,
    /// Of jobs finished before this instant.
    pub until_ms: Option<i64>,
    /// Whose.
    pub tenant: Option<Tenant>,
    /// Of this lane.
    pub lane: Option<Lane>,
    /// At most this many; 0 for all.
    pub limit: u64,
}

/// A result as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReport {
    /// Which job's.
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
    /// Which jobs.
    pub filter: ReplayFilter,
    /// Who wants it, for the record.
    pub actor: String,
    /// Whether what the second rules find takes the place of what there was.
    pub is_applied: bool,
}

/// A comparison on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReplay {
    /// Which.
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
    db: Database,
}

impl Replays {
    /// The replays of `db`.
    pub fn new(db: Database) -> Self {
        Self { db }
    }
}
