//! From a track's own time to the recording's: which of its frames are played, and where.
//!
//! A track is decoded from its first packet to its last. Its edit list, its encoder's lead-in and a start later than the
//! picture's say which of the frames are heard, and when.

use std::ops::Range;

use super::output::Output;
use crate::AudioError;
use crate::wide::wide;

/// A stretch of the track that is played, in frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Played {
    /// Its first frame, counted in the track.
    pub(super) from: u64,
    /// One past its last, counted in the track.
    pub(super) to: u64,
    /// Where it begins in the recording.
    pub(super) at: u64,
}

/// What comes next on a track.
#[derive(Clone, Copy)]
pub(super) enum Piece<'a> {
    /// One plane per channel.
    Sound(&'a [Vec<f32>]),
    /// So many frames for which there is no sound.
    Silence(u64),
}

impl Piece<'_> {
    fn frames(&self) -> u64 {
        match self {
            Self::Sound(planes) => planes.first().map_or(0, |plane| wide(plane.len())),
            Self::Silence(frames) => *frames,
        }
    }
}

/// Puts a track's frames where they are played, on one strand of an [`Output`].
#[derive(Debug)]
pub(super) struct Timeline {
    strand: usize,
    /// In order; the track is walked through once.
    played: Vec<Played>,
    next: usize,
    /// Frames of the track so far.
    position: u64,
    /// What was decoded and is not played, in frames.
    unplayed: u64,
}

impl Timeline {
    /// For a track that begins with frame `position` of its own time.
    pub(super) fn new(strand: usize, played: Vec<Played>, position: u64) -> Self {
        Self { strand, played, next: 0, position, unplayed: 0 }
    }

    /// All of the track from frame `skip` on, `at` so many frames into the recording.
    pub(super) fn whole(strand: usize, skip: u64, at: u64) -> Self {
        Self::new(strand, vec![Played { from: skip, to: u64::MAX, at }], 0)
    }

    /// Frames of the track so far.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Frames so far that were decoded and are not played.
    pub(super) fn unplayed(&self) -> u64 {
        self.unplayed
    }

    /// Takes the next frames of the track.
    pub(super) fn put(&mut self, piece: Piece<'_>, output: &mut Output<'_>) -> Result<(), AudioError> {
        let (start, frames) = (self.position, piece.frames());
        let end = start.saturating_add(frames);
        self.position = end;
        let mut heard = 0;
        while let Some(played) = self.played.get(self.next).copied() {
            let (from, to) = (start.max(played.from), end.min(played.to));
            if from < to {
                let at = played.at.saturating_add(from - played.from);
                let behind = at.saturating_sub(output.position(self.strand));
                output.push_silence_strand(self.strand, behind)?;
                match piece {
                    Piece::Sound(planes) => output.push_strand(self.strand, planes, range(from - start, to - start))?,
                    Piece::Silence(_) => output.push_silence_strand(self.strand, to - from)?,
                }
                heard += to - from;
            }
            if end < played.to {
                break;
            }
            self.next += 1;
        }
        if let Piece::Sound(_) = piece {
            self.unplayed += frames - heard;
        }
        Ok(())
    }

    /// Goes on at another rate: what is counted in frames of `from_hz` is counted in frames of `to_hz` from now on.
    pub(super) fn change_rate(&mut self, from_hz: u32, to_hz: u32) {
        let changed = |frames: u64| match frames {
            u64::MAX => u64::MAX,
            frames => u64::try_from(u128::from(frames) * u128::from(to_hz) / u128::from(from_hz)).unwrap_or(u64::MAX),
        };
        self.position = changed(self.position);
        for played in &mut self.played {
            *played = Played { from: changed(played.from), to: changed(played.to), at: changed(played.at) };
        }
    }
}

fn range(from: u64, to: u64) -> Range<usize> {
    let place = |frames: u64| usize::try_from(frames).unwrap_or(usize::MAX);
    place(from)..place(to)
}
