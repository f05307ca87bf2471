//! AMR out of a container as a file of its own, so that its pauses can be kept: ffmpeg drops the frames without speech there as
//! everywhere. Frames are copied, and where the packets' times leap, frames without data stand in.

use std::io::Write;
use std::path::Path;

use tempfile::NamedTempFile;

use super::amr::{self, Band};
use super::child::{INPUT, Running, before_input, opening, owned};
use super::foreign::Foreign;
use super::options::DecodeOptions;
use super::output::Output;
use super::tracks::{self, Track, Tracks};
use crate::AudioError;

/// A frame, ms.
const FRAME_MS: i64 = 20;

/// A frame without data: type 15, of good quality.
const NO_DATA: u8 = 0x7C;

/// No pause of a recording is longer, in frames: a day.
const MAX_PAUSE: i64 = 86_400_000 / FRAME_MS;

/// Which AMR `track` is, if it is.
pub(super) fn band(track: &Track) -> Option<Band> {
    match (track.codec.as_str(), track.channels) {
        ("amr_nb", 1) => Some(Band::Narrow),
        ("amr_wb", 1) => Some(Band::Wide),
        _ => None,
    }
}

/// Copies the frames of `track` to a file in the folder for temporary ones.
pub(super) fn write(
    program: &Path,
    path: &Path,
    foreign: &Foreign,
    (tracks, track, band): (&Tracks, &Track, Band),
    options: &DecodeOptions,
    output: &Output<'_>,
) -> Result<NamedTempFile, AudioError> {
    let broken = |source| AudioError::Spool { action: "write", source };
    let map = format!("0:{}", track.index);
    let mut words = before_input(foreign);
    words.push(INPUT.into());
    words.extend(owned(&["-map", &map, "-c", "copy", "-f", "data", "pipe:1"]));
    let frames = Running::start(program, &words, path, options, output)?;
    let mut words = owned(&["-hide_banner", "-v", "error"]);
    words.extend(opening(foreign));
    let stream = track.index.to_string();
    words.extend(owned(&[
        "-select_streams",
        &stream,
        "-show_entries",
        "packet=pts_time,size",
        "-of",
        "csv=p=0",
        INPUT,
    ]));
    let list = Running::start(&tracks::ffprobe(program), &words, path, options, output)?;
    let mut temp = NamedTempFile::new_in(&options.temp_dir).map_err(broken)?;
    let mark = if band == Band::Wide { amr::WIDE_MARK } else { amr::NARROW_MARK };
    temp.write_all(mark).map_err(broken)?;
    let (mut lines, mut bytes) = (Vec::new(), Vec::new());
    let mut next_ms = tracks.start_ms();
    while let Some(line) = next_line(&list, &mut lines, output)? {
        let mut fields = line.split(',');
        let pts_ms = fields.next().and_then(|secs| secs.parse::<f64>().ok()).map(whole_ms);
        let Some(size) = fields.next().and_then(|size| size.trim().parse::<usize>().ok()) else { continue };
        while bytes.len() < size {
            let Some(block) = frames.next(output)? else { break };
            bytes.extend_from_slice(&block);
        }
        let packet: Vec<u8> = bytes.drain(..size.min(bytes.len())).collect();
        if let Some(pts_ms) = pts_ms {
            let missing = ((pts_ms - next_ms + FRAME_MS / 2) / FRAME_MS).clamp(0, MAX_PAUSE);
            temp.write_all(&vec![NO_DATA; usize::try_from(missing).unwrap_or(0)]).map_err(broken)?;
            next_ms = next_ms.max(pts_ms);
        }
        temp.write_all(&packet).map_err(broken)?;
        next_ms += i64::try_from(amr::frames(&packet, band)).unwrap_or(0) * FRAME_MS;
    }
    temp.flush().map_err(broken)?;
    Ok(temp)
}

/// The next line that the child writes.
fn next_line(child: &Running, bytes: &mut Vec<u8>, output: &Output<'_>) -> Result<Option<String>, AudioError> {
    loop {
        if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = bytes.drain(..=end).collect();
            return Ok(Some(String::from_utf8_lossy(&line).trim().to_owned()));
        }
        match child.next(output)? {
            Some(block) => bytes.extend_from_slice(&block),
            None => return Ok(None),
        }
    }
}

fn whole_ms(secs: f64) -> i64 {
    #[expect(clippy::as_conversions, reason = "whole milliseconds; a cast from a float saturates")]
    let ms = (secs * 1000.0).round() as i64;
    ms
}
