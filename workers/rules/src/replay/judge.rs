//! One stored report judged twice.

use std::sync::Arc;

use earmark_core::{Finding, JobId, Lane, Speech, Tenant, Utterance, rfc3339, rfc3339_ms};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::difference::{JobDifference, Tally};
use crate::recording::context::Context;
use crate::rule_set::RuleSet;

/// What of a report the rules see: reading the rest would take longer than judging it.
#[derive(Deserialize)]
struct Transcript {
    tenant: Tenant,
    lane: Lane,
    metadata: Map<String, Value>,
    accepted_at: String,
    language: String,
    recording: Length,
    utterances: Vec<Utterance>,
    #[serde(default)]
    speech: Vec<Speech>,
}

#[derive(Deserialize)]
struct Length {
    duration_ms: u64,
}

/// Two rule sets that judge the same.
#[derive(Clone)]
pub struct Judges {
    /// The set whose findings count as those before.
    pub from: Arc<RuleSet>,
    /// The set whose findings count as those after.
    pub to: Arc<RuleSet>,
}

/// What two rule sets make of one transcript.
pub struct Judged {
    /// Of how many findings of each rule came, went and changed.
    pub tally: Tally,
    /// What is different; none where nothing is.
    pub difference: Option<Different>,
    /// What the second set finds.
    pub after: Vec<Finding>,
}

/// A difference, and its JSON as it is printed and kept.
pub struct Different {
    /// What it is.
    pub difference: JobDifference,
    /// In one line.
    pub json: String,
}

impl Judges {
    /// Judges the stored `report` of a job that was done at `finished_at_ms` by both sets.
    ///
    /// # Errors
    /// Why it is no report, in words.
    pub fn judge(&self, job_id: &JobId, finished_at_ms: i64, report: &str) -> Result<Judged, String> {
        let transcript: Transcript = serde_json::from_str(report).map_err(|error| error.to_string())?;
        let Transcript { tenant, lane, metadata, accepted_at, language, recording, utterances, speech } = transcript;
        let context = Context {
            duration_ms: recording.duration_ms,
            // As the pipeline gives it.
            language: (language != "und").then_some(language),
            lane: Some(lane),
            tenant: Some(tenant),
            metadata,
            accepted_at_ms: rfc3339_ms(&accepted_at),
            speech,
        };
        let before = self.from.find(&utterances, &context);
        let after = self.to.find(&utterances, &context);
        let (tally, changes) = Tally::of(&before, &after);
        if changes.is_empty() {
            return Ok(Judged { tally, difference: None, after });
        }
        let difference = JobDifference {
            job_id: job_id.clone(),
            tenant: context.tenant.unwrap_or_default(),
            finished_at: rfc3339(finished_at_ms),
            changes,
        };
        let json = serde_json::to_string(&difference).map_err(|error| error.to_string())?;
        Ok(Judged { tally, difference: Some(Different { difference, json }), after })
    }
}
