//! What only the ffmpeg program decodes: its samples come through a pipe, those of several tracks side by side.

use std::path::Path;

use super::amr::Timeline;
use super::amr_copy;
use super::child::{Ended, INPUT, Running, before_input, owned};
use super::foreign::Foreign;
use super::guess;
use super::options::DecodeOptions;
use super::output::Output;
use super::pcm::Planes;
use super::side_by_side;
use super::sink::Streamed;
use super::tracks::{self, Track, Tracks};
use super::wave::Encoding;
use super::wave_head::Head;
use crate::AudioError;

/// Bytes of each reading that are listened to where the sound has to tell which is right: half a minute at 8 kHz.
const HEARD_BYTES: usize = 480_000;

/// Decodes the audio tracks of the file at `path`.
pub(super) fn decode(
    path: &Path,
    foreign: &Foreign,
    options: &DecodeOptions,
    output: &mut Output<'_>,
) -> Result<Streamed, AudioError> {
    let Some(program) = &options.ffmpeg else { return Err(AudioError::NeedsFfmpeg { format: foreign.format.clone() }) };
    if !foreign.rivals.is_empty() {
        let foreign = likeliest(program, path, foreign, options, output)?;
        return one(program, path, &foreign, None, options, output);
    }
    if foreign.demuxer.is_some() {
        return one(program, path, foreign, None, options, output);
    }
    let Some(tracks) = tracks::probe(program, path, foreign, options, output)? else {
        return one(program, path, foreign, None, options, output);
    };
    let audible = tracks.audible(foreign, output)?;
    match audible.as_slice() {
        [only] => match amr_copy::band(only) {
            Some(band) => {
                let copy = amr_copy::write(program, path, foreign, (&tracks, only, band), options, output)?;
                let amr = Foreign { format: foreign.format.clone(), ..Foreign::amr(band) };
                one(program, copy.path(), &amr, None, options, output)
            }
            None => one(program, path, foreign, Some((&tracks, only)), options, output),
        },
        several => side_by_side::decode(program, path, foreign, (&tracks, several), options, output),
    }
}

/// Which of the demuxers that fit makes the likeliest sound of the file.
fn likeliest(
    program: &Path,
    path: &Path,
    foreign: &Foreign,
    options: &DecodeOptions,
    output: &mut Output<'_>,
) -> Result<Foreign, AudioError> {
    let first = foreign.demuxer.map(|demuxer| (demuxer, foreign.arguments.clone()));
    let mut ways: Vec<Foreign> = first
        .into_iter()
        .chain(foreign.rivals.iter().cloned())
        .map(|(demuxer, arguments)| Foreign {
            demuxer: Some(demuxer),
            arguments,
            rivals: Vec::new(),
            ..foreign.clone()
        })
        .collect();
    let mut readings = Vec::new();
    for way in &ways {
        let mut words = before_input(way);
        words.push(INPUT.into());
        words.extend(owned(&["-map", "0:a:0", "-c:a", "pcm_s16le", "-f", "s16le", "pipe:1"]));
        let (bytes, _) = Running::start(program, &words, path, options, output)?.all(HEARD_BYTES, output)?;
        readings.push(bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect());
    }
    let way = ways.swap_remove(guess::likeliest(&readings));
    let detail = format!(
        "neither its name nor a header says how the bits of the {} file lie; of {} ways this sounds likeliest: {} {}; if the \
         words make no sense, offer it with its encoding declared",
        foreign.format,
        readings.len(),
        way.demuxer.unwrap_or_default(),
        way.arguments.join(" ")
    );
    output.warn("encoding_guessed", detail);
    Ok(way)
}

