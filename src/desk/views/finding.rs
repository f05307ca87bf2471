//! A finding with its job, and what reviewers said of it.

use earmark_core::{Finding, JobId, Tenant, rfc3339};
use earmark_journal::{FindingPlace, GivenVerdict, JudgedFinding};
use serde::{Serialize, Serializer};

/// A finding, the job it was found in, and its last verdict.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FindingView {
    /// The job it was found in.
    pub job_id: JobId,
    /// Whose job that is.
    pub tenant: Tenant,
    /// When the job was done, RFC 3339.
    pub finished_at: String,
    /// The same in milliseconds since the epoch.
    pub finished_at_ms: i64,
    /// What was found.
    pub finding: Finding,
    /// The last verdict; none while nobody judged it.
    pub verdict: Option<GivenVerdict>,
}

impl From<JudgedFinding> for FindingView {
    fn from(found: JudgedFinding) -> Self {
        let JudgedFinding { job_id, tenant, finished_at_ms, finding, verdict } = found;
        Self { job_id, tenant, finished_at: rfc3339(finished_at_ms), finished_at_ms, finding, verdict }
    }
}

/// Findings, the latest jobs first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FindingPage {
    /// At most as many as were asked for.
    pub findings: Vec<FindingView>,
    /// What to continue after, if there may be more: a text that means something to the desk alone.
    #[serde(serialize_with = "as_text")]
    pub next: Option<FindingPlace>,
}

fn as_text<S: Serializer>(place: &Option<FindingPlace>, serializer: S) -> Result<S::Ok, S::Error> {
    place.as_ref().map(text_of).serialize(serializer)
}

fn text_of(place: &FindingPlace) -> String {
    let FindingPlace { finished_at_ms, job_id, start_ms, finding_id } = place;
    format!("{finished_at_ms}.{start_ms}.{job_id}.{finding_id}")
}

/// The place that `next` of a page names; none for any other text.
pub(in crate::desk) fn place_of(text: &str) -> Option<FindingPlace> {
    let mut parts = text.splitn(4, '.');
    Some(FindingPlace {
        finished_at_ms: parts.next()?.parse().ok()?,
        start_ms: parts.next()?.parse().ok()?,
        job_id: JobId::parse(parts.next()?).ok()?,
        finding_id: parts.next().filter(|id| !id.contains('\0'))?.to_owned(),
    })
}

/// A verdict that was just given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerdictView {
    /// The job in which the finding is.
    pub job_id: JobId,
    /// The finding's id in that job's report.
    pub finding_id: String,
    /// What was said of it, by whom and when.
    pub verdict: GivenVerdict,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back_from_its_text_and_no_other_text_is_one() {
        let place = FindingPlace {
            finished_at_ms: 1_760_000_000_000,
            job_id: JobId::at(1_760_000_000_000),
            start_ms: 36_064,
            finding_id: "f1.2".into(),
        };
        assert_eq!(place_of(&text_of(&place)), Some(place));
        for text in ["", "1.2", "1.2.nobody.f1", "x.2.3.4"] {
            assert_eq!(place_of(text), None, "{text}");
        }
    }
}
