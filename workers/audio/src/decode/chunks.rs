//! The chunks that WAV files and their kin consist of: RIFF (RF64, BW64), Sony W64, AIFF; and where such a file begins.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::bytes::Bytes;
use crate::AudioError;

/// Chunks followed to see whether bytes are chunks at all.
const MAX_CHAIN: usize = 64;

/// How many bytes from the end chunks behind sound of unknown length are looked for.
const TAIL_BYTES: usize = 1 << 18;

/// Bytes that [`header`] looks at.
pub(super) const HEADER_BYTES: usize = 24;

/// How a file's chunks are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kin {
    /// Four letters, four bytes of size, the low byte first.
    Riff,
    /// RIFF with names of 16 bytes and sizes of 8 that count themselves.
    W64,
    /// RIFF with the high byte first.
    Aiff,
}

/// What a file begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Header {
    Chunked(Kin),
    /// Sun's: no chunks, the sound goes on to the end.
    Au,
}

/// A chunk's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) id: [u8; 4],
    /// Where its contents begin.
    pub(super) body: u64,
    /// How many bytes its contents take, as it says.
    pub(super) bytes: u64,
}

/// What a GUID of W64 goes on with behind its four letters.
const W64_TAIL: [u8; 12] = [0xF3, 0xAC, 0xD3, 0x11, 0x8C, 0xD1, 0x00, 0xC0, 0x4F, 0x8E, 0xDB, 0x8A];

/// What such files hold beside their format and their sound.
const KNOWN: [&[u8; 4]; 52] = [
    b"data", b"LIST", b"list", b"fact", b"fmt ", b"ds64", b"cue ", b"plst", b"labl", b"note", b"ltxt", b"smpl",
    b"inst", b"bext", b"iXML", b"axml", b"aXML", b"chna", b"PEAK", b"JUNK", b"junk", b"PAD ", b"FLLR", b"id3 ",
    b"ID3 ", b"cart", b"mext", b"levl", b"link", b"DISP", b"afsp", b"_PMX", b"minf", b"elm1", b"regn", b"umid",
    b"acid", b"strc", b"slnt", b"CSET", b"SSND", b"COMM", b"MARK", b"INST", b"MIDI", b"AESD", b"APPL", b"COMT",
    b"NAME", b"AUTH", b"ANNO", b"FVER",
];

impl Kin {
    /// Where the first chunk lies behind a file's beginning.
    pub(super) fn first_chunk(self) -> u64 {
        if self == Self::W64 { 40 } else { 12 }
    }

    /// Bytes in front of a chunk's contents.
    pub(super) fn head_bytes(self) -> u64 {
        if self == Self::W64 { 24 } else { 8 }
    }

    /// The chunk at `at`; none at the file's end.
    pub(super) fn chunk(self, file: Bytes<'_>, at: u64) -> Result<Option<Chunk>, AudioError> {
        let body = at.saturating_add(self.head_bytes());
        if body > file.len {
            return Ok(None);
        }
        let Some(id) = file.get(at)? else { return Ok(None) };
        let bytes = match self {
            Self::Riff => file.get(at + 4)?.map(|four| u64::from(u32::from_le_bytes(four))),
            Self::Aiff => file.get(at + 4)?.map(|four| u64::from(u32::from_be_bytes(four))),
            Self::W64 => file.get(at + 16)?.map(|eight| u64::from_le_bytes(eight).saturating_sub(24)),
        };
        Ok(bytes.map(|bytes| Chunk { id, body, bytes }))
    }

    /// Where the next chunk lies behind contents that end at `end`.
    pub(super) fn padded(self, chunk_body: u64, end: u64) -> u64 {
        let bytes = end - chunk_body;
        end.saturating_add(if self == Self::W64 { bytes.next_multiple_of(8) - bytes } else { bytes % 2 })
    }

    /// Whether a chunk lies at `at`: one with a name that is known, or some that lead exactly to the end of the file.
    pub(super) fn is_chunk(self, file: Bytes<'_>, at: u64) -> Result<bool, AudioError> {
        let mut at = at;
        for step in 0..MAX_CHAIN {
            let Some(chunk) = self.chunk(file, at)? else {
                return Ok(step > 0 && at >= file.len && at <= file.len + 8);
            };
            if self.is_named(file, at, chunk.id)? {
                return Ok(true);
            }
            if !chunk.id.iter().all(|byte| matches!(byte, b' '..=b'~')) {
                return Ok(step > 0 && header_at(file, at)?.is_some());
            }
            at = self.padded(chunk.body, chunk.body.saturating_add(chunk.bytes));
        }
        Ok(true)
    }

