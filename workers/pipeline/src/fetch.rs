//! The recording's files, copied here or found here, with their hashes, and no others than were offered.

use earmark_core::{JobOptions, RecordingUri, Stage};
use earmark_objects::{FetchError, FetchLimits, Fetched};

use crate::context::Context;
use crate::error::JobError;
use crate::files::{Files, of_part};

/// Copies the recording at `location`, or finds it where it can be read in place; or each of its parts, where by `options`
/// it consists of several. `version` is what the store called it when the job was accepted, where that was known. What is
/// the largest recording that is taken holds for all of them together.
///
/// # Errors
/// [`JobError::Fetch`], also where it is another version, in [`JobError::Part`] where there are several;
/// [`JobError::Stopped`].
pub(crate) async fn fetch(
    context: &Context<'_>,
    location: &RecordingUri,
    version: Option<&str>,
    options: &JobOptions,
) -> Result<Files, JobError> {
    context.enter(Stage::Fetch);
    let mut limits = FetchLimits { is_confined: options.is_confined, ..context.pipeline.settings.fetch };
    let parts = options.parts.as_slice();
    if parts.is_empty() {
        return Ok(Files::one(file(context, location, version, &limits).await?));
    }
    let mut fetched = Vec::with_capacity(parts.len());
    for (number, part) in parts.iter().enumerate() {
        let one = file(context, &part.location, part.version.as_deref(), &limits).await;
        let one = one.map_err(|error| of_part(parts, number, error))?;
        limits.max_bytes = limits.max_bytes.saturating_sub(one.size_bytes);
        fetched.push(one);
    }
    Ok(Files::of(parts, fetched))
}

async fn file(
    context: &Context<'_>,
    location: &RecordingUri,
    version: Option<&str>,
    limits: &FetchLimits,
) -> Result<Fetched, JobError> {
    let pipeline = context.pipeline;
    let address = location.address().map_err(|error| JobError::Fetch(FetchError::from(error)))?;
    let fetching = pipeline.recordings.fetch(&address, &pipeline.settings.temp_dir, limits);
    let fetched = context.unless_stopped(fetching).await?.map_err(JobError::Fetch)?;
    if let Some(version) = version {
        fetched.check_version(version).map_err(JobError::Fetch)?;
    }
    Ok(fetched)
}
