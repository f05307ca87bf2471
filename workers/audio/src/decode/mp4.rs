//! The parts of an MP4's index that symphonia leaves aside: is it there, how large is it, which tracks are sound, and what
//! of them their edit lists play. ISO 14496-12, 8.6.6: an encoder's lead-in is cut off this way, and what its owner cut
//! out; a track that starts later than the picture begins with an empty edit.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::AudioError;

/// Atoms looked at in one place.
const MAX_ATOMS: usize = 10_000;

/// Longest edit list that is taken.
const MAX_EDITS: u64 = 10_000;

/// Tracks of sound that are looked at.
const MAX_TRACKS: usize = 64;

/// A track of sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AudioTrack {
    /// As the header names it.
    pub(super) id: u32,
    /// The four characters that name its codec.
    pub(super) codec: String,
    /// Ticks a second.
    pub(super) timescale: u32,
    /// What of it is played, in the order of the recording; none where it is played as it is.
    pub(super) edits: Option<Vec<Edit>>,
}

/// A stretch of a track that is played, in the track's own ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edit {
    /// Where it begins in the track.
    pub(super) from: u64,
    /// How long it is; to the track's end where that is not said.
    pub(super) ticks: Option<u64>,
    /// Where it begins in the recording.
    pub(super) at: u64,
}

#[derive(Debug, Clone, Copy)]
struct Atom {
    kind: [u8; 4],
    /// Where its content begins.
    start: u64,
    end: u64,
}

/// The tracks of sound, in order. Memory grows with the index, so one above `max_index_bytes` is refused.
pub(super) fn audio_tracks(file: &File, max_index_bytes: u64) -> Result<Vec<AudioTrack>, AudioError> {
    let file_bytes = file.metadata().map_err(|source| AudioError::Read { source })?.len();
    let Some(moov) = atoms(file, 0, file_bytes)?.into_iter().find(|atom| &atom.kind == b"moov") else {
        let what =
            "its index (the `moov` atom) is missing, as when a recorder is cut off before it can write it".into();
        return Err(AudioError::Malformed { format: "MP4", what });
    };
    if moov.end > file_bytes {
        let what = format!(
            "its index (the `moov` atom) is cut off: {} of {} bytes are there",
            file_bytes.saturating_sub(moov.start),
            moov.end - moov.start
        );
        return Err(AudioError::Malformed { format: "MP4", what });
    }
    let index_bytes = moov.end - moov.start;
    if index_bytes > max_index_bytes {
        return Err(AudioError::OutOfRange {
            what: "an MP4 index (bytes) of",
            value: index_bytes,
            min: 0,
            max: max_index_bytes,
        });
    }
    let movie = atoms(file, moov.start, moov.end)?;
    let movie_timescale = match find(&movie, b"mvhd") {
        Some(header) => timescale(file, header)?,
        None => 0,
    };
    let mut tracks = Vec::new();
    for track in movie.iter().filter(|atom| &atom.kind == b"trak") {
        let parts = atoms(file, track.start, track.end)?;
        let (Some(media), Some(header)) = (find(&parts, b"mdia"), find(&parts, b"tkhd")) else { continue };
        let media = atoms(file, media.start, media.end)?;
        let (Some(handler), Some(media_header)) = (find(&media, b"hdlr"), find(&media, b"mdhd")) else { continue };
        if &read::<4>(file, handler.start + 8)? != b"soun" {
            continue;
        }
        let is_long = read::<1>(file, header.start)? == [1];
        let id = u32::from_be_bytes(read(file, header.start + if is_long { 20 } else { 12 })?);
        let timescale = timescale(file, media_header)?;
        let list = match find(&parts, b"edts") {
            Some(edits) => find(&atoms(file, edits.start, edits.end)?, b"elst"),
            None => None,
        };
        let edits = match list {
            Some(list) => edit_list(file, list, timescale, movie_timescale)?,
            None => None,
        };
        let codec = codec(file, &media)?;
        tracks.push(AudioTrack { id, codec, timescale, edits });
        if tracks.len() == MAX_TRACKS {
            break;
        }
    }
    Ok(tracks)
}

