//! MPEG audio as the frames that are there, one by one, whatever a header promises of their number. What lies between them
//! is passed over: tags, and the heads of files that were joined.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::bytes::read_fully;
use super::mpeg::{Codec, Header, header, id3_bytes};
use crate::AudioError;
use crate::wide::wide;

/// Bytes read at once: more than the longest frame (8191) and the header behind it.
const BLOCK_BYTES: usize = 1 << 16;

/// Bytes that are neither frames nor tags between two looks at the clock.
const CHECKED_BYTES: u64 = 1 << 20;

/// Bytes looked at to judge one frame.
const SEEN_BYTES: usize = 8192 + 16;

/// What an encoder's first frame tells of those that follow: it holds no sound. (Xing and Info as LAME writes them, VBRI as
/// Fraunhofer's encoder does.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Contents {
    /// How many frames follow, where it says.
    pub(super) frames: Option<u64>,
    /// Samples that encoder and decoder put in front, where it says.
    pub(super) delay: Option<u64>,
    /// Samples that the encoder put behind.
    pub(super) padding: u64,
}

/// A frame.
pub(super) struct Frame {
    pub(super) header: Header,
    pub(super) bytes: Vec<u8>,
    /// Set where it is a table of contents and no sound.
    pub(super) contents: Option<Contents>,
    /// Bytes before it that were neither frames nor tags.
    pub(super) stray: u64,
}

/// Delay of any layer III decoder, in samples.
pub(super) const DECODER_DELAY: u64 = 529;

/// The frames of a file, from its start.
pub(super) struct Frames<'a> {
    file: &'a File,
    buffer: Vec<u8>,
    /// Where the buffer lies in the file.
    start: u64,
    /// Where the next frame is looked for, in the buffer.
    at: usize,
    is_end: bool,
    kind: Option<u32>,
    /// Bytes at the end that are neither frames nor tags.
    trailing: u64,
}

impl<'a> Frames<'a> {
    pub(super) fn of(file: &'a File) -> Self {
        Self { file, buffer: Vec::new(), start: 0, at: 0, is_end: false, kind: None, trailing: 0 }
    }

    /// Bytes behind the last frame that are neither frames nor tags, once there is no further frame.
    pub(super) fn trailing(&self) -> u64 {
        self.trailing
    }

    /// The next frame; none at the end. `check` is asked now and then where there are none for long.
    ///
    /// # Errors
    /// [`AudioError::Read`], and what `check` returns.
    pub(super) fn next(&mut self, check: &dyn Fn() -> Result<(), AudioError>) -> Result<Option<Frame>, AudioError> {
        let mut stray = 0;
        loop {
            self.fill()?;
            let ahead = &self.buffer[self.at..];
            if ahead.len() < 4 {
                self.trailing = stray;
                return Ok(None);
            }
            if stray == 0
                && let Some(bytes) = tag_bytes(ahead)
                && self.is_tag(bytes)?
            {
                self.skip(bytes);
                continue;
            }
            if stray % CHECKED_BYTES == CHECKED_BYTES - 1 {
                check()?;
            }
            if let Some(header) = self.believed(ahead, stray > 0) {
                if ahead.len() < header.bytes {
                    // Cut off in its last frame.
                    self.trailing = stray;
                    return Ok(None);
                }
                let bytes = ahead[..header.bytes].to_vec();
                self.skip(wide(header.bytes));
                self.kind = Some(header.kind);
                let contents = contents(&header, &bytes);
                return Ok(Some(Frame { header, bytes, contents, stray }));
            }
            self.skip(1);
            stray += 1;
        }
    }

    /// Whether a tag of so many bytes may lie here: it ends within the file, before a frame, a tag or nothing. One whose
    /// size is wrong would hide what is behind it.
    fn is_tag(&self, bytes: u64) -> Result<bool, AudioError> {
        let end = self.start.saturating_add(wide(self.at)).saturating_add(bytes);
        let file_bytes = self.file.metadata().map_err(|source| AudioError::Read { source })?.len();
        if end >= file_bytes {
            return Ok(end == file_bytes);
        }
        let mut behind = [0; 16];
        let got = self.file.read_at(&mut behind, end).map_err(|source| AudioError::Read { source })?;
        let behind = &behind[..got];
        Ok(header(behind).is_some() || tag_bytes(behind).is_some() || behind.iter().all(|byte| *byte == 0))
    }

