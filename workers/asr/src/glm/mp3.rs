//! MP3 by the ffmpeg program: a child that reads a WAV file from its standard input and writes to its standard output.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use crate::AsrError;

/// Plenty for speech, and a fifth of the samples' size at 16 kHz.
const BIT_RATE: &str = "48k";
/// A clip takes a tenth of a second.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// What is kept of its complaints.
const MAX_COMPLAINT_BYTES: u64 = 4096;

/// `file`, a WAV file, as MP3.
///
/// # Errors
/// [`AsrError::NotEncoded`] without ffmpeg, when it fails, or when it takes too long.
pub(super) async fn encode(program: Option<&Path>, file: Bytes) -> Result<Bytes, AsrError> {
    let program = program.ok_or_else(|| not_encoded("there is no ffmpeg"))?;
    match tokio::time::timeout(TIME_LIMIT, run(program, &file)).await {
        Ok(encoded) => encoded,
        Err(_) => Err(not_encoded(&format!("ffmpeg took more than {} s", TIME_LIMIT.as_secs()))),
    }
}

async fn run(program: &Path, file: &[u8]) -> Result<Bytes, AsrError> {
    let mut command = Command::new(program);
    command.args(["-hide_banner", "-nostats", "-loglevel", "error", "-threads", "1"]);
    command.args(["-protocol_whitelist", "pipe", "-f", "wav", "-i", "pipe:0"]);
    // Nobody goes back in a pipe to fill in the header with the length, so there is none.
    command.args(["-map_metadata", "-1", "-id3v2_version", "0", "-write_xing", "0"]);
    command.args(["-c:a", "libmp3lame", "-b:a", BIT_RATE, "-ac", "1", "-f", "mp3", "pipe:1"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).env_clear().kill_on_drop(true);
    let mut child =
        command.spawn().map_err(|error| not_encoded(&format!("cannot run {}: {error}", program.display())))?;
    let (mut stdin, mut stdout, stderr) =
        (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
    let (mut encoded, mut complaint) = (Vec::new(), Vec::new());
    let feed = async move {
        // It stops reading only when it fails, which its status tells.
        let _ = stdin.write_all(file).await;
    };
    let mut complaints = stderr.take(MAX_COMPLAINT_BYTES);
    let ((), read, _) = tokio::join!(feed, stdout.read_to_end(&mut encoded), complaints.read_to_end(&mut complaint));
    // More of them than fit must not keep it from ending.
    drop(complaints);
    let status = child.wait().await.map_err(|error| not_encoded(&format!("ffmpeg is lost: {error}")))?;
    read.map_err(|error| not_encoded(&format!("cannot read from ffmpeg: {error}")))?;
    if !status.success() || encoded.is_empty() {
        let said = String::from_utf8_lossy(&complaint);
        return Err(not_encoded(&format!("ffmpeg ended with {status}: {}", said.trim())));
    }
    Ok(encoded.into())
}

fn not_encoded(detail: &str) -> AsrError {
    AsrError::NotEncoded { detail: detail.into() }
}
