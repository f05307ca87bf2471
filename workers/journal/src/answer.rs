//! What became of an offered job.

use earmark_core::{Disposition, Failure, Fault, Job, JobId, NewJob, Part, RecordingUri};

/// An offered job that is in the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// The job as it stands now.
    pub job: Job,
    /// False when it was there already, by its key or as the same recording, version and rule set. It may have ended
    /// long ago, well or not: its state says so.
    pub is_new: bool,
}

/// What became of an offered job: it is in the journal, or its key names another recording.
pub type Answer = Result<Accepted, KeyNames>;

/// The key of an offer names another recording: nothing was accepted, and the other's job is none of its producer's
/// business.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key `{key}` names {names} already (job {job}), {offered} was not accepted")]
pub struct KeyNames {
    /// The producer's key.
    pub key: String,
    /// The job that has it.
    pub job: JobId,
    /// That job's recording.
    pub names: RecordingUri,
    /// The recording that was offered under the same key.
    pub offered: RecordingUri,
}

impl KeyNames {
    /// Why `new` is not `job`, which has its key or its identity; none where they are of one recording, however it is
    /// spelt.
    pub(crate) fn another(new: &NewJob, job: &Job) -> Option<Self> {
        let key = new.key.as_ref()?;
        // A location is one spelling, but not in rows of older versions.
        if is_one_recording(job, &new.location, &new.options.parts) {
            return None;
        }
        Some(Self { key: key.clone(), job: job.id.clone(), names: job.uri.clone(), offered: new.uri.clone() })
    }
}

/// Whether `job` is of the recording at `location` in `parts`, whoever may fetch either and until when.
pub(crate) fn is_one_recording(job: &Job, location: &RecordingUri, parts: &[Part]) -> bool {
    // A location is one spelling, but not in rows of older versions.
    let is_first_same = job.location.recording() == location.recording() || is_one_place(&job.location, location);
    let there = job.options.parts.iter().skip(1).map(|part| part.location.recording());
    is_first_same && there.eq(parts.iter().skip(1).map(|part| part.location.recording()))
}

fn is_one_place(one: &RecordingUri, other: &RecordingUri) -> bool {
    matches!((one.address(), other.address()), (Ok(one), Ok(other)) if one == other)
}

impl Failure for KeyNames {
    fn code(&self) -> &'static str {
        "job.key_reused"
    }

    fn hint(&self) -> Option<String> {
        Some("a key names one recording; give this one another".into())
    }

    fn disposition(&self) -> Disposition {
        Disposition::Fail
    }

    fn fault(&self) -> Fault {
        Fault::Caller
    }
}
