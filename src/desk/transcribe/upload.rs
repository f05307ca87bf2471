//! What was uploaded, as samples: decoded as a job's recording is, from a temporary file, within the limits of a clip.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use earmark_asr::UploadFormat;
use earmark_audio::AudioError;
use earmark_audio::decode::{DecodeOptions, Decoded};
use earmark_core::Region;
use earmark_pipeline::Settings;
use tokio_util::sync::CancellationToken;

use super::error::TranscribeError;

/// The longest sound of one request. GLM-ASR page.
const MAX_MS: u64 = 30_000;
/// Decoding 30 s of any format takes milliseconds.
const DECODE_TIME: Duration = Duration::from_secs(20);

/// An upload, decoded.
pub struct Upload {
    /// Mono, 16 kHz, -1 to 1; the mean of all channels.
    pub samples: Arc<[f32]>,
    /// At which it was recorded; `samples` have 16 kHz whatever it was.
    pub sample_rate_hz: u32,
    /// Its length, at most 30 s.
    pub duration_ms: u64,
    /// The file's format where it may go to a provider as it is; none where only its samples may.
    pub format: Option<UploadFormat>,
}

/// Decodes `file`. The bytes decide what it is, not its name or type. Gives up when dropped.
///
/// # Errors
/// [`TranscribeError::NotAudio`], [`TranscribeError::TooLong`], [`TranscribeError::Failed`].
pub async fn decode(settings: &Settings, file: Bytes) -> Result<Upload, TranscribeError> {
    let options = DecodeOptions {
        temp_dir: settings.temp_dir.clone(),
        max_duration_ms: MAX_MS,
        deadline: DECODE_TIME.min(settings.decode_timeout),
        memory_bytes: settings.decode_memory_bytes,
        ffmpeg: settings.ffmpeg.clone(),
        raw: None,
    };
    let gone = CancellationToken::new();
    let _guard = gone.clone().drop_guard();
    let decoding = tokio::task::spawn_blocking(move || decoded(&options, &file, &gone));
    decoding.await.map_err(|error| TranscribeError::not_decoded(&error))?
}

fn decoded(options: &DecodeOptions, file: &[u8], gone: &CancellationToken) -> Result<Upload, TranscribeError> {
    let path = written(&options.temp_dir, file).map_err(|error| TranscribeError::not_decoded(&error))?;
    let decoded = earmark_audio::decode::decode(&path, "", options, &|| gone.is_cancelled())?;
    if decoded.duration_ms > MAX_MS {
        return Err(TranscribeError::TooLong);
    }
    Ok(Upload {
        samples: mixed(&decoded)?.into(),
        sample_rate_hz: decoded.sample_rate_hz,
        duration_ms: decoded.duration_ms,
        format: format(file, &decoded.codec),
    })
}

fn written(folder: &PathBuf, file: &[u8]) -> std::io::Result<tempfile::TempPath> {
    let mut copy = tempfile::NamedTempFile::new_in(folder)?;
    copy.write_all(file)?;
    Ok(copy.into_temp_path())
}

/// The mean of all channels.
fn mixed(decoded: &Decoded) -> Result<Vec<f32>, AudioError> {
    let mut mixed: Vec<f32> = Vec::new();
    for spool in &decoded.spools {
        let mut channel = Vec::new();
        spool.read(Region { start: 0, end: spool.samples() }, &mut channel)?;
        mixed.resize(mixed.len().max(channel.len()), 0.0);
        for (sum, sample) in mixed.iter_mut().zip(&channel) {
            *sum += sample / f32::from(decoded.channels);
        }
    }
    Ok(mixed)
}

/// WAV and MP3 are what a provider takes.
fn format(file: &[u8], codec: &str) -> Option<UploadFormat> {
    if file.starts_with(b"RIFF") && file.get(8..12) == Some(b"WAVE") {
        return Some(UploadFormat::Wav);
    }
    (codec == "mp3").then_some(UploadFormat::Mp3)
}