    /// The header of a frame at the start of `ahead`: of the kind before it, or of one that goes on. Behind stray bytes
    /// any frame must be followed by its like.
    fn believed(&self, ahead: &[u8], is_astray: bool) -> Option<Header> {
        let found = header(ahead)?;
        if Some(found.kind) == self.kind && !is_astray {
            return Some(found);
        }
        let behind = ahead.get(found.bytes..).unwrap_or(&[]);
        let is_last = behind.len() < 8 || tag_bytes(behind).is_some();
        let goes_on = header(behind).is_some_and(|next| next.kind == found.kind);
        (goes_on || is_last && !is_astray).then_some(found)
    }

    fn skip(&mut self, bytes: u64) {
        let left = wide(self.buffer.len() - self.at);
        if bytes <= left {
            self.at += usize::try_from(bytes).unwrap_or(usize::MAX);
        } else {
            self.start += wide(self.at) + bytes;
            self.buffer.clear();
            self.at = 0;
        }
    }

    /// Has enough in the buffer to judge a frame, or all there is.
    fn fill(&mut self) -> Result<(), AudioError> {
        while !self.is_end && self.buffer.len() - self.at < SEEN_BYTES {
            self.buffer.drain(..self.at);
            self.start += wide(self.at);
            self.at = 0;
            let had = self.buffer.len();
            self.buffer.resize(had + BLOCK_BYTES, 0);
            let got = read_fully(self.file, &mut self.buffer[had..], self.start + wide(had))?;
            self.buffer.truncate(had + got);
            self.is_end = got == 0;
        }
        Ok(())
    }
}

/// The length of a tag at the start of `bytes`: ID3v2, ID3v1, APE.
fn tag_bytes(bytes: &[u8]) -> Option<u64> {
    if let Some(bytes) = id3_bytes(bytes) {
        return Some(bytes);
    }
    if bytes.starts_with(b"TAG") {
        return Some(128);
    }
    if bytes.starts_with(b"APETAGEX") {
        let size = u32::from_le_bytes(bytes.get(12..16)?.try_into().ok()?);
        let is_header = bytes.get(23)? & 0x20 != 0;
        return Some(if is_header { 32 + u64::from(size) } else { 32 });
    }
    None
}

fn contents(header: &Header, frame: &[u8]) -> Option<Contents> {
    if header.codec != Codec::Mp3 {
        return None;
    }
    let word = |at: usize| Some(u32::from_be_bytes(frame.get(at..at + 4)?.try_into().ok()?));
    if frame.get(36..40) == Some(b"VBRI") {
        return Some(Contents { frames: word(50).map(u64::from), delay: None, padding: 0 });
    }
    let mark = header.side_end;
    if !matches!(frame.get(mark..mark + 4), Some(b"Xing" | b"Info")) {
        return None;
    }
    let flags = word(mark + 4)?;
    let mut at = mark + 8;
    let mut field = |bit: u32, bytes: usize| {
        let here = at;
        if flags & bit != 0 {
            at += bytes;
        }
        (flags & bit != 0).then_some(here)
    };
    let frames = field(1, 4).and_then(word).map(u64::from);
    field(2, 4);
    field(4, 100);
    field(8, 4);
    // The encoder's name, nine bytes, then twelve of settings; two lengths of twelve bits.
    let lengths = frame.get(at..at + 24).filter(|tag| tag[..4].iter().all(u8::is_ascii_graphic));
    let (delay, padding) = match lengths {
        Some(tag) => {
            let both = u32::from_be_bytes([0, tag[21], tag[22], tag[23]]);
            (Some(u64::from(both >> 12)), u64::from(both & 0xFFF))
        }
        None => (None, 0),
    };
    Some(Contents {
        frames,
        delay: delay.map(|delay| delay + DECODER_DELAY),
        padding: padding.saturating_sub(DECODER_DELAY),
    })
}
