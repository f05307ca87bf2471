//! Command-line words as jobs.

use std::ffi::OsStr;
use std::path::Path;

use earmark_core::{Lane, NewJob, RecordingUri, Tenant};
use url::Url;

use crate::desk::submit::known_version;

/// A job for the recording at `uri`. A path is made absolute, so that a worker with another working folder finds it; of a
/// file that is there the version is noted, so that other content in it is another job.
pub fn job(uri: &OsStr, tenant: Tenant, lane: Lane) -> NewJob {
    let text = uri.to_string_lossy().into_owned();
    let location = location(uri).unwrap_or_else(|| text.clone());
    let version = known_version(&location);
    NewJob { lane, version, ..NewJob::new(text, location, tenant) }
}

/// An existing path is a path, whatever it looks like; otherwise the text decides.
fn location(uri: &OsStr) -> Option<String> {
    let path = Path::new(uri);
    let is_path = path.exists()
        || matches!(RecordingUri::parse(&uri.to_string_lossy()), Ok(RecordingUri::File(_)))
            && !uri.to_string_lossy().contains("://");
    if !is_path || uri.is_empty() {
        return None;
    }
    let absolute = std::path::absolute(path).ok()?;
    Url::from_file_path(absolute).ok().map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_existing_path_is_a_path_whatever_it_looks_like() {
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("a?b #c%20.wav");
        std::fs::write(&odd, b"").unwrap();
        let job = job(odd.as_os_str(), Tenant::default(), Lane::Call);
        assert_eq!(job.uri, odd.to_string_lossy());
        assert_eq!(RecordingUri::parse(&job.location), Ok(RecordingUri::File(odd)));
    }

    #[test]
    fn a_file_with_other_content_is_another_version() {
        let folder = tempfile::tempdir().unwrap();
        let call = folder.path().join("a.wav");
        let offered = || job(call.as_os_str(), Tenant::default(), Lane::Call);
        assert_eq!(offered().version, None);
        std::fs::write(&call, b"one").unwrap();
        let first = offered();
        assert_eq!(offered().identity(None), first.identity(None));
        std::fs::write(&call, b"more").unwrap();
        assert_ne!(offered().identity(None), first.identity(None));
        let version = |uri| job(OsStr::new(uri), Tenant::default(), Lane::Call).version;
        assert_eq!(version("s3://bucket/key?versionId=7").as_deref(), Some("7"));
        assert_eq!((version("s3://bucket/key"), version("https://example.org/a.wav")), (None, None));
    }

    #[test]
    fn addresses_stay_as_they_are() {
        for uri in ["https://example.org/a.wav?x=1", "s3://bucket/key", "file:///tmp/a.wav", "ftp://nowhere"] {
            assert_eq!(job(OsStr::new(uri), Tenant::default(), Lane::Call).location, uri);
        }
        let relative = job(OsStr::new("no/such.wav"), Tenant::default(), Lane::Call);
        assert!(
            relative.location.starts_with("file:///") && relative.location.ends_with("/no/such.wav"),
            "{}",
            relative.location
        );
    }
}
