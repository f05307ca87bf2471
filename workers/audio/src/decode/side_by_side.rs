//! Several audio tracks of a container, as recorders of screens write microphone and desktop: all are heard, each on channels
//! of its own, each since its own start. One ffmpeg a track, all in step.

use std::path::Path;

use super::child::{Ended, INPUT, Running, before_input, owned};
use super::foreign::Foreign;
use super::options::{DecodeOptions, MAX_CHANNELS};
use super::output::Output;
use super::sink::Streamed;
use super::tracks::{self, Track, Tracks};
use super::wave_head::Head;
use crate::AudioError;
use crate::wide::wide;

/// Packets that are missing leave silence, and so does what comes before the first, counted from the container's start.
pub(super) const KEEP_TIME: &str = "aresample=async=1:first_pts=0";

/// Frames that one track may be ahead of another.
const MOST_FRAMES: usize = 1 << 15;

/// A leap of the clock longer than this is another recording behind the first, seconds. ffmpeg's own limit is ten, which
/// takes a pause for a leap.
const LEAP_SECS: &str = "3600";

/// What ffmpeg is told to give `track` alone, from the container's start.
pub(super) fn from_start(track: &Track) -> Vec<String> {
    let map = format!("0:{}", track.index);
    owned(&["-map", &map, "-dts_delta_threshold", LEAP_SECS, "-af", KEEP_TIME])
}

/// Decodes `several` tracks of the file at `path`.
pub(super) fn decode(
    program: &Path,
    path: &Path,
    foreign: &Foreign,
    (tracks, several): (&Tracks, &[Track]),
    options: &DecodeOptions,
    output: &mut Output<'_>,
) -> Result<Streamed, AudioError> {
    let several = fitting(several, output);
    let rate_hz = several.iter().map(|track| track.rate_hz).max().unwrap_or(0);
    let mut strands = Vec::new();
    for track in &several {
        let mut words = before_input(foreign);
        words.push(INPUT.into());
        words.extend(from_start(track));
        words.extend(owned(&["-ac", &channels_of(track).to_string(), "-ar", &rate_hz.to_string()]));
        words.extend(owned(&["-map_metadata", "-1", "-bitexact", "-c:a", "pcm_s16le", "-f", "wav", "pipe:1"]));
        words.extend(tracks.keep_start(track));
        let running = Running::start(program, &words, path, options, output)?;
        strands.push(Strand { running: Some(running), bytes: Vec::new(), head: None, channels: channels_of(track) });
    }
    let channels: usize = strands.iter().map(|strand| strand.channels).sum();
    output.open(channels, rate_hz)?;
    let mut planes = vec![Vec::new(); channels];
    let mut ended = Vec::new();
    loop {
        for strand in &mut strands {
            ended.extend(strand.fill(output)?);
        }
        let open = strands.iter().filter(|strand| strand.running.is_some());
        let frames = open.map(Strand::frames).min().or_else(|| strands.iter().map(Strand::frames).max()).unwrap_or(0);
        let is_end = strands.iter().all(|strand| strand.running.is_none());
        if frames == 0 && is_end {
            break;
        }
        let frames = frames.min(MOST_FRAMES);
        let mut first = 0;
        for strand in &mut strands {
            strand.take(frames, &mut planes[first..first + strand.channels]);
            first += strand.channels;
        }
        output.push_pcm16(&planes)?;
    }
    if output.frames() == 0 {
        return match ended.first() {
            Some(ended) => Err(tracks::failure(foreign, ended)),
            None => Err(AudioError::NoAudioTrack { format: "media" }),
        };
    }
    warn(&several, output);
    let errors: u64 = ended.iter().map(|ended| ended.said.errors).sum();
    if let Some(failed) = ended.iter().find(|ended| ended.said.errors > 0 || !ended.is_success) {
        let first = failed.said.first_error.as_deref().unwrap_or("packets are missing");
        let detail = format!("{errors} packets could not be decoded by ffmpeg ({}): {first}", failed.status);
        output.warn("decode_errors", detail);
    }
    let ends: Vec<u64> = several.iter().filter_map(|track| tracks.end_ms(track)).collect();
    let declared = ends.into_iter().max().map(|ms| ms.saturating_mul(u64::from(rate_hz)) / 1000);
    let mut codecs: Vec<&str> = several.iter().map(|track| track.codec.as_str()).collect();
    codecs.dedup();
    output.finish(codecs.join("+"), rate_hz, foreign.format.clone(), declared)
}

/// A stereo track keeps its channels, a wider one is mixed down to two.
fn channels_of(track: &Track) -> usize {
    track.channels.clamp(1, 2)
}

/// The first tracks, as many as there are channels for.
fn fitting(several: &[Track], output: &mut Output<'_>) -> Vec<Track> {
    let mut fitting = Vec::new();
    let mut channels = 0;
    for track in several {
        if wide(channels + channels_of(track)) <= MAX_CHANNELS {
            channels += channels_of(track);
            fitting.push(track.clone());
        } else {
            let detail =
                format!("{} is not heard: all tracks together have more than {MAX_CHANNELS} channels", track.shown());
            output.warn("track_left_out", detail);
        }
    }
    fitting
}

/// Says which track became which channel.
fn warn(several: &[Track], output: &mut Output<'_>) {
    let mut first = 0;
    let mut told = Vec::new();
    for track in several {
        let next = first + channels_of(track);
        let (track, last) = (track.shown(), next - 1);
        told.push(if first == last {
            format!("{track} is channel {first}")
        } else {
            format!("{track} is channels {first} and {last}")
        });
        first = next;
    }
    let detail = format!("the file has {} audio tracks: {}", several.len(), told.join(", "));
    output.warn("tracks_joined", detail);
}

/// A track on its way.
struct Strand {
    /// None when it has given all.
    running: Option<Running>,
    bytes: Vec<u8>,
    head: Option<Head>,
    channels: usize,
}

impl Strand {
    /// Waits until there is a frame, or none will come; how ffmpeg ended, when it does.
    fn fill(&mut self, output: &Output<'_>) -> Result<Option<Ended>, AudioError> {
        while self.frames() == 0 {
            let Some(running) = &self.running else { break };
            match running.next(output)? {
                Some(block) => self.bytes.extend_from_slice(&block),
                None => return self.running.take().map(|running| running.finish(output)).transpose(),
            }
            if self.head.is_none()
                && let Some(head) = Head::parse(&self.bytes)
            {
                self.bytes.drain(..head.bytes);
                self.head = Some(head);
            }
        }
        Ok(None)
    }

    fn frames(&self) -> usize {
        if self.head.is_some() { self.bytes.len() / (2 * self.channels) } else { 0 }
    }

    /// Moves `frames` into `planes`, with silence for those that are not there.
    fn take(&mut self, frames: usize, planes: &mut [Vec<i16>]) {
        let some = frames.min(self.frames());
        let bytes = some * 2 * self.channels;
        for (channel, plane) in planes.iter_mut().enumerate() {
            plane.clear();
            let samples = self.bytes[..bytes].chunks_exact(2).skip(channel).step_by(self.channels);
            plane.extend(samples.map(|pair| i16::from_le_bytes([pair[0], pair[1]])));
            plane.resize(frames, 0);
        }
        self.bytes.drain(..bytes);
    }
}
