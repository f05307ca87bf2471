//! Decoders of others that misbehave: whatever the child does, decoding ends.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use earmark_audio::AudioError;
use earmark_audio::decode::{DecodeOptions, Decoded, decode};

/// Decodes a file that needs ffmpeg with a shell script in its place.
fn with_ffmpeg(script: &str, deadline: Duration) -> Result<Decoded, AudioError> {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("ffmpeg");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let options = DecodeOptions {
        temp_dir: folder.path().into(),
        max_duration_ms: 3_600_000,
        deadline,
        memory_bytes: 512 << 20,
        ffmpeg: Some(program),
        raw: None,
    };
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures");
    decode(&fixtures.join("formats/austen0870.amrnb.amr"), "austen0870.amrnb.amr", &options, &|| false)
}

#[test]
fn a_decoder_that_says_all_and_does_not_end_is_ended_at_the_deadline() {
    for script in ["exec sleep 1000", "exec >&- 2>&-; exec sleep 1000"] {
        let error = with_ffmpeg(script, Duration::from_millis(300)).unwrap_err();
        assert!(matches!(error, AudioError::Deadline { .. }), "{script}: {error}");
    }
}

#[test]
fn what_a_decoder_leaves_behind_with_its_messages_is_not_waited_for() {
    let error = with_ffmpeg("sleep 1000 >&- & echo broken >&2; exit 3", Duration::from_secs(3600)).unwrap_err();
    assert!(matches!(error, AudioError::FfmpegFailed { .. }), "{error}");
}
