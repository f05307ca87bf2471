//! Opens Ogg Opus of channel mapping families that symphonia refuses, family 255 above all: what an encoder writes that
//! keeps the two sides of a call apart. The demuxer never looks at the mapping itself, so it is shown a first page that
//! says family 1 (Vorbis order); libopus gets the true mapping, which lies in the same bytes for both. RFC 7845, 5.1.1.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// Where the family stands in a first page with one segment: behind 28 bytes of page header and 18 of `OpusHead`.
const FAMILY: usize = 46;

/// The most a first page takes: its header, one segment, and the mapping of 255 channels.
const MAX_PAGE_BYTES: usize = 28 + 21 + 255;

/// The bytes to show instead of the file's first; empty where the file needs none.
pub(super) fn readable_start(file: &File) -> Vec<u8> {
    let mut page = vec![0; MAX_PAGE_BYTES];
    let got = file.read_at(&mut page, 0).unwrap_or(0);
    page.truncate(got);
    let is_opus = page.len() > FAMILY && page.starts_with(b"OggS") && page[26] == 1 && &page[28..36] == b"OpusHead";
    if !is_opus || page[FAMILY] <= 1 || page.len() < 28 + usize::from(page[27]) {
        return Vec::new();
    }
    page.truncate(28 + usize::from(page[27]));
    page[FAMILY] = 1;
    page[22..26].fill(0);
    let sum = checksum(&page);
    page[22..26].copy_from_slice(&sum.to_le_bytes());
    page
}

/// CRC-32 as Ogg counts it: polynomial 0x04C11DB7, nothing reflected, nothing inverted. RFC 3533, 6.
fn checksum(page: &[u8]) -> u32 {
    page.iter().fold(0, |sum: u32, byte| {
        (0..8).fold(
            sum ^ (u32::from(*byte) << 24),
            |sum, _| if sum >> 31 == 0 { sum << 1 } else { (sum << 1) ^ 0x04C1_1DB7 },
        )
    })
}
