//! Which content of a recording is meant, as far as that can be told without fetching it.

use earmark_core::RecordingUri;

use super::identity;

/// The version of the recording at `location` as a fetch would find it now: the one that its URI names, or for a regular
/// file that can be seen from here its size and the time of its last change. None where only a fetch would tell.
pub fn known_version(location: &str) -> Option<String> {
    match RecordingUri::parse(location).ok()? {
        RecordingUri::File(path) => identity::version(&path),
        RecordingUri::S3 { version, .. } => version,
        RecordingUri::Http(_) => None,
    }
}