    fn is_named(self, file: Bytes<'_>, at: u64, id: [u8; 4]) -> Result<bool, AudioError> {
        if !KNOWN.contains(&&id) {
            return Ok(false);
        }
        Ok(self != Self::W64 || file.get::<12>(at + 4)? == Some(W64_TAIL))
    }

    /// Where sound that begins at `from` and whose length nobody knows ends: in front of the chunks (or the tag) that
    /// lead exactly to the end of the file.
    pub(super) fn tail(self, file: Bytes<'_>, from: u64) -> Result<u64, AudioError> {
        let mut end = file.len;
        if end >= from.saturating_add(128) && file.get::<3>(end - 128)? == Some(*b"TAG") {
            end -= 128;
        }
        let first = from.max(end.saturating_sub(u64::try_from(TAIL_BYTES).unwrap_or(0)));
        let tail = file.some(first, TAIL_BYTES)?;
        for (offset, letters) in (first..end).zip(tail.windows(4)) {
            let is_known = KNOWN.iter().any(|known| *known == letters) && letters != b"data" && letters != b"SSND";
            if is_known && self.leads_to(file, offset, end)? {
                return Ok(offset);
            }
        }
        Ok(end)
    }

    fn leads_to(self, file: Bytes<'_>, at: u64, end: u64) -> Result<bool, AudioError> {
        let mut at = at;
        for _ in 0..MAX_CHAIN {
            if at == end || at == end + 1 {
                return Ok(true);
            }
            let Some(chunk) = self.chunk(file, at)? else { return Ok(false) };
            if !self.is_named(file, at, chunk.id)? {
                return Ok(false);
            }
            at = self.padded(chunk.body, chunk.body.saturating_add(chunk.bytes));
        }
        Ok(false)
    }
}

/// What `bytes` are the beginning of, if they are the beginning of a file.
pub(super) fn header(bytes: &[u8]) -> Option<Header> {
    let at = |offset: usize, mark: &[u8]| bytes.get(offset..offset + mark.len()) == Some(mark);
    match bytes.first()? {
        b'R' | b'B' if at(8, b"WAVE") && (at(0, b"RIFF") || at(0, b"RF64") || at(0, b"BW64")) => {
            Some(Header::Chunked(Kin::Riff))
        }
        b'r' if at(0, b"riff\x2E\x91\xCF\x11\xA5\xD6\x28\xDB") => Some(Header::Chunked(Kin::W64)),
        b'F' if at(0, b"FORM") && (at(8, b"AIFF") || at(8, b"AIFC")) => Some(Header::Chunked(Kin::Aiff)),
        b'.' if at(0, b".snd") => {
            let word = |offset: usize| Some(u32::from_be_bytes(bytes.get(offset..offset + 4)?.try_into().ok()?));
            let is_sane = (24..=1 << 20).contains(&word(4)?) && (1..=64).contains(&word(12)?) && word(20)? <= 64;
            is_sane.then_some(Header::Au)
        }
        _ => None,
    }
}

/// What begins at `at`, if it is the beginning of a file.
pub(super) fn header_at(file: Bytes<'_>, at: u64) -> Result<Option<Header>, AudioError> {
    Ok(header(&file.some(at, HEADER_BYTES)?))
}

/// What is rare in sound and stands in every header, with its place there: so the whole of a recording is looked through
/// at the speed of its memory.
static MARKS: LazyLock<[(Finder<'static>, usize); 5]> = LazyLock::new(|| {
    [(&b"WAVE"[..], 8), (b"AIFF", 8), (b"AIFC", 8), (b"riff\x2E\x91\xCF\x11", 0), (b".snd", 0)]
        .map(|(mark, offset)| (Finder::new(mark), offset))
});

/// Where in the first `within` of `bytes` another file begins: a header with the name of a chunk behind it, no accident.
pub(super) fn find_header(bytes: &[u8], within: usize) -> Option<usize> {
    let is_header = |at: &usize| match header(&bytes[*at..]) {
        None => false,
        Some(Header::Chunked(Kin::Riff | Kin::Aiff)) => {
            bytes.get(at + 12..at + 16).is_some_and(|four| KNOWN.iter().any(|known| *known == four))
        }
        Some(_) => true,
    };
    let first = |(mark, offset): &(Finder<'_>, usize)| {
        let places = mark.find_iter(bytes).filter_map(|at| at.checked_sub(*offset));
        places.take_while(|at| *at < within).find(is_header)
    };
    MARKS.iter().filter_map(first).min()
}