/// Decodes one track; the file's first where it is not known which there are.
fn one(
    program: &Path,
    path: &Path,
    foreign: &Foreign,
    track: Option<(&Tracks, &Track)>,
    options: &DecodeOptions,
    output: &mut Output<'_>,
) -> Result<Streamed, AudioError> {
    let mut words = before_input(foreign);
    words.push(INPUT.into());
    match track {
        Some((_, track)) => words.extend(side_by_side::from_start(track)),
        None => words.extend(owned(&["-map", "0:a:0"])),
    }
    if track.is_none() && foreign.demuxer.is_none() {
        words.extend(owned(&["-af", side_by_side::KEEP_TIME]));
    }
    words.extend(owned(&["-map_metadata", "-1", "-bitexact", "-c:a", "pcm_s16le", "-f", "wav", "pipe:1"]));
    if let Some((tracks, track)) = track {
        words.extend(tracks.keep_start(track));
    }
    let running = Running::start(program, &words, path, options, output)?;
    let mut bytes = Vec::new();
    let mut way = None;
    let mut rate_hz = 0;
    while let Some(block) = running.next(output)? {
        bytes.extend_from_slice(&block);
        if way.is_none() {
            let Some(head) = Head::parse(&bytes) else { continue };
            bytes.drain(..head.bytes);
            rate_hz = head.rate_hz;
            way = Some(Way::open(path, foreign, &head, output)?);
        }
        if let Some(way) = &mut way {
            way.push(&mut bytes, output)?;
        }
    }
    let ended = running.finish(output)?;
    let missing = match way {
        Some(way) => way.finish(output)?,
        None => None,
    };
    if output.frames() == 0 {
        return Err(tracks::failure(foreign, &ended));
    }
    let (errors, declared_ms) = match (missing, track) {
        // Of AMR our own reading of the frames knows better: what ffmpeg calls an error there is silence.
        (Some(Missing { frames, declared_ms }), _) => (frames, Some(declared_ms)),
        (None, Some((tracks, track))) => (ended.said.errors, foreign.declared_ms.or(tracks.end_ms(track))),
        (None, None) => (ended.said.errors, foreign.declared_ms.or(ended.said.duration_ms)),
    };
    warn_of_errors(errors, &ended, output);
    let codec = ended.said.codec.unwrap_or_else(|| foreign.format.to_ascii_lowercase());
    let declared = declared_ms.map(|ms| ms.saturating_mul(u64::from(rate_hz)) / 1000);
    output.finish(codec, rate_hz, foreign.format.clone(), declared)
}

fn warn_of_errors(errors: u64, ended: &Ended, output: &mut Output<'_>) {
    if errors > 0 || !ended.is_success {
        let first = ended.said.first_error.as_deref().unwrap_or("packets are missing");
        let detail = format!("{errors} packets could not be decoded by ffmpeg ({}): {first}", ended.status);
        output.warn("decode_errors", detail);
    }
}

/// What ffmpeg writes: 16 bits are what the spools keep.
const ENCODING: Encoding = Encoding::Integer { bytes: 2, is_big_endian: false };

/// AMR frames that ffmpeg left out although they hold speech.
struct Missing {
    frames: u64,
    declared_ms: u64,
}

/// How the samples go on.
enum Way {
    Direct { planes: Planes, frame_bytes: usize },
    Amr(Box<Timeline>),
}

impl Way {
    fn open(path: &Path, foreign: &Foreign, head: &Head, output: &mut Output<'_>) -> Result<Self, AudioError> {
        let planes = Planes::open(ENCODING, head.channels, head.rate_hz, output)?;
        match foreign.amr {
            Some(band) if head.channels == 1 => Ok(Self::Amr(Box::new(Timeline::open(path, band)?))),
            _ => Ok(Self::Direct { planes, frame_bytes: ENCODING.bytes() * head.channels }),
        }
    }

    /// Takes the whole frames off `bytes`.
    fn push(&mut self, bytes: &mut Vec<u8>, output: &mut Output<'_>) -> Result<(), AudioError> {
        match self {
            Self::Direct { planes, frame_bytes } => {
                let whole = bytes.len() / *frame_bytes * *frame_bytes;
                planes.push(&bytes[..whole], output)?;
                bytes.drain(..whole);
            }
            Self::Amr(timeline) => {
                let whole = bytes.len() / 2 * 2;
                timeline
                    .push(bytes[..whole].chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])), output)?;
                bytes.drain(..whole);
            }
        }
        Ok(())
    }

    fn finish(self, output: &mut Output<'_>) -> Result<Option<Missing>, AudioError> {
        match self {
            Self::Direct { .. } => Ok(None),
            Self::Amr(timeline) => {
                let (frames, declared_ms) = timeline.finish(output)?;
                Ok(Some(Missing { frames, declared_ms }))
            }
        }
    }
}
