//! The recording, copied here or found here, with its hash.

use earmark_core::RecordingUri;
use earmark_storage::{FetchError, Fetched};
use tokio_util::sync::CancellationToken;

use crate::{JobError, Pipeline};

pub async fn fetch(pipeline: &Pipeline, location: &str, stop: &CancellationToken) -> Result<Fetched, JobError> {
    let uri = RecordingUri::parse(location).map_err(|error| JobError::Fetch(FetchError::from(error)))?;
    let fetching = pipeline.recordings.fetch(&uri, &pipeline.settings.temp_dir, &pipeline.settings.fetch);
    tokio::select! {
        () = stop.cancelled() => Err(JobError::Stopped),
        fetched = fetching => fetched.map_err(JobError::Fetch),
    }
}
