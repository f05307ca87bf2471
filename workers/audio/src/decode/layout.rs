//! Where the sound lies in a WAV file and its kin (RIFF, RF64, BW64, Sony W64, AIFF, Sun AU), whatever its sizes say:
//! writers that die, pipe or join files leave sizes that are zero, stale, endless or followed by another file.

use std::fs::File;

use super::bytes::Bytes;
use super::chunks::{Chunk, HEADER_BYTES, Header, Kin, header, header_at};
use super::output::check_declared;
use super::wave::{Coded, Content, Encoding, Part, Pcm, WaveFormat, malformed};
use crate::AudioError;
use crate::wide::wide;

/// Chunks looked at in one file.
const MAX_CHUNKS: usize = 4096;

/// Stretches of sound in one file.
const MAX_PARTS: usize = 1 << 16;

/// Sizes from here up stand for "not known when the header was written".
const OPEN_END: u64 = 0x7F00_0000;

/// Sizes above this stand for it however long the file is: all that 32 bits can say, less a header.
const FULL: u64 = 0xFFFF_FF00;

/// The same where sizes take 64 bits.
const OPEN_END_LONG: u64 = 1 << 56;

/// Less than this behind the sound is no sound but what some writer left there, bytes.
const MIN_BEHIND: u64 = 400;

/// Zeros behind the sound are looked for in at most so many bytes.
const MAX_ZEROS: usize = 4 << 20;

/// Bytes of a format read at most.
const MAX_FORMAT: usize = 4096;

