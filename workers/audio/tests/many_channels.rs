//! Recordings of conference bridges: more channels than a telephone call has.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its material fails")]
#![expect(clippy::as_conversions, reason = "numbers of samples as floats and back")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use earmark_audio::decode::{DecodeOptions, Decoded, decode};
use earmark_core::{Failure, Region};

const RATE: u32 = 16_000;

/// A second of a tone on each of so many channels, 200 Hz on the first and 50 Hz more on each after it.
fn wav(channels: u16) -> Vec<u8> {
    let block = channels * 2;
    let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0".to_vec();
    bytes.extend(channels.to_le_bytes());
    bytes.extend(RATE.to_le_bytes());
    bytes.extend((RATE * u32::from(block)).to_le_bytes());
    bytes.extend(block.to_le_bytes());
    bytes.extend(16_u16.to_le_bytes());
    bytes.extend(b"data");
    bytes.extend((RATE * u32::from(block)).to_le_bytes());
    for i in 0..RATE {
        for channel in 0..channels {
            let turns = f64::from(i) * f64::from(hz(channel)) / f64::from(RATE);
            bytes.extend(((8000.0 * (std::f64::consts::TAU * turns).sin()) as i16).to_le_bytes());
        }
    }
    let size = (bytes.len() - 8) as u32;
    bytes[4..8].copy_from_slice(&size.to_le_bytes());
    bytes
}

fn hz(channel: u16) -> u16 {
    200 + 50 * channel
}

fn decoded(path: &Path) -> Result<Decoded, earmark_audio::AudioError> {
    let folder = tempfile::tempdir().unwrap();
    let options = DecodeOptions {
        temp_dir: folder.path().into(),
        max_duration_ms: 3_600_000,
        deadline: Duration::from_secs(600),
        memory_bytes: 1 << 28,
        ffmpeg: None,
        raw: None,
    };
    decode(path, &path.to_string_lossy(), &options, &|| false)
}

/// How often the sound goes through zero upwards in the middle half second, twice that.
fn heard_hz(decoded: &Decoded, channel: usize) -> u16 {
    let mut samples = Vec::new();
    decoded.spools[channel].read(Region { start: 4000, end: 12_000 }, &mut samples).unwrap();
    let rising = samples.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
    2 * rising as u16
}

#[test]
fn up_to_sixteen_channels_are_read_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    for channels in [9, 10, 16] {
        let path = folder.path().join(format!("{channels}.wav"));
        std::fs::write(&path, wav(channels)).unwrap();
        let opus = folder.path().join(format!("{channels}.mka"));
        let status = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-i"])
            .arg(&path)
            .args(["-c:a", "libopus", "-mapping_family", "255", "-b:a", "384k"])
            .arg(&opus)
            .status();
        assert!(status.unwrap().success(), "ffmpeg writes {channels} channels of Opus");
        for path in [path, opus] {
            let decoded = decoded(&path).unwrap();
            assert_eq!((decoded.channels, decoded.spools.len()), (channels, usize::from(channels)), "{path:?}");
            for channel in 0..channels {
                let heard = heard_hz(&decoded, usize::from(channel));
                assert!(heard.abs_diff(hz(channel)) <= 4, "{path:?}: {heard} Hz on channel {channel}");
            }
        }
    }
}

#[test]
fn more_than_sixteen_are_refused_with_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("17.wav");
    std::fs::write(&path, wav(17)).unwrap();
    let problem = decoded(&path).unwrap_err().problem();
    assert_eq!(problem.code, "decode.out_of_range");
    assert!(problem.message.contains("channels of 17, the limits are 1 and 16"), "{}", problem.message);
}
