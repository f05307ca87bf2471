//! The recording, copied here or found here, with its hash, and no other than was offered.

use earmark_core::RecordingUri;
use earmark_objects::{FetchError, Fetched};
use tokio_util::sync::CancellationToken;

use crate::{JobError, Pipeline};

/// `version` is what the store called the recording when the job was accepted, where that was known.
pub async fn fetch(
    pipeline: &Pipeline,
    location: &RecordingUri,
    version: Option<&str>,
    stop: &CancellationToken,
) -> Result<Fetched, JobError> {
    let address = location.address().map_err(|error| JobError::Fetch(FetchError::from(error)))?;
    let fetching = pipeline.recordings.fetch(&address, &pipeline.settings.temp_dir, &pipeline.settings.fetch);
    let fetched = tokio::select! {
        () = stop.cancelled() => return Err(JobError::Stopped),
        fetched = fetching => fetched.map_err(JobError::Fetch)?,
    };
    if let Some(version) = version {
        fetched.check_version(version).map_err(JobError::Fetch)?;
    }
    Ok(fetched)
}
