//! What the tests of artifacts share.

use std::path::Path;

use earmark_core::{Job, JobId, JobOptions, JobState, Lane, Tenant};

/// A job that somebody works on; its artifacts go to `out_dir`, where it has a folder of its own.
pub fn job(out_dir: Option<&Path>) -> Job {
    Job {
        id: JobId::at(1_760_000_000_000),
        uri: "a".into(),
        location: "/calls/a".into(),
        tenant: Tenant::default(),
        lane: Lane::Call,
        key: None,
        metadata: serde_json::Map::new(),
        options: JobOptions { out_dir: out_dir.map(|folder| folder.display().to_string()), ..JobOptions::default() },
        priority: 0,
        version: None,
        state: JobState::Leased,
        attempt: 1,
        deaths: 0,
        run_at_ms: 0,
        accepted_at_ms: 0,
        finished_at_ms: None,
        clips_total: None,
        clips_done: 0,
        is_cancel_requested: false,
        error: None,
    }
}
