//! What became of a recording that was offered.

use earmark_core::{Failure, Job, JobId, JobState, Problem, RawSound, RecordingUri, Speaker};
use earmark_journal::KeyNames;
use serde::Serialize;

/// The job that was made of an offer, or the one there was.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SubmittedView {
    /// The job's id.
    pub job_id: JobId,
    /// The recording, in the words of whoever offered it first.
    pub uri: RecordingUri,
    /// Where the job stands.
    pub state: JobState,
    /// Whether the job was made of this offer.
    pub is_new: bool,
    /// Who speaks on channel 0, 1, … as the job has it; a known job keeps what it was offered with first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speakers: Option<Vec<Speaker>>,
    /// How its headerless sound is to be read, as the job has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sound: Option<RawSound>,
    /// Why the job there was has ended without a result; not there otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Option<Problem>>,
    /// What to do about that; not there otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<&'static str>,
}

impl SubmittedView {
    /// `job`, as it was made of an offer just now (`is_new`) or before.
    pub fn new(job: &Job, is_new: bool) -> Self {
        // Whoever offers it again does not expect that it has ended without a result.
        let has_failed = !is_new && matches!(job.state, JobState::Dead | JobState::Cancelled);
        Self {
            job_id: job.id.clone(),
            uri: job.uri.clone(),
            state: job.state,
            is_new,
            speakers: job.options.speakers.clone(),
            sound: job.options.sound,
            error: has_failed.then(|| job.error.clone()),
            hint: has_failed
                .then_some("POST its /retry (`earmark jobs retry`) to have it tried again, or send `repeat`: true (`--again`) for another job"),
        }
    }
}

/// A recording that was not accepted, for its key names another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RefusedView {
    /// None: there is no job of it.
    pub job_id: Option<JobId>,
    /// The recording that was offered.
    pub uri: RecordingUri,
    /// Why, with the job that the key names.
    pub error: Problem,
}

impl RefusedView {
    /// What `names` says of the key.
    pub fn new(names: &KeyNames) -> Self {
        Self { job_id: None, uri: names.offered.clone(), error: names.problem() }
    }
}
