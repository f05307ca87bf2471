//! The recording, copied here or found here, with its hash, and no other than was offered.

use earmark_core::{RecordingUri, Stage};
use earmark_objects::{FetchError, Fetched};

use crate::context::Context;
use crate::error::JobError;

/// Copies the recording at `location`, or finds it where it can be read in place. `version` is what the store called the recording when the job was accepted, where that was known.
///
/// # Errors
/// [`JobError::Fetch`], also where it is another version; [`JobError::Stopped`].
pub(crate) async fn fetch(
    context: &Context<'_>,
    location: &RecordingUri,
    version: Option<&str>,
) -> Result<Fetched, JobError> {
    context.enter(Stage::Fetch);
    let pipeline = context.pipeline;
    let address = location.address().map_err(|error| JobError::Fetch(FetchError::from(error)))?;
    let fetching = pipeline.recordings.fetch(&address, &pipeline.settings.temp_dir, &pipeline.settings.fetch);
    let fetched = context.unless_stopped(fetching).await?.map_err(JobError::Fetch)?;
    if let Some(version) = version {
        fetched.check_version(version).map_err(JobError::Fetch)?;
    }
    Ok(fetched)
}
