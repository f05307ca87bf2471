//! The headers of MPEG audio's frames (MP1, MP2, MP3, AAC in ADTS), and whether a file begins with such frames: it has no
//! mark but frames that follow one another.

/// Frames that must follow one another before it is believed.
const CHAIN: usize = 3;

/// Stray bytes looked through for the first frame.
const MAX_STRAY: usize = 8192;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mpeg {
    pub(super) format: &'static str,
}

/// A codec of MPEG audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Mp1,
    Mp2,
    Mp3,
    Aac,
}

/// AAC's rates, by the numbers that headers and configurations give them. ISO 14496-3, 1.6.3.4.
pub(super) const AAC_RATES_HZ: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// What the header of a frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) codec: Codec,
    /// Length of the whole frame.
    pub(super) bytes: usize,
    /// Length of the header, where the decoder is not given it: AAC's.
    pub(super) header_bytes: usize,
    /// Samples for each channel.
    pub(super) samples: u32,
    pub(super) rate_hz: u32,
    /// 1 or 2; of AAC as its header numbers the arrangements, 0 where that lies in the frame.
    pub(super) channels: u8,
    /// AAC's object type.
    pub(super) object_type: u8,
    /// Where its table of contents would be, were it one; see [`super::mpeg_frames`].
    pub(super) side_end: usize,
    /// What all frames of a stream share.
    pub(super) kind: u32,
}

/// Looks for a chain of frames near the start of `head`.
pub(super) fn find(head: &[u8]) -> Option<Mpeg> {
    for start in 0..head.len().min(MAX_STRAY) {
        if let Some(first) = chain(&head[start..], start == 0) {
            let format = if first.codec == Codec::Aac { "AAC" } else { "MP3" };
            return Some(Mpeg { format });
        }
    }
    None
}

/// The first frame, if enough frames of one kind follow one another. A file that ends earlier is taken at its word only
/// if its very first byte opens a frame.
fn chain(bytes: &[u8], is_start: bool) -> Option<Header> {
    let first = header(bytes)?;
    let mut at = 0;
    for seen in 0..CHAIN {
        if at + 8 > bytes.len() {
            return (is_start && seen > 0).then_some(first);
        }
        match header(&bytes[at..]) {
            Some(frame) if frame.kind == first.kind => at += frame.bytes,
            _ => return None,
        }
    }
    Some(first)
}

/// The header that `bytes` begin with.
pub(super) fn header(bytes: &[u8]) -> Option<Header> {
    if bytes.first() != Some(&0xFF) {
        return None;
    }
    layered(bytes).or_else(|| adts(bytes))
}

/// ISO 11172-3, 2.4.1.3.
fn layered(bytes: &[u8]) -> Option<Header> {
    let header = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?);
    let field = |shift: u32, bits: u32| (header >> shift) & ((1 << bits) - 1);
    let index = |shift: u32, bits: u32| usize::try_from(field(shift, bits)).ok();
    let (version, layer, bitrate, rate) = (field(19, 2), field(17, 2), index(12, 4)?, index(10, 2)?);
    if header >> 21 != 0x7FF || version == 1 || layer == 0 || bitrate == 0 || bitrate == 15 || rate == 3 {
        return None;
    }
    const FIRST: [[u32; 15]; 3] = [
        [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
        [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
        [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    ];
    const LATER: [[u32; 15]; 2] = [
        [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
        [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    ];
    let is_first = version == 3;
    let kbits = match (is_first, layer) {
        (true, 3) => FIRST[0][bitrate],
        (true, 2) => FIRST[1][bitrate],
        (true, _) => FIRST[2][bitrate],
        (false, 3) => LATER[0][bitrate],
        (false, _) => LATER[1][bitrate],
    };
    // Version 2 halves the rates of version 1, version 2.5 quarters them.
    let halvings = match version {
        3 => 0,
        2 => 1,
        _ => 2,
    };
    let rate_hz = [44_100, 48_000, 32_000][rate] >> halvings;
    let padding = field(9, 1);
    let (bytes, samples, codec) = match (layer, is_first) {
        (3, _) => ((12_000 * kbits / rate_hz + padding) * 4, 384, Codec::Mp1),
        (2, _) => (144_000 * kbits / rate_hz + padding, 1152, Codec::Mp2),
        (_, true) => (144_000 * kbits / rate_hz + padding, 1152, Codec::Mp3),
        _ => (72_000 * kbits / rate_hz + padding, 576, Codec::Mp3),
    };
    let is_mono = field(6, 2) == 3;
    let side_bytes = match (is_first, is_mono) {
        (true, false) => 32,
        (true, true) | (false, false) => 17,
        (false, true) => 9,
    };
    let checksum_bytes = if field(16, 1) == 0 { 2 } else { 0 };
    Some(Header {
        codec,
        bytes: usize::try_from(bytes).ok()?,
        header_bytes: 0,
        samples,
        rate_hz,
        channels: if is_mono { 1 } else { 2 },
        object_type: 0,
        side_end: 4 + checksum_bytes + side_bytes,
        kind: header & 0xFFFE_0C00,
    })
}

/// ISO 13818-7, 6.2.
fn adts(bytes: &[u8]) -> Option<Header> {
    let header = bytes.get(..7)?;
    let is_sync = header[0] == 0xFF && header[1] & 0xF6 == 0xF0;
    let rate_hz = *AAC_RATES_HZ.get(usize::from((header[2] >> 2) & 15))?;
    let length = (usize::from(header[3] & 3) << 11) | (usize::from(header[4]) << 3) | usize::from(header[5] >> 5);
    let header_bytes = if header[1] & 1 == 1 { 7 } else { 9 };
    (is_sync && length > header_bytes).then(|| Header {
        codec: Codec::Aac,
        bytes: length,
        header_bytes,
        samples: 1024 * (u32::from(header[6] & 3) + 1),
        rate_hz,
        channels: ((header[2] & 1) << 2) | (header[3] >> 6),
        object_type: (header[2] >> 6) + 1,
        side_end: 0,
        kind: u32::from_be_bytes([header[0], header[1], header[2] & 0xFD, header[3] & 0xC0]),
    })
}

/// The length of an ID3v2 tag at the start: its size is in four bytes of seven bits.
pub(super) fn id3_bytes(head: &[u8]) -> Option<u64> {
    let tag = head.get(..10)?;
    if &tag[..3] != b"ID3" || tag[6..10].iter().any(|byte| *byte > 0x7F) {
        return None;
    }
    let size = tag[6..10].iter().fold(0, |size, byte| (size << 7) | u64::from(*byte));
    let footer = if tag[5] & 0x10 == 0 { 0 } else { 10 };
    Some(10 + size + footer)
}
