//! The parts of an MP4's index that symphonia leaves aside: is it there, how large is it, and which part of the first
//! audio track its edit list plays. ISO 14496-12, 8.6.6: an AAC encoder's lead-in is cut off this way.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::AudioError;

/// Atoms looked at in one place.
const MAX_ATOMS: usize = 10_000;

/// Which part of a track is played, in the track's own ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edit {
    /// Ticks a second.
    pub(super) timescale: u32,
    /// Ticks dropped from the start.
    pub(super) skip: u64,
    /// Ticks played after them, where that is said.
    pub(super) keep: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Atom {
    kind: [u8; 4],
    /// Where its content begins.
    start: u64,
    end: u64,
}

/// The edit of the first audio track. Memory grows with the index, so one above `max_index_bytes` is refused.
pub(super) fn edit(file: &File, max_index_bytes: u64) -> Result<Option<Edit>, AudioError> {
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
    for track in movie.iter().filter(|atom| &atom.kind == b"trak") {
        let parts = atoms(file, track.start, track.end)?;
        let Some(media) = find(&parts, b"mdia") else { continue };
        let media = atoms(file, media.start, media.end)?;
        let (Some(handler), Some(header)) = (find(&media, b"hdlr"), find(&media, b"mdhd")) else { continue };
        if &read::<4>(file, handler.start + 8)? != b"soun" {
            continue;
        }
        let timescale = timescale(file, header)?;
        let Some(edits) = find(&parts, b"edts") else { return Ok(None) };
        let Some(list) = find(&atoms(file, edits.start, edits.end)?, b"elst") else { return Ok(None) };
        return edit_list(file, list, timescale, movie_timescale);
    }
    Ok(None)
}

fn edit_list(file: &File, list: Atom, timescale: u32, movie_timescale: u32) -> Result<Option<Edit>, AudioError> {
    let is_long = read::<1>(file, list.start)? == [1];
    let entries = u64::from(u32::from_be_bytes(read(file, list.start + 4)?)).min(64);
    let mut played = Vec::new();
    for i in 0..entries {
        let (duration, media_time) = if is_long {
            let at = list.start + 8 + i * 20;
            (u64::from_be_bytes(read(file, at)?), i64::from_be_bytes(read(file, at + 8)?))
        } else {
            let at = list.start + 8 + i * 12;
            (u64::from(u32::from_be_bytes(read(file, at)?)), i64::from(i32::from_be_bytes(read(file, at + 4)?)))
        };
        // A negative time is an empty stretch before the track.
        if let Ok(skip) = u64::try_from(media_time) {
            played.push((skip, duration));
        }
    }
    let Some((skip, duration)) = played.first().copied() else { return Ok(None) };
    let is_whole = played.len() == 1 && duration > 0 && movie_timescale > 0;
    let ticks = u128::from(duration) * u128::from(timescale) / u128::from(movie_timescale.max(1));
    Ok(Some(Edit { timescale, skip, keep: is_whole.then(|| u64::try_from(ticks).unwrap_or(u64::MAX)) }))
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
