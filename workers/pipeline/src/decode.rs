//! The recording as 16 kHz samples, channel by channel, on disk.

use earmark_audio::decode::{DecodeOptions, Decoded};
use earmark_core::{RawSound, Stage};
use earmark_objects::Fetched;

use crate::context::Context;
use crate::error::JobError;

/// Decodes the recording on a blocking thread, as `raw` says if it has no header.
///
/// # Errors
/// [`JobError::Decode`], [`JobError::Deadline`], [`JobError::Panicked`], [`JobError::Stopped`].
pub(crate) async fn decode(
    context: &Context<'_>,
    fetched: &Fetched,
    raw: Option<RawSound>,
) -> Result<Decoded, JobError> {
    context.enter(Stage::Decode);
    let (settings, stop) = (&context.pipeline.settings, context.stop);
    let options = DecodeOptions {
        temp_dir: settings.temp_dir.clone(),
        max_duration_ms: settings.max_duration_ms,
        deadline: settings.decode_timeout,
        memory_bytes: settings.decode_memory_bytes,
        ffmpeg: settings.ffmpeg.clone(),
        raw,
    };
    let (path, name) = (fetched.path().to_owned(), fetched.name.clone());
    // Whoever stops waiting for the thread tells it so.
    let is_cancelled = stop.child_token();
    let _waiting = is_cancelled.clone().drop_guard();
    // The decoder keeps its deadline itself; it may take as long to notice it as any wish to stop.
    let limit = settings.decode_timeout + settings.stop_time;
    let decoding = move || earmark_audio::decode::decode(&path, &name, &options, &|| is_cancelled.is_cancelled());
    let decoded = context.running.compute(limit, decoding).await?;
    if stop.is_cancelled() {
        return Err(JobError::Stopped);
    }
    decoded.map_err(JobError::Decode)
}
