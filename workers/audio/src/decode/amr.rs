//! The frames of an AMR file, read to keep its time: ffmpeg drops those that hold no speech (silence descriptors and
//! empty frames of discontinuous transmission), and everything behind them would come too early.
//!
//! Each frame is 20 ms and begins with a byte that says its type. RFC 4867, 5.3.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;

use super::output::Output;
use crate::AudioError;
use crate::wide::wide;

/// Start of a narrow-band file, one channel.
pub(super) const NARROW_MARK: &[u8] = b"#!AMR\n";

/// Start of a wide-band file, one channel.
pub(super) const WIDE_MARK: &[u8] = b"#!AMR-WB\n";

/// Bytes after the type byte, by type.
const NARROW_BYTES: [usize; 16] = [12, 13, 15, 17, 19, 20, 26, 31, 5, 6, 5, 5, 0, 0, 0, 0];
const WIDE_BYTES: [usize; 16] = [17, 23, 32, 36, 40, 46, 50, 58, 60, 5, 0, 0, 0, 0, 0, 0];

/// Which of AMR's two kinds a file is: its sound reaches to 3.4 or to 7 kHz.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Band {
    Narrow,
    Wide,
}

/// How many frames `packet` holds.
pub(super) fn frames(packet: &[u8], band: Band) -> usize {
    let (mut at, mut frames) = (0, 0);
    while let Some(head) = packet.get(at) {
        at += 1 + frame_bytes(*head, band);
        frames += 1;
    }
    frames
}

/// Whether `bytes` are frames one behind the other, ten at least: no other sound is.
pub(super) fn is_chain(bytes: &[u8], band: Band) -> bool {
    let (mut at, mut frames) = (0, 0);
    while let Some(head) = bytes.get(at) {
        let kind = (head >> 3) & 15;
        // No bit is set that stands for nothing, and no type is one that does.
        if head & 0x83 != 0 || (9..=14).contains(&kind) {
            return false;
        }
        at += 1 + frame_bytes(*head, band);
        frames += 1;
    }
    frames >= 10
}

/// Bytes that follow a frame's first, its `head`.
fn frame_bytes(head: u8, band: Band) -> usize {
    let kind = usize::from((head >> 3) & 15);
    if band == Band::Wide { WIDE_BYTES[kind] } else { NARROW_BYTES[kind] }
}

/// Puts silence where the frames that ffmpeg leaves out were.
pub(super) struct Timeline {
    file: BufReader<File>,
    band: Band,
    /// Decoded, not yet placed.
    pending: Vec<Vec<i16>>,
    /// A frame read ahead that waits for its samples.
    waiting: bool,
    /// Frames so far.
    frames: u64,
    is_done: bool,
}

impl Timeline {
    pub(super) fn open(path: &Path, band: Band) -> Result<Self, AudioError> {
        let file = File::open(path).map_err(|source| AudioError::Read { source })?;
        let mut file = BufReader::with_capacity(1 << 16, file);
        let mut mark = vec![0; if band == Band::Wide { WIDE_MARK.len() } else { NARROW_MARK.len() }];
        file.read_exact(&mut mark).map_err(|source| AudioError::Read { source })?;
        Ok(Self { file, band, pending: vec![Vec::new()], waiting: false, frames: 0, is_done: false })
    }

    /// Samples of one frame.
    fn frame_samples(&self) -> usize {
        match self.band {
            Band::Narrow => 160,
            Band::Wide => 320,
        }
    }

    /// Takes what ffmpeg decoded.
    pub(super) fn push(
        &mut self,
        samples: impl Iterator<Item = i16>,
        output: &mut Output<'_>,
    ) -> Result<(), AudioError> {
        self.pending[0].extend(samples);
        self.place(output)
    }

    /// What ffmpeg had no more to give; how many frames it left out that hold speech, and the length of all, ms.
    pub(super) fn finish(mut self, output: &mut Output<'_>) -> Result<(u64, u64), AudioError> {
        let mut missing = 0;
        self.place(output)?;
        while !self.is_done {
            // A frame of speech that never came.
            missing += 1;
            self.waiting = false;
            output.push_silence(wide(self.frame_samples()))?;
            self.place(output)?;
        }
        Ok((missing, self.frames * 20))
    }

    /// Walks over the frames as far as their samples are there.
    fn place(&mut self, output: &mut Output<'_>) -> Result<(), AudioError> {
        let samples = self.frame_samples();
        let mut used = 0;
        loop {
            if !self.waiting {
                match self.next_is_speech()? {
                    None => {
                        self.is_done = true;
                        break;
                    }
                    Some(false) => {
                        self.give(&mut used, output)?;
                        output.push_silence(wide(samples))?;
                        continue;
                    }
                    Some(true) => self.waiting = true,
                }
            }
            if self.pending[0].len() - used < samples {
                break;
            }
            used += samples;
            self.waiting = false;
        }
        self.give(&mut used, output)
    }

    /// Hands on the first `used` samples.
    fn give(&mut self, used: &mut usize, output: &mut Output<'_>) -> Result<(), AudioError> {
        if *used > 0 {
            let rest = self.pending[0].split_off(*used);
            output.push_pcm16(&self.pending)?;
            self.pending[0] = rest;
            *used = 0;
        }
        Ok(())
    }

    /// Whether the next frame holds speech; none at the end.
    fn next_is_speech(&mut self) -> Result<Option<bool>, AudioError> {
        let mut head = [0];
        if !self.fill(&mut head)? {
            return Ok(None);
        }
        let kind = usize::from((head[0] >> 3) & 15);
        let bytes = frame_bytes(head[0], self.band);
        let speech = match self.band {
            Band::Narrow => kind < 8,
            Band::Wide => kind < 9,
        };
        let mut rest = [0; 64];
        if !self.fill(&mut rest[..bytes])? {
            return Ok(None);
        }
        self.frames += 1;
        Ok(Some(speech))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<bool, AudioError> {
        match self.file.read_exact(bytes) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
            Err(source) => Err(AudioError::Read { source }),
        }
    }
}
