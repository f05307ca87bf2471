//! Stores, hosts and folders that are away.

use earmark_core::rfc3339;
use earmark_journal::AwayPlace;
use serde::Serialize;

/// A place that does not answer, and for which jobs wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlaceView {
    /// As people know it: a bucket and its endpoint, a host, a folder and its machine.
    pub name: String,
    /// Code of the failure.
    pub code: String,
    /// The failure in words.
    pub message: String,
    /// What can be done about it.
    pub hint: Option<String>,
    /// Since when it is away, RFC 3339.
    pub since: String,
    /// Jobs that wait for it.
    pub jobs_waiting: u64,
}

impl From<AwayPlace> for PlaceView {
    fn from(place: AwayPlace) -> Self {
        Self {
            since: rfc3339(place.since_ms),
            name: place.name,
            code: place.code,
            message: place.message,
            hint: place.hint,
            jobs_waiting: place.jobs_waiting,
        }
    }
}
