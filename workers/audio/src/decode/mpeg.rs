//! Finds MPEG audio (MP1, MP2, MP3, AAC in ADTS), which has no mark but frames that follow one another.

/// Frames that must follow one another before it is believed.
const CHAIN: usize = 3;

/// Stray bytes looked through for the first frame.
const MAX_STRAY: usize = 8192;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mpeg {
    pub(super) format: &'static str,
    /// Whether the first frame tells how many follow (Xing, Info, VBRI).
    pub(super) has_length: bool,
}

/// Tells the length of the frame that some bytes begin with, and what all frames of a stream share.
type ReadFrame = fn(&[u8]) -> Option<(usize, u32)>;

/// The two kinds of frames, with their formats' names.
const KINDS: [(ReadFrame, &str); 2] = [(mp3_frame, "MP3"), (adts_frame, "AAC")];

/// Looks for a chain of frames near the start of `head`.
pub(super) fn find(head: &[u8]) -> Option<Mpeg> {
    for start in 0..head.len().min(MAX_STRAY) {
        if head[start] != 0xFF {
            continue;
        }
        for (frame, format) in KINDS {
            if let Some(first_bytes) = chain(&head[start..], frame, start == 0) {
                let first = &head[start..head.len().min(start + first_bytes)];
                let has_length =
                    [&b"Xing"[..], b"Info", b"VBRI"].iter().any(|mark| first.windows(4).any(|four| four == *mark));
                return Some(Mpeg { format, has_length });
            }
        }
    }
    None
}

/// The first frame's length, if enough frames of one kind follow one another. A file that ends earlier is taken at
/// its word only if its very first byte opens a frame.
fn chain(bytes: &[u8], frame: ReadFrame, is_start: bool) -> Option<usize> {
    let (first_bytes, kind) = frame(bytes)?;
    let mut at = 0;
    for seen in 0..CHAIN {
        if at + 8 > bytes.len() {
            return (is_start && seen > 0).then_some(first_bytes);
        }
        match frame(&bytes[at..]) {
            Some((length, same)) if same == kind => at += length,
            _ => return None,
        }
    }
    Some(first_bytes)
}

/// Length of an MPEG audio frame, and what all frames of a stream share. ISO 11172-3, 2.4.1.3.
fn mp3_frame(bytes: &[u8]) -> Option<(usize, u32)> {
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
    let length = match (layer, is_first) {
        (3, _) => (12_000 * kbits / rate_hz + padding) * 4,
        (2, _) | (_, true) => 144_000 * kbits / rate_hz + padding,
        _ => 72_000 * kbits / rate_hz + padding,
    };
    Some((usize::try_from(length).ok()?, header & 0xFFFE_0C00))
}

/// Length of an AAC frame in ADTS, and what all frames of a stream share. ISO 13818-7, 6.2.
fn adts_frame(bytes: &[u8]) -> Option<(usize, u32)> {
    let header = bytes.get(..7)?;
    let is_sync = header[0] == 0xFF && header[1] & 0xF6 == 0xF0;
    let rate = (header[2] >> 2) & 15;
    let length = (usize::from(header[3] & 3) << 11) | (usize::from(header[4]) << 3) | usize::from(header[5] >> 5);
    (is_sync && rate < 13 && length > 7)
        .then(|| (length, u32::from_be_bytes([header[0], header[1], header[2] & 0xFD, header[3] & 0xC0])))
}
