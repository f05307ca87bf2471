//! What a container holds, as ffmpeg's ffprobe tells it: which audio tracks, since when, how long.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::child::{Ended, INPUT, Running, opening, owned};
use super::foreign::Foreign;
use super::options::DecodeOptions;
use super::output::Output;
use super::wave_tags::{self, EXPORT};
use crate::AudioError;

/// More than ffprobe says of any container.
const MAX_BYTES: usize = 1 << 20;

/// What is asked for.
const ENTRIES: &str = "stream=index,codec_type,codec_name,codec_tag_string,codec_tag,channels,sample_rate,start_time,\
    duration:stream_tags=title,language,handler_name,DURATION:format=start_time,duration";

/// What a container holds.
#[derive(Debug, Default)]
pub(super) struct Tracks {
    all: Vec<Track>,
    /// Since when, of all tracks the first.
    start_ms: i64,
    duration_ms: Option<u64>,
    /// The duration was guessed from the bit rate.
    is_guessed: bool,
}

/// A track of it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Track {
    /// Which, of all tracks.
    pub(super) index: usize,
    pub(super) is_audio: bool,
    /// As ffmpeg calls it; empty where it knows none.
    pub(super) codec: String,
    /// How the container calls it.
    tag: String,
    /// The same as a number.
    number: u32,
    pub(super) channels: usize,
    pub(super) rate_hz: u32,
    start_ms: Option<i64>,
    duration_ms: Option<u64>,
    /// What the container says of it: title, language.
    words: Vec<String>,
}

