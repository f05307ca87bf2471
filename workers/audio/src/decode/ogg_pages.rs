//! The packets of an Ogg file, page by page: damage costs a page, and a chain of streams may use one serial number twice.
//! RFC 3533, 6.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, Read};
use std::os::unix::fs::FileExt;

use ogg::Packet;
use ogg::reading::{BasePacketReader, OggReadError, PageParser};

use crate::wide::wide;

/// How a page begins.
const MARK: &[u8; 4] = b"OggS";

/// Its header without the lengths of its packets.
const HEADER_BYTES: usize = 27;

/// Streams that may begin together, and bytes of one packet: no recorder writes as many.
const MAX_STREAMS: usize = 256;
const MAX_PACKET_BYTES: usize = 1 << 20;

/// What comes next.
pub(super) enum Next {
    Packet(Packet),
    /// A page, or bytes between pages, that make no sense: in words.
    Damage(String),
    /// The file ends; within a page, or with bytes that are none.
    End {
        is_cut: bool,
    },
}

/// Reads pages and gives packets.
pub(super) struct Pages<R> {
    file: BufReader<R>,
    /// Bytes that are read once more, before those of the file: of a page that made no sense, in which others may lie.
    again: VecDeque<u8>,
    /// Bytes of packets that have not ended.
    open_bytes: usize,
    /// Streams that began in the present group.
    begun: usize,
    packets: BasePacketReader,
    /// Whether pages other than first ones were read since the last first one.
    is_under_way: bool,
}

impl<R: Read> Pages<R> {
    pub(super) fn of(file: R) -> Self {
        Self {
            file: BufReader::with_capacity(1 << 16, file),
            again: VecDeque::new(),
            open_bytes: 0,
            begun: 0,
            packets: tolerant(),
            is_under_way: false,
        }
    }

    /// The next packet, or what stands in its place.
    ///
    /// # Errors
    /// What the system says when the file cannot be read.
    pub(super) fn next(&mut self) -> std::io::Result<Next> {
        loop {
            if let Some(packet) = self.packets.read_packet() {
                return Ok(Next::Packet(packet));
            }
            let mut header = [0; HEADER_BYTES];
            let skipped = match self.find_page(&mut header)? {
                Found::Page { skipped } => skipped,
                Found::Nothing { skipped } => return Ok(Next::End { is_cut: skipped > 0 }),
            };
            match self.page(header)? {
                Some(Ok(())) if skipped == 0 => {}
                Some(Ok(())) => return Ok(Next::Damage(format!("{skipped} bytes between pages"))),
                Some(Err(error)) => return Ok(Next::Damage(error.to_string())),
                // It claims more than there is: what lies in it may be pages.
                None if self.again.is_empty() => return Ok(Next::End { is_cut: true }),
                None => return Ok(Next::Damage("a page that is not all there".into())),
            }
        }
    }

    /// Reads on to the next page's header.
    fn find_page(&mut self, header: &mut [u8; HEADER_BYTES]) -> std::io::Result<Found> {
        let mut skipped = 0;
        let mut have = 0;
        loop {
            let got = self.read_some(&mut header[have..])?;
            have += got;
            if got == 0 {
                return Ok(Found::Nothing { skipped: skipped + wide(have) });
            }
            if have < HEADER_BYTES {
                continue;
            }
            let keep = (0..HEADER_BYTES).find(|at| {
                let rest = &header[*at..];
                rest.starts_with(MARK) || MARK.starts_with(rest)
            });
            match keep {
                Some(0) => return Ok(Found::Page { skipped }),
                keep => {
                    let from = keep.unwrap_or(HEADER_BYTES);
                    header.copy_within(from.., 0);
                    have = HEADER_BYTES - from;
                    skipped += wide(from);
                }
            }
        }
    }

    /// The rest of a page; none where the file ends in it.
    fn page(&mut self, header: [u8; HEADER_BYTES]) -> std::io::Result<Option<Result<(), OggReadError>>> {
        let is_first = header[5] & 2 != 0;
        let (mut parser, lengths) = match PageParser::new(header) {
            Ok(parser) => parser,
            Err(error) => {
                self.reread(&header[MARK.len()..], &[], &[]);
                return Ok(Some(Err(error)));
            }
        };
        let lengths = self.read(lengths)?;
        let is_all = lengths.len() == usize::from(header[26]);
        let is_open = lengths.last() == Some(&255);
        let is_continued = is_open && lengths.iter().all(|length| *length == 255);
        let bytes = if is_all { parser.parse_segments(lengths.clone()) } else { 0 };
        let body = self.read(bytes)?;
        if !is_all || body.len() < bytes {
            self.reread(&header[MARK.len()..], &lengths, &body);
            return Ok(None);
        }
        let page = match parser.parse_packet_data(body.clone()) {
            Ok(page) => page,
            Err(error) => {
                self.reread(&header[MARK.len()..], &lengths, &body);
                return Ok(Some(Err(error)));
            }
        };
        if is_first && self.is_under_way {
            // The next link of a chain knows nothing of the one before.
            self.packets = tolerant();
            self.begun = 0;
        }
        self.is_under_way = !is_first;
        self.begun += usize::from(is_first);
        self.open_bytes = if is_continued { self.open_bytes + bytes } else { 0 };
        if self.begun > MAX_STREAMS || self.open_bytes > MAX_PACKET_BYTES {
            self.packets = tolerant();
            (self.begun, self.open_bytes) = (0, 0);
            return Ok(Some(Err(OggReadError::InvalidData)));
        }
        Ok(Some(self.packets.push_page(page)))
    }

    /// Has what was taken for a page read once more, in search of pages in it.
    fn reread(&mut self, header: &[u8], lengths: &[u8], body: &[u8]) {
        for byte in [body, lengths, header].into_iter().flat_map(|part| part.iter().rev()) {
            self.again.push_front(*byte);
        }
    }

    /// So many bytes, or as many as there are.
    fn read(&mut self, bytes: usize) -> std::io::Result<Vec<u8>> {
        let mut read = vec![0; bytes];
        let mut have = 0;
        while have < bytes {
            match self.read_some(&mut read[have..])? {
                0 => break,
                got => have += got,
            }
        }
        read.truncate(have);
        Ok(read)
    }

    fn read_some(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.again.is_empty() { self.file.read(into) } else { self.again.read(into) }
    }
}

/// What lies ahead in a file.
enum Found {
    /// A page, behind so many bytes that are none.
    Page { skipped: u64 },
    /// No page, but so many bytes.
    Nothing { skipped: u64 },
}

/// The serial numbers of the streams that `file` begins with, in the order of their first pages.
pub(super) fn serials(file: &File) -> Vec<u32> {
    let mut serials = Vec::new();
    let mut at = 0;
    let mut header = [0; HEADER_BYTES + 255];
    loop {
        let got = file.read_at(&mut header, at).unwrap_or(0);
        let is_over = serials.len() >= MAX_STREAMS;
        if is_over || got < HEADER_BYTES || !header.starts_with(MARK) || header[5] & 2 == 0 {
            return serials;
        }
        serials.push(u32::from_le_bytes([header[14], header[15], header[16], header[17]]));
        let lengths = usize::from(header[26]);
        let body: u64 = header[HEADER_BYTES..HEADER_BYTES + lengths].iter().copied().map(u64::from).sum();
        at += wide(HEADER_BYTES + lengths) + body;
    }
}

/// A reader that drops a packet whose beginning lay on a page that is lost, and nothing more.
fn tolerant() -> BasePacketReader {
    let mut packets = BasePacketReader::new();
    packets.update_after_seek();
    packets
}
