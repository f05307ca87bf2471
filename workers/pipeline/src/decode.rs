//! The recording as 16 kHz samples, channel by channel, on disk.

use earmark_audio::decode::{DecodeOptions, Decoded};
use earmark_storage::Fetched;
use tokio_util::sync::CancellationToken;

use crate::pipeline::blocking;
use crate::{JobError, Pipeline};

pub async fn decode(pipeline: &Pipeline, fetched: &Fetched, stop: &CancellationToken) -> Result<Decoded, JobError> {
    let settings = &pipeline.settings;
    let options = DecodeOptions {
        temp_dir: settings.temp_dir.clone(),
        max_duration_ms: settings.max_duration_ms,
        deadline: settings.decode_timeout,
        memory_bytes: settings.decode_memory_bytes,
        ffmpeg: settings.ffmpeg.clone(),
    };
    let (path, name, stop) = (fetched.path().to_owned(), fetched.name.clone(), stop.clone());
    let is_cancelled = stop.clone();
    let decoded = blocking("decode", move || {
        earmark_audio::decode::decode(&path, &name, &options, &|| is_cancelled.is_cancelled())
    })
    .await?;
    if stop.is_cancelled() {
        return Err(JobError::Stopped);
    }
    decoded.map_err(JobError::Decode)
}
