//! The packets of an Ogg file, page by page: damage costs a page, and a chain of streams may use one serial number twice.
//! RFC 3533, 6.

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

/// What comes next.
pub(super) enum Next {
    Packet(Packet),
    /// A page, or bytes between pages, that make no sense: in words.
    Damage(String),
    /// The file ends; in the middle of a page.
    End {
        is_cut: bool,
    },
}

/// Reads pages and gives packets.
pub(super) struct Pages<R> {
    file: BufReader<R>,
    packets: BasePacketReader,
    /// Whether pages other than first ones were read since the last first one.
    is_under_way: bool,
}

impl<R: Read> Pages<R> {
    pub(super) fn of(file: R) -> Self {
        Self { file: BufReader::with_capacity(1 << 16, file), packets: tolerant(), is_under_way: false }
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
            let Some(skipped) = self.find_page(&mut header)? else { return Ok(Next::End { is_cut: false }) };
            match self.page(header)? {
                Some(Ok(())) if skipped == 0 => {}
                Some(Ok(())) => return Ok(Next::Damage(format!("{skipped} bytes between pages"))),
                Some(Err(error)) => return Ok(Next::Damage(error.to_string())),
                None => return Ok(Next::End { is_cut: true }),
            }
        }
    }

    /// Reads on to the next page's header; how many bytes lay before it. None where there is none.
    fn find_page(&mut self, header: &mut [u8; HEADER_BYTES]) -> std::io::Result<Option<u64>> {
        let mut skipped = 0;
        let mut have = 0;
        loop {
            let got = self.file.read(&mut header[have..])?;
            have += got;
            if got == 0 {
                return Ok(None);
            }
            if have < HEADER_BYTES {
                continue;
            }
            let keep = (0..HEADER_BYTES).find(|at| {
                let rest = &header[*at..];
                rest.starts_with(MARK) || MARK.starts_with(rest)
            });
            match keep {
                Some(0) => return Ok(Some(skipped)),
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
            Err(error) => return Ok(Some(Err(error))),
        };
        let Some(lengths) = self.read(lengths)? else { return Ok(None) };
        let bytes = parser.parse_segments(lengths);
        let Some(body) = self.read(bytes)? else { return Ok(None) };
        let page = match parser.parse_packet_data(body) {
            Ok(page) => page,
            Err(error) => return Ok(Some(Err(error))),
        };
        if is_first && self.is_under_way {
            // The next link of a chain knows nothing of the one before.
            self.packets = tolerant();
        }
        self.is_under_way = !is_first;
        Ok(Some(self.packets.push_page(page)))
    }

    fn read(&mut self, bytes: usize) -> std::io::Result<Option<Vec<u8>>> {
        let mut read = Vec::with_capacity(bytes);
        self.file.by_ref().take(wide(bytes)).read_to_end(&mut read)?;
        Ok((read.len() == bytes).then_some(read))
    }
}

/// The serial numbers of the streams that `file` begins with, in the order of their first pages.
pub(super) fn serials(file: &File) -> Vec<u32> {
    let mut serials = Vec::new();
    let mut at = 0;
    let mut header = [0; HEADER_BYTES + 255];
    loop {
        let got = file.read_at(&mut header, at).unwrap_or(0);
        if got < HEADER_BYTES || !header.starts_with(MARK) || header[5] & 2 == 0 {
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
