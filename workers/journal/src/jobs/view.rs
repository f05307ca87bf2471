//! A job as it is told: the same by command, over HTTP and in the messages that tell of its end.

use earmark_core::{Job, JobId, PartView, RawSound, Speaker, Standing, rfc3339};
use serde::Serialize;

/// A job, where it stands, and whether its result waits for a reviewer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobView {
    /// The job as it is journaled; its id is `id` here.
    #[serde(flatten)]
    pub job: Job,
    /// The files of a recording that was offered as a list of them; not there for others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PartView>,
    /// Where it stands in the words of people: `state`, and the facts beside it.
    pub standing: Standing,
    /// The job's id once more, under the name that it has wherever else it is mentioned.
    pub job_id: JobId,
    /// When it was journaled, RFC 3339.
    pub accepted_at: String,
    /// When it became final, RFC 3339; none before.
    pub finished_at: Option<String>,
    /// Who speaks on channel 0, 1, …, where it was offered with that; none: as the configuration has it.
    pub speakers: Option<Vec<Speaker>>,
    /// How its headerless sound is to be read, where it was offered with that.
    pub sound: Option<RawSound>,
    /// Whether a rule holds its result back.
    #[serde(flatten)]
    pub holding: HoldingView,
}

impl JobView {
    /// `job` as its state alone tells where it stands, with nothing of a result: for the message of its end.
    pub(super) fn of_ended(job: Job) -> Self {
        let standing = Standing::from(job.state);
        Self::new(job, standing, HoldingView::default())
    }

    /// `job`, which stands at `standing`, with what is known of its result's `holding`.
    pub fn new(job: Job, standing: Standing, holding: HoldingView) -> Self {
        Self {
            parts: job.options.parts.iter().map(PartView::from).collect(),
            standing,
            job_id: job.id.clone(),
            accepted_at: rfc3339(job.accepted_at_ms),
            finished_at: job.finished_at_ms.map(rfc3339),
            speakers: job.options.speakers.clone(),
            sound: job.options.sound,
            holding,
            job,
        }
    }
}

/// Whether a rule holds a job's result back, and who released it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HoldingView {
    /// Whether it is held now.
    #[serde(rename = "held")]
    pub is_held: bool,
    /// Since when it is or was held, RFC 3339; none for a result that never was.
    pub held_since: Option<String>,
    /// When it was released, RFC 3339; none while it is held, and where it never was.
    pub released_at: Option<String>,
    /// Who released it; none while it is held, and where it never was.
    pub released_by: Option<String>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use earmark_core::{JobState, Lane, Tenant};
    use serde_json::{Map, json};

    use super::*;
    use crate::ReviewHold;

    #[test]
    fn every_field_that_was_ever_told_of_a_job_is_there_under_its_name() {
        let job = Job {
            id: JobId::at(1_760_000_000_000),
            uri: "a.wav".into(),
            location: "file:///a.wav".into(),
            tenant: Tenant::default(),
            lane: Lane::Call,
            key: None,
            metadata: Map::new(),
            options: earmark_core::JobOptions::default(),
            priority: 0,
            version: None,
            state: JobState::Done,
            attempt: 1,
            deaths: 0,
            run_at_ms: 0,
            accepted_at_ms: 0,
            finished_at_ms: Some(1_000),
            clips_total: Some(2),
            clips_done: 2,
            is_cancel_requested: false,
            error: None,
        };
        let held = ReviewHold { held_since_ms: 1_000, released: None };
        let view = json!(JobView::new(job, Standing::Done, HoldingView::from(Some(held))));
        let names: BTreeSet<&str> = view.as_object().unwrap().keys().map(String::as_str).collect();
        for name in "id uri tenant lane key metadata priority state attempt deaths run_at_ms accepted_at_ms \
                     finished_at_ms clips_total clips_done is_cancel_requested error standing job_id accepted_at \
                     finished_at held speakers sound"
            .split_whitespace()
        {
            assert!(names.contains(name), "{name} is missing in {names:?}");
        }
        assert_eq!((&view["held"], &view["finished_at"]), (&json!(true), &json!("1970-01-01T00:00:01Z")));
        assert_eq!(view["id"], view["job_id"]);
    }
}