/// Asks the ffprobe beside `program`; none where there is none, or where it makes nothing of the file.
pub(super) fn probe(
    program: &Path,
    path: &Path,
    foreign: &Foreign,
    options: &DecodeOptions,
    output: &Output<'_>,
) -> Result<Option<Tracks>, AudioError> {
    let mut words = owned(&["-hide_banner", "-v", "warning"]);
    words.extend(opening(foreign));
    words.extend(owned(&["-show_entries", ENTRIES, "-of", "flat", INPUT]));
    let running = match Running::start(&ffprobe(program), &words, path, options, output) {
        Ok(running) => running,
        Err(AudioError::FfmpegRun { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let (bytes, ended) = running.all(MAX_BYTES, output)?;
    let Some(ended) = ended.filter(|ended| ended.is_success) else { return Ok(None) };
    let tracks = Tracks { is_guessed: ended.said.is_guessed, ..Tracks::parse(&String::from_utf8_lossy(&bytes)) };
    Ok(Some(tracks).filter(|tracks| !tracks.all.is_empty()))
}

/// Debian, and all others, install the two together.
pub(super) fn ffprobe(program: &Path) -> PathBuf {
    program.with_file_name("ffprobe")
}

impl Tracks {
    fn parse(text: &str) -> Self {
        let mut tracks = Self::default();
        let mut by_place: BTreeMap<usize, Track> = BTreeMap::new();
        for line in text.lines() {
            let Some((key, value)) = line.split_once('=') else { continue };
            let value = value.trim_matches('"');
            match key {
                "format.start_time" => tracks.start_ms = signed_ms(value).unwrap_or(0),
                "format.duration" => tracks.duration_ms = ms(value),
                _ => {
                    let place = key.strip_prefix("streams.stream.").and_then(|rest| rest.split_once('.'));
                    if let Some((Ok(place), key)) = place.map(|(place, key)| (place.parse(), key)) {
                        by_place.entry(place).or_default().hear(key, value);
                    }
                }
            }
        }
        tracks.all = by_place.into_values().collect();
        tracks
    }

    /// The tracks to be decoded.
    pub(super) fn audible(&self, foreign: &Foreign, output: &mut Output<'_>) -> Result<Vec<Track>, AudioError> {
        let audio: Vec<&Track> = self.all.iter().filter(|track| track.is_audio).collect();
        if audio.is_empty() {
            return Err(AudioError::NoAudioTrack { format: shown(&foreign.format) });
        }
        // These name codecs as WAV does, and ffmpeg takes some of the names for other codecs.
        let is_wave = ["AVI", "WMA", "Matroska"].iter().any(|format| foreign.format.starts_with(format));
        let (known, unknown): (Vec<&Track>, Vec<&Track>) = audio.into_iter().partition(|track| {
            let is_foreign = is_wave && wave_tags::is_nobodys(track.number);
            !is_foreign && !matches!(track.codec.as_str(), "" | "none" | "unknown")
        });
        if known.is_empty() {
            let codecs: Vec<&str> = unknown.iter().map(|track| track.tag.as_str()).collect();
            return Err(AudioError::Unsupported {
                what: format!(
                    "a {} file with sound in the codec {}, which neither earmark nor ffmpeg decodes",
                    foreign.format,
                    codecs.join(", ")
                ),
                advice: EXPORT.into(),
            });
        }
        for track in unknown {
            let detail = format!("{}, in the codec {}, cannot be decoded", track.shown(), track.tag);
            output.warn("track_left_out", detail);
        }
        Ok(known.into_iter().cloned().collect())
    }

    /// Since when, on the clock of the packets.
    pub(super) fn start_ms(&self) -> i64 {
        self.start_ms
    }

    /// What ffmpeg is told to read the container's first track beside `track`, where that one begins later: of some formats it
    /// takes the first packet that it needs for the beginning.
    pub(super) fn keep_start(&self, track: &Track) -> Vec<String> {
        let first = self.all.iter().filter(|other| other.start_ms.is_some()).min_by_key(|other| other.start_ms);
        match first {
            Some(first) if first.start_ms < track.start_ms => {
                owned(&["-map", &format!("0:{}", first.index), "-c", "copy", "-f", "null", "-"])
            }
            _ => Vec::new(),
        }
    }

    /// When `track` ends, counted from the container's start, where that is known: not when the picture does.
    pub(super) fn end_ms(&self, track: &Track) -> Option<u64> {
        if self.is_guessed {
            return None;
        }
        let is_alone = self.all.iter().all(|other| other == track);
        // ASF says of each track what it says of all.
        let is_of_all = self.all.iter().all(|other| other.duration_ms == track.duration_ms);
        let late = track.start_ms.map_or(0, |start| u64::try_from(start - self.start_ms).unwrap_or(0));
        match track.duration_ms {
            Some(duration) if is_alone || late == 0 || !is_of_all => Some(late + duration),
            None if is_alone => self.duration_ms,
            Some(_) | None => None,
        }
    }
}

impl Track {
    fn hear(&mut self, key: &str, value: &str) {
        match key {
            "index" => self.index = value.parse().unwrap_or(0),
            "codec_type" => self.is_audio = value == "audio",
            "codec_name" => self.codec = value.into(),
            "codec_tag_string" => self.tag = value.into(),
            "codec_tag" => {
                self.number = value.strip_prefix("0x").and_then(|hex| u32::from_str_radix(hex, 16).ok()).unwrap_or(0);
                // The letters of a number are none that anybody would look for.
                if self.tag.contains('[') {
                    self.tag = value.into();
                }
            }
            "channels" => self.channels = value.parse().unwrap_or(0),
            "sample_rate" => self.rate_hz = value.parse().unwrap_or(0),
            "start_time" => self.start_ms = signed_ms(value),
            "duration" => self.duration_ms = ms(value),
            "tags.title" => self.words.insert(0, value.chars().take(80).collect()),
            "tags.language" if value != "und" => self.words.push(value.chars().take(8).collect()),
            "tags.handler_name" if self.words.is_empty() && !value.ends_with("Handler") => {
                self.words.push(value.chars().take(80).collect());
            }
            _ => {}
        }
    }

    /// For messages: `track 1 (mic, eng)`. The audio's own count would say nothing in other programs.
    pub(super) fn shown(&self) -> String {
        let words = if self.words.is_empty() { String::new() } else { format!(" ({})", self.words.join(", ")) };
        format!("track {}{words}", self.index)
    }
}

/// Why ffmpeg gave nothing.
pub(super) fn failure(foreign: &Foreign, ended: &Ended) -> AudioError {
    if ended.said.is_without {
        return AudioError::NoAudioTrack { format: shown(&foreign.format) };
    }
    let said = ended.said.last().unwrap_or_else(|| "nothing".into());
    match foreign.advice {
        Some(advice) => AudioError::Unsupported {
            what: format!("a {}, and ffmpeg could not decode it ({}): {said}", foreign.format, ended.status),
            advice: advice.into(),
        },
        None => AudioError::FfmpegFailed { format: foreign.format.clone(), status: ended.status.clone(), said },
    }
}

fn shown(format: &str) -> &'static str {
    const KNOWN: [&str; 11] =
        ["MP4", "Matroska", "AVI", "FLV", "MPEG-TS", "MPEG-PS", "WMA", "CAF", "Ogg", "RealMedia", "WAV"];
    KNOWN.iter().find(|known| format.starts_with(**known)).unwrap_or(&"media")
}

/// Seconds in ms.
fn signed_ms(secs: &str) -> Option<i64> {
    let secs: f64 = secs.parse().ok()?;
    #[expect(clippy::as_conversions, reason = "whole milliseconds; a cast from a float saturates")]
    let ms = (secs * 1000.0).round() as i64;
    Some(ms)
}

fn ms(secs: &str) -> Option<u64> {
    signed_ms(secs).and_then(|ms| u64::try_from(ms).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_ends_by_its_own_clock_and_not_with_the_picture() {
        let text = "streams.stream.0.index=0\nstreams.stream.0.codec_type=\"video\"\nstreams.stream.0.duration=\"9.2\"\n\
            streams.stream.1.index=1\nstreams.stream.1.codec_name=\"mp3\"\nstreams.stream.1.codec_type=\"audio\"\n\
            streams.stream.1.start_time=\"6.400000\"\nstreams.stream.1.duration=\"3.096\"\n\
            streams.stream.1.tags.language=\"eng\"\nstreams.stream.1.tags.title=\"mic\"\n\
            format.start_time=\"1.4\"\nformat.duration=\"9.2\"\n";
        let tracks = Tracks::parse(text);
        assert_eq!(tracks.all.len(), 2);
        let audio = &tracks.all[1];
        assert_eq!(tracks.end_ms(audio), Some(5_000 + 3_096));
        assert_eq!(audio.shown(), "track 1 (mic, eng)");
        let unknown = Tracks::parse(&text.replace("streams.stream.1.duration=\"3.096\"\n", ""));
        assert_eq!(unknown.end_ms(&unknown.all[1]), None);
    }
}
