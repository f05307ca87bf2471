//! The recording as 16 kHz samples, channel by channel, on disk.

use std::path::PathBuf;
use std::time::Instant;

use earmark_audio::AudioError;
use earmark_audio::decode::{DecodeOptions, Joined, join};
use earmark_core::{RawSound, Stage};

use crate::context::Context;
use crate::error::JobError;
use crate::files::{Files, of_part};

/// Decodes the recording on a blocking thread, as `raw` says what of it has no header, each of its files by itself; several are joined, channel behind channel.
/// The time it may take holds for all of them together.
///
/// # Errors
/// [`JobError::Decode`], in [`JobError::Part`] where one of several files is at fault; [`JobError::Deadline`],
/// [`JobError::Panicked`], [`JobError::Stopped`].
pub(crate) async fn decode(context: &Context<'_>, files: &Files, raw: Option<RawSound>) -> Result<Joined, JobError> {
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
    let each = files.each().map(|(file, offset_ms)| (file.path().to_owned(), file.name.clone(), offset_ms)).collect();
    // Whoever stops waiting for the thread tells it so.
    let is_cancelled = stop.child_token();
    let _waiting = is_cancelled.clone().drop_guard();
    // The decoder keeps its deadline itself; it may take as long to notice it as any wish to stop.
    let limit = settings.decode_timeout + settings.stop_time;
    let is_list = !files.parts.is_empty();
    let decoding = move || all(each, is_list, &options, &|| is_cancelled.is_cancelled());
    let decoded = context.running.compute(limit, decoding).await?;
    if stop.is_cancelled() {
        return Err(JobError::Stopped);
    }
    decoded.map_err(|(number, error)| match number {
        Some(number) => of_part(&files.parts, number, JobError::Decode(error)),
        None => JobError::Decode(error),
    })
}

/// Decodes `each` file (path, name, offset in ms); an error comes with the number of the file that it befell.
fn all(
    each: Vec<(PathBuf, String, u64)>,
    is_list: bool,
    options: &DecodeOptions,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Joined, (Option<usize>, AudioError)> {
    let started = Instant::now();
    let mut decoded = Vec::with_capacity(each.len());
    for (number, (path, name, offset_ms)) in each.into_iter().enumerate() {
        let deadline = options.deadline.saturating_sub(started.elapsed());
        let options = DecodeOptions { deadline, ..options.clone() };
        let one = earmark_audio::decode::decode(&path, &name, &options, is_cancelled);
        decoded.push((one.map_err(|error| (Some(number), error))?, offset_ms));
    }
    match (is_list, decoded.pop()) {
        (false, Some((decoded, _))) => Ok(Joined { decoded, parts: Vec::new() }),
        (_, last) => {
            decoded.extend(last);
            join(decoded, options.max_duration_ms).map_err(|error| (None, error))
        }
    }
}