fn edit_list(file: &File, list: Atom, timescale: u32, movie_timescale: u32) -> Result<Option<Vec<Edit>>, AudioError> {
    let is_long = read::<1>(file, list.start)? == [1];
    let entry_bytes = if is_long { 20 } else { 12 };
    let there = (list.end - list.start).saturating_sub(8) / entry_bytes;
    let entries = u64::from(u32::from_be_bytes(read(file, list.start + 4)?)).min(there);
    if entries > MAX_EDITS {
        return Err(AudioError::OutOfRange { what: "a number of edits of", value: entries, min: 0, max: MAX_EDITS });
    }
    let ticks = |movie_ticks: u64| {
        let ticks = u128::from(movie_ticks) * u128::from(timescale) / u128::from(movie_timescale.max(1));
        u64::try_from(ticks).unwrap_or(u64::MAX)
    };
    let mut edits = Vec::new();
    let mut at = 0_u64;
    for i in 0..entries {
        let (duration, media_time, rate_at) = if is_long {
            let at = list.start + 8 + i * 20;
            (u64::from_be_bytes(read(file, at)?), i64::from_be_bytes(read(file, at + 8)?), at + 16)
        } else {
            let at = list.start + 8 + i * 12;
            let (duration, time) = (u32::from_be_bytes(read(file, at)?), i32::from_be_bytes(read(file, at + 4)?));
            (u64::from(duration), i64::from(time), at + 8)
        };
        // A negative time is an empty stretch before the track; a rate of 0 holds a picture.
        let is_played = i16::from_be_bytes(read(file, rate_at)?) != 0;
        if let Ok(from) = u64::try_from(media_time)
            && is_played
        {
            let is_open = duration == 0 || movie_timescale == 0;
            edits.push(Edit { from, ticks: (!is_open).then(|| ticks(duration)), at: ticks(at) });
        }
        at = at.saturating_add(duration);
    }
    Ok((!edits.is_empty()).then_some(edits))
}

/// What the first sample description of a track is called; `????` where there is none.
fn codec(file: &File, media: &[Atom]) -> Result<String, AudioError> {
    let mut inside = find(media, b"minf");
    for kind in [b"stbl", b"stsd"] {
        inside = match inside {
            Some(atom) => find(&atoms(file, atom.start, atom.end)?, kind),
            None => None,
        };
    }
    let named = match inside {
        Some(descriptions) if descriptions.end - descriptions.start >= 16 => read::<4>(file, descriptions.start + 12)?,
        _ => *b"????",
    };
    Ok(named.iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '?' }).collect())
}

/// Of an `mvhd` or `mdhd`.
fn timescale(file: &File, header: Atom) -> Result<u32, AudioError> {
    let is_long = read::<1>(file, header.start)? == [1];
    Ok(u32::from_be_bytes(read(file, header.start + if is_long { 20 } else { 12 })?))
}

fn find(atoms: &[Atom], kind: &[u8; 4]) -> Option<Atom> {
    atoms.iter().find(|atom| &atom.kind == kind).copied()
}

fn atoms(file: &File, start: u64, end: u64) -> Result<Vec<Atom>, AudioError> {
    let mut atoms = Vec::new();
    let mut at = start;
    while at.saturating_add(8) <= end && atoms.len() < MAX_ATOMS {
        let short = u64::from(u32::from_be_bytes(read(file, at)?));
        let kind = read(file, at + 4)?;
        let (header, bytes) = match short {
            0 => (8, end - at),
            1 if at.saturating_add(16) <= end => (16, u64::from_be_bytes(read(file, at + 8)?)),
            bytes => (8, bytes),
        };
        if bytes < header {
            break;
        }
        let next = at.saturating_add(bytes);
        atoms.push(Atom { kind, start: at + header, end: next });
        at = next;
    }
    Ok(atoms)
}

fn read<const N: usize>(file: &File, at: u64) -> Result<[u8; N], AudioError> {
    let mut bytes = [0; N];
    match file.read_exact_at(&mut bytes, at) {
        Ok(()) => Ok(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err(AudioError::Malformed { format: "MP4", what: format!("it ends within its index, at byte {at}") })
        }
        Err(source) => Err(AudioError::Read { source }),
    }
}