/// Finds the sound of the file that begins at `base`, and of those that lie behind it. Never empty.
pub(super) fn survey(file: &File, file_bytes: u64, base: u64) -> Result<Vec<Part>, AudioError> {
    let file = Bytes { file, len: file_bytes };
    let mut survey = Survey { file, parts: Vec::new() };
    let mut at = survey.recording(base)?.ok_or_else(|| malformed("its header is incomplete".into()))?;
    while survey.parts.len() < MAX_PARTS {
        match survey.recording(at) {
            Ok(Some(end)) if end > at => at = end,
            // What lies behind a whole recording and cannot be read takes nothing from it.
            Ok(_) | Err(AudioError::Malformed { .. } | AudioError::OutOfRange { .. }) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(survey.parts)
}

struct Survey<'a> {
    file: Bytes<'a>,
    parts: Vec<Part>,
}

/// What is known of a file while its chunks are walked over.
#[derive(Default)]
struct Seen {
    /// The format, and where it lies.
    format: Option<(Format, u64, u64)>,
    /// The sizes of `ds64`: of all, of the sound.
    long: Option<(u64, u64)>,
    fact: Option<u64>,
    has_sound: bool,
}

#[derive(Clone, Copy)]
enum Format {
    Wave(WaveFormat),
    Aiff(Pcm),
    /// AIFF-C with a codec.
    AiffCoded([u8; 4], u16, u32),
}

impl Survey<'_> {
    /// Reads the file that begins at `base`; where it ends, or none if none begins there.
    fn recording(&mut self, base: u64) -> Result<Option<u64>, AudioError> {
        match header(&self.file.some(base, HEADER_BYTES)?) {
            Some(Header::Chunked(kin)) => self.chunked(kin, base).map(Some),
            Some(Header::Au) => self.au(base).map(Some),
            None => Ok(None),
        }
    }

    fn chunked(&mut self, kin: Kin, base: u64) -> Result<u64, AudioError> {
        let mut seen = Seen::default();
        let mut at = base + kin.first_chunk();
        for _ in 0..MAX_CHUNKS {
            let Some(chunk) = kin.chunk(self.file, at)? else { break };
            if seen.has_sound && (header_at(self.file, at)?.is_some() || !kin.is_chunk(self.file, at)?) {
                break;
            }
            match (&chunk.id, kin) {
                (b"ds64", Kin::Riff) => {
                    let long = |at| -> Result<u64, AudioError> { Ok(u64::from_le_bytes(self.need(at)?)) };
                    seen.long = Some((long(chunk.body)?, long(chunk.body + 8)?));
                }
                (b"fmt ", Kin::Riff | Kin::W64) | (b"COMM", Kin::Aiff) => {
                    let most = usize::try_from(chunk.bytes).unwrap_or(MAX_FORMAT).min(MAX_FORMAT);
                    let bytes = self.file.some(chunk.body, most)?;
                    if bytes.len() < most {
                        return Err(malformed(format!("it ends within its header, at byte {}", self.file.len)));
                    }
                    let format =
                        if kin == Kin::Aiff { comm(&bytes)? } else { Format::Wave(WaveFormat::parse(&bytes)?) };
                    seen.format = Some((format, chunk.body, chunk.bytes));
                }
                (b"fact", Kin::Riff) if chunk.bytes >= 4 => {
                    seen.fact = Some(u64::from(u32::from_le_bytes(self.need(chunk.body)?)));
                }
                // A list of waves: its chunks are read as if they stood outside of it.
                (b"LIST", Kin::Riff) if self.file.get(chunk.body)? == Some(*b"wavl") => {
                    at = chunk.body + 4;
                    continue;
                }
                (b"data", Kin::Riff | Kin::W64) | (b"SSND", Kin::Aiff) => {
                    at = self.sound(kin, base, chunk, &seen)?;
                    seen.has_sound = true;
                    continue;
                }
                _ => {}
            }
            let end = chunk.body.saturating_add(chunk.bytes);
            at = self.next(kin, chunk.body, end)?.unwrap_or_else(|| kin.padded(chunk.body, end));
        }
        if seen.has_sound {
            return Ok(at.min(self.file.len));
        }
        Err(malformed("it holds no sound (no `data` chunk)".into()))
    }

    /// Notes the stretch of sound in `chunk`; where it ends and what follows begins.
    fn sound(&mut self, kin: Kin, base: u64, chunk: Chunk, seen: &Seen) -> Result<u64, AudioError> {
        let (format, format_at, format_bytes) =
            seen.format.ok_or_else(|| malformed("its sound comes before its format".into()))?;
        let (mut start, mut size) = (chunk.body, chunk.bytes);
        if kin == Kin::Aiff {
            let offset = u64::from(u32::from_be_bytes(self.need(chunk.body)?));
            start = start.saturating_add(8).saturating_add(offset);
            size = size.saturating_sub(8).saturating_sub(offset);
        }
        let there = self.file.len.saturating_sub(start);
        let is_open = match kin {
            Kin::W64 => size >= OPEN_END_LONG,
            Kin::Riff | Kin::Aiff => size > FULL || (size >= OPEN_END && size > there),
        };
        let declared = match seen.long {
            Some((_, long)) if size == 0xFFFF_FFFF && long > 0 && long < OPEN_END_LONG => Some(long),
            _ if is_open => None,
            _ => Some(size),
        };
        let end = start.saturating_add(declared.unwrap_or(0));
        let next = self.next(kin, start, end)?;
        let (bytes, declared, next) = match (declared, next) {
            (Some(0), Some(next)) => (0, Some(0), next),
            (None | Some(0), _) => {
                let tail = kin.tail(self.file, start)?;
                (tail - start, None, tail)
            }
            (Some(size), _) if size >= there => (there, Some(size), self.file.len),
            (Some(size), Some(next)) => (size, Some(size), next),
            (Some(size), None) => {
                let tail = kin.tail(self.file, end)?;
                let is_covered = self.declared_end(kin, base, seen)?.is_some_and(|all| all >= tail);
                let bytes = if self.is_sound(end, tail, is_covered)? { tail - start } else { size };
                (bytes, Some(size), tail)
            }
        };
        let content = match format {
            Format::Wave(wave) => match wave.pcm(&self.file.some(start, MAX_FORMAT)?)? {
                Some(pcm) => Content::Pcm(pcm),
                None => {
                    let WaveFormat { tag, channels, rate_hz, bytes_per_sec, block_bytes, bits } = wave;
                    check_declared(u64::from(channels), rate_hz)?;
                    let (tag, fact) = (u32::from(tag), seen.fact);
                    Content::Coded(Coded {
                        tag,
                        channels,
                        rate_hz,
                        bytes_per_sec,
                        block_bytes,
                        bits,
                        format_at,
                        format_bytes,
                        fact,
                    })
                }
            },
            Format::Aiff(pcm) => Content::Pcm(pcm),
            Format::AiffCoded(codec, channels, rate_hz) => Content::Coded(Coded {
                tag: u32::from_be_bytes(codec),
                channels,
                rate_hz,
                bytes_per_sec: 0,
                block_bytes: 0,
                bits: 0,
                format_at,
                format_bytes,
                fact: None,
            }),
        };
        let format = match kin {
            Kin::Riff => "WAV",
            Kin::W64 => "W64",
            Kin::Aiff => "AIFF",
        };
        if bytes > 0 || self.parts.is_empty() {
            self.parts.push(Part { format, content, start, bytes, declared_bytes: declared, base });
        }
        Ok(next)
    }

    /// Where chunks go on behind contents that end at `end`: there, or behind a byte that fills up, or at the end of the
    /// file; none if something else lies there.
    fn next(&self, kin: Kin, body: u64, end: u64) -> Result<Option<u64>, AudioError> {
        let padded = kin.padded(body, end);
        for at in [padded, end, end.saturating_add(1)] {
            if at.saturating_add(1) >= self.file.len
                || header_at(self.file, at)?.is_some()
                || kin.is_chunk(self.file, at)?
            {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// Where the file that begins at `base` ends, as its own size says.
    fn declared_end(&self, kin: Kin, base: u64, seen: &Seen) -> Result<Option<u64>, AudioError> {
        let size = match kin {
            Kin::W64 => return Ok(Some(base.saturating_add(u64::from_le_bytes(self.need(base + 16)?)))),
            Kin::Riff => u64::from(u32::from_le_bytes(self.need(base + 4)?)),
            Kin::Aiff => u64::from(u32::from_be_bytes(self.need(base + 4)?)),
        };
        let size = seen.long.map_or(size, |(all, _)| all);
        Ok((size < OPEN_END_LONG).then(|| base + 8 + size))
    }

    /// Whether what lies between `from` and `to`, behind the declared end, is sound: not a few bytes, not text, and not
    /// zeros that the file does not count as its own.
    fn is_sound(&self, from: u64, to: u64, is_covered: bool) -> Result<bool, AudioError> {
        let bytes = to - from;
        if bytes < MIN_BEHIND {
            return Ok(false);
        }
        let first = self.file.some(from, 64)?;
        let mut letters: Vec<u8> = first.clone();
        letters.sort_unstable();
        letters.dedup();
        let is_text =
            first.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~')) && letters.len() >= 8;
        if is_text || first.starts_with(b"ID3") || first.starts_with(b"APETAGEX") {
            return Ok(false);
        }
        if is_covered || bytes > wide(MAX_ZEROS) {
            return Ok(true);
        }
        Ok(self.file.some(from, usize::try_from(bytes).unwrap_or(MAX_ZEROS))?.iter().any(|byte| *byte != 0))
    }

    fn au(&mut self, base: u64) -> Result<u64, AudioError> {
        let word = |at: u64| -> Result<u32, AudioError> { Ok(u32::from_be_bytes(self.need(base + at)?)) };
        let (offset, size, code, rate_hz, channels) = (word(4)?, word(8)?, word(12)?, word(16)?, word(20)?);
        let is_big_endian = true;
        check_declared(u64::from(channels), rate_hz)?;
        let channels = u16::try_from(channels).expect("checked");
        let pcm = |encoding| Content::Pcm(Pcm { encoding, channels, rate_hz });
        let content = match code {
            1 => pcm(Encoding::MuLaw),
            2 => pcm(Encoding::Signed8),
            3 => pcm(Encoding::Integer { bytes: 2, is_big_endian }),
            4 => pcm(Encoding::Integer { bytes: 3, is_big_endian }),
            5 => pcm(Encoding::Integer { bytes: 4, is_big_endian }),
            6 => pcm(Encoding::Float { bytes: 4, is_big_endian }),
            7 => pcm(Encoding::Float { bytes: 8, is_big_endian }),
            27 => pcm(Encoding::ALaw),
            tag => Content::Coded(Coded {
                tag,
                channels,
                rate_hz,
                bytes_per_sec: 0,
                block_bytes: 0,
                bits: 0,
                format_at: base,
                format_bytes: 24,
                fact: None,
            }),
        };
        let start = base.saturating_add(u64::from(offset));
        let there = self.file.len.saturating_sub(start);
        let declared_bytes = Some(u64::from(size)).filter(|size| *size > 0 && *size < OPEN_END);
        let end = start.saturating_add(declared_bytes.unwrap_or(u64::MAX)).min(self.file.len);
        // There are no chunks: what lies behind is another file, or sound that the size leaves out.
        let is_whole = header_at(self.file, end)?.is_some() || !self.is_sound(end, self.file.len, false)?;
        let bytes = if is_whole { end.saturating_sub(start) } else { there };
        self.parts.push(Part { format: "AU", content, start, bytes, declared_bytes, base });
        Ok(start.saturating_add(bytes))
    }

    /// The `N` bytes at `at`, without which there is no header.
    fn need<const N: usize>(&self, at: u64) -> Result<[u8; N], AudioError> {
        self.file.get(at)?.ok_or_else(|| malformed(format!("it ends within its header, at byte {at}")))
    }
}

/// A `COMM` chunk of AIFF: channels, frames, bits, rate, and of AIFF-C the codec.
fn comm(chunk: &[u8]) -> Result<Format, AudioError> {
    if chunk.len() < 18 {
        return Err(malformed(format!("its format takes {} bytes, the least is 18", chunk.len())));
    }
    let half = |at: usize| u16::from_be_bytes([chunk[at], chunk[at + 1]]);
    let (channels, bits) = (half(0), half(6));
    // A float of 80 bits: sign and exponent, then the digits, of which the first 32 hold any rate there is.
    let exponent = u32::from(half(8) & 0x7FFF);
    let digits = u32::from_be_bytes([chunk[10], chunk[11], chunk[12], chunk[13]]);
    let rate_hz = match (16_383 + 31_u32).checked_sub(exponent) {
        Some(shift @ 0..=31) => digits >> shift,
        _ => 0,
    };
    check_declared(u64::from(channels), rate_hz)?;
    let codec = chunk.get(18..22).map_or(*b"NONE", |four| [four[0], four[1], four[2], four[3]]);
    let integer = |is_big_endian| match bits.div_ceil(8) {
        1 => Some(Encoding::Signed8),
        bytes @ 2..=4 => Some(Encoding::Integer { bytes: usize::from(bytes), is_big_endian }),
        _ => None,
    };
    let encoding = match &codec {
        b"NONE" | b"twos" => integer(true),
        b"sowt" => integer(false),
        b"in24" => Some(Encoding::Integer { bytes: 3, is_big_endian: true }),
        b"in32" => Some(Encoding::Integer { bytes: 4, is_big_endian: true }),
        b"fl32" | b"FL32" => Some(Encoding::Float { bytes: 4, is_big_endian: true }),
        b"fl64" | b"FL64" => Some(Encoding::Float { bytes: 8, is_big_endian: true }),
        b"raw " => Some(Encoding::Unsigned8),
        b"alaw" | b"ALAW" => Some(Encoding::ALaw),
        b"ulaw" | b"ULAW" => Some(Encoding::MuLaw),
        _ => return Ok(Format::AiffCoded(codec, channels, rate_hz)),
    };
    let encoding = encoding.ok_or_else(|| AudioError::Malformed {
        format: "AIFF",
        what: format!("its samples have {bits} bits, the most is 32"),
    })?;
    Ok(Format::Aiff(Pcm { encoding, channels, rate_hz }))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    /// A file of `len` bytes that begins with `head`; it takes no room on the disk.
    fn sparse(head: &[u8], len: u64) -> File {
        let file = tempfile::tempfile().unwrap();
        file.set_len(len).unwrap();
        file.write_all_at(head, 0).unwrap();
        file
    }

    fn wav(mark: &[u8; 4], before: &[u8], riff: u32, size: u32) -> Vec<u8> {
        let format = b"fmt \x10\0\0\0\x01\0\x02\0\x80\xBB\0\0\0\xEE\x02\0\x04\0\x10\0";
        let (riff, size) = (riff.to_le_bytes(), size.to_le_bytes());
        [&mark[..], &riff, b"WAVE", before, format, b"data", &size].concat()
    }

    #[test]
    fn more_than_four_gigabytes_are_all_there_whatever_32_bits_can_say_of_them() {
        const LONG: u64 = (5 << 30) + 44;
        let ds64 = |size: u64| [&b"ds64\x1c\0\0\0"[..], &[size; 3].map(u64::to_le_bytes).concat(), &[0; 4]].concat();
        // What remains of the true size in 32 bits, and what is declared of the sound, all of it and none.
        let wrapped = u32::try_from((LONG - 44) % (1 << 32)).unwrap();
        for (name, head, declared) in [
            ("endless", wav(b"RIFF", b"", u32::MAX, u32::MAX), None),
            ("endless less a header", wav(b"RIFF", b"", u32::MAX, u32::MAX - 36), None),
            ("endless but for RIFF", wav(b"RIFF", b"", 36, u32::MAX), None),
            ("zero", wav(b"RIFF", b"", 0, 0), None),
            ("wrapped", wav(b"RIFF", b"", wrapped + 36, wrapped), Some(u64::from(wrapped))),
            ("RF64", wav(b"RF64", &ds64(LONG - 80), u32::MAX, u32::MAX), Some(LONG - 80)),
            ("RF64 with zero", wav(b"RF64", &ds64(0), u32::MAX, u32::MAX), None),
            ("RF64 without", wav(b"RF64", b"", u32::MAX, u32::MAX), None),
        ] {
            let start = wide(head.len());
            let file = sparse(&head, LONG);
            let parts = survey(&file, LONG, 0).unwrap();
            assert_eq!(parts.len(), 1, "{name}");
            assert_eq!(
                (parts[0].start, parts[0].bytes, parts[0].declared_bytes),
                (start, LONG - start, declared),
                "{name}"
            );
        }
    }

    #[test]
    fn two_long_files_joined_are_two_and_chunks_behind_them_are_no_sound() {
        let head = wav(b"RIFF", b"", u32::MAX, 0xFFFF_FF00);
        let len = wide(head.len()) + 0xFFFF_FF00;
        let file = sparse(&head, 2 * len + 16);
        file.write_all_at(&head, len).unwrap();
        file.write_all_at(b"LIST\x08\0\0\0INFOabcd", 2 * len).unwrap();
        let parts = survey(&file, 2 * len + 16, 0).unwrap();
        let places: Vec<_> = parts.iter().map(|part| (part.base, part.start, part.bytes)).collect();
        assert_eq!(places, [(0, 44, 0xFFFF_FF00), (len, len + 44, 0xFFFF_FF00)]);
    }
}
