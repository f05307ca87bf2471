//! Which content of a recording is meant, as far as that can be told without fetching it.

use earmark_core::{Address, RecordingUri};

use super::identity;

/// The version of the recording at `location` as a fetch would find it now: the one that its URI names, or for a regular
/// file that can be seen from here its size and the time of its last change. None where only a fetch would tell.
pub fn known_version(location: &RecordingUri) -> Option<String> {
    match location.address().ok()? {
        Address::File(path) => identity::version(&path),
        Address::S3 { version, .. } => version,
        Address::Http(_) => None,
    }
}
