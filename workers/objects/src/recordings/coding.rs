//! Content codings: what a store or a server keeps as `Content-Encoding: gzip` is undone, for it is a property of the
//! transport; the recording is what comes out.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::FetchError;

/// Read at once.
const BUFFER_BYTES: usize = 256 * 1024;
/// Codings of one body; more are nobody's, and each takes a file.
const MAX_CODINGS: usize = 2;

/// A coding that is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// `gzip`, `x-gzip`: RFC 1952.
    Gzip,
    /// `zstd`: RFC 8878.
    Zstd,
}

/// What came out of codings.
pub(super) struct Decoded {
    pub temp: NamedTempFile,
    pub sha256: String,
    pub size_bytes: u64,
}

impl Coding {
    fn word(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// Whether `begin`, the first bytes, can be the beginning of such a body.
    fn begins(self, begin: [u8; 4]) -> bool {
        match self {
            Self::Gzip => begin.starts_with(&[0x1f, 0x8b]),
            // A frame, or one that may be skipped.
            Self::Zstd => {
                begin == [0x28, 0xb5, 0x2f, 0xfd] || (begin[0] & 0xf0 == 0x50 && begin[1..] == [0x2a, 0x4d, 0x18])
            }
        }
    }
}

/// The codings that `header`, a `Content-Encoding`, names, in the order in which they were applied. Words that are no codings
/// (`utf-8`, `binary`: servers write such) and those that change nothing are passed over.
///
/// # Errors
/// [`FetchError::Coding`] for a coding that there is and that is not undone here.
pub(super) fn codings(header: Option<&str>, place: &str) -> Result<Vec<Coding>, FetchError> {
    let mut codings = Vec::new();
    for word in header.unwrap_or_default().split(',') {
        match word.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => codings.push(Coding::Gzip),
            "zstd" => codings.push(Coding::Zstd),
            // https://www.iana.org/assignments/http-parameters, "HTTP Content Coding Registry".
            known @ ("br" | "compress" | "x-compress" | "deflate" | "dcb" | "dcz" | "exi" | "pack200-gzip") => {
                return Err(FetchError::Coding { place: place.into(), coding: known.into() });
            }
            _ => {}
        }
    }
    if codings.len() > MAX_CODINGS {
        return Err(FetchError::Coding { place: place.into(), coding: format!("{} codings", codings.len()) });
    }
    Ok(codings)
}

/// Undoes `codings`, the last first, on the file `temp` from `place`, into new files in the folder `into`; none where nothing
/// of it was coded, whatever the header said.
///
/// # Errors
/// [`FetchError::TooLarge`] for more than `max_bytes` at any stage, [`FetchError::NotDecoded`], [`FetchError::Spool`], also
/// once `is_given_up`.
pub(super) fn undo(
    temp: &NamedTempFile,
    codings: &[Coding],
    (into, place, max_bytes): (&Path, &str, u64),
    is_given_up: &AtomicBool,
) -> Result<Option<Decoded>, FetchError> {
    let mut decoded: Option<Decoded> = None;
    for coding in codings.iter().rev() {
        let coded = decoded.as_ref().map_or(temp, |decoded| &decoded.temp);
        let mut coded = coded.reopen().map_err(|source| FetchError::Spool { folder: into.into(), source })?;
        if !coding.begins(begin(&mut coded)) {
            tracing::debug!(place, coding = coding.word(), "the bytes are not coded, whatever the header says");
            continue;
        }
        decoded = Some(undo_one(coded, *coding, (into, place, max_bytes), is_given_up)?);
    }
    Ok(decoded)
}

/// The first bytes of `file`, which stands at its beginning again; zeros where there are fewer.
fn begin(file: &mut File) -> [u8; 4] {
    let mut begin = [0; 4];
    let _ = file.read_exact(&mut begin);
    let _ = file.rewind();
    begin
}

fn undo_one(
    coded: File,
    coding: Coding,
    (into, place, max_bytes): (&Path, &str, u64),
    is_given_up: &AtomicBool,
) -> Result<Decoded, FetchError> {
    let spool = |source| FetchError::Spool { folder: into.into(), source };
    let damaged = |source: io::Error| FetchError::NotDecoded { place: place.into(), coding: coding.word(), source };
    let coded = BufReader::with_capacity(BUFFER_BYTES, coded);
    let mut reader: Box<dyn Read> = match coding {
        Coding::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(coded)),
        Coding::Zstd => Box::new(Frames { coded: Some(coded), frame: None }),
    };
    let mut temp = tempfile::Builder::new().prefix("recording-").tempfile_in(into).map_err(spool)?;
    let (mut hasher, mut size_bytes) = (Sha256::new(), 0_u64);
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        if is_given_up.load(Ordering::Relaxed) {
            return Err(spool(io::Error::other("the fetch was given up")));
        }
        let count = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(damaged(error)),
        };
        size_bytes += u64::try_from(count).unwrap_or(u64::MAX);
        if size_bytes > max_bytes {
            return Err(FetchError::TooLarge { place: place.into(), size: None, limit: max_bytes });
        }
        hasher.update(&buffer[..count]);
        temp.write_all(&buffer[..count]).map_err(spool)?;
    }
    Ok(Decoded { temp, sha256: earmark_core::hex(&hasher.finalize()), size_bytes })
}

type Frame = ruzstd::decoding::StreamingDecoder<BufReader<File>, ruzstd::decoding::FrameDecoder>;

/// All frames of a file, one behind the other; the decoder's own reader ends with the first.
struct Frames {
    /// Between two frames.
    coded: Option<BufReader<File>>,
    frame: Option<Frame>,
}

impl Read for Frames {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                let count = frame.read(buffer)?;
                if count > 0 {
                    return Ok(count);
                }
                self.coded = self.frame.take().map(Frame::into_inner);
            }
            let Some(mut coded) = self.coded.take() else { return Ok(0) };
            if io::BufRead::fill_buf(&mut coded)?.is_empty() {
                return Ok(0);
            }
            if let Some(length) = skippable(&mut coded)? {
                io::copy(&mut coded.by_ref().take(length), &mut io::sink())?;
                self.coded = Some(coded);
                continue;
            }
            self.frame = Some(Frame::new(coded).map_err(io::Error::other)?);
        }
    }
}

/// The length of the frame without content that `coded` stands at, whose head is read then.
fn skippable(coded: &mut BufReader<File>) -> io::Result<Option<u64>> {
    let mut head = [0; 4];
    coded.read_exact(&mut head)?;
    if head[0] & 0xf0 != 0x50 || head[1..] != [0x2a, 0x4d, 0x18] {
        coded.seek_relative(-4)?;
        return Ok(None);
    }
    coded.read_exact(&mut head)?;
    Ok(Some(u64::from(u32::from_le_bytes(head))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_header_names_is_undone_in_turn_refused_by_name_or_nothing() {
        for (header, expected) in [
            ("gzip", Some(vec![Coding::Gzip])),
            ("X-GZIP", Some(vec![Coding::Gzip])),
            (" aws-chunked , zstd", Some(vec![Coding::Zstd])),
            ("gzip, zstd", Some(vec![Coding::Gzip, Coding::Zstd])),
            ("identity", Some(vec![])),
            ("", Some(vec![])),
            ("utf-8", Some(vec![])),
            ("binary", Some(vec![])),
            ("br", None),
            ("deflate", None),
            ("gzip, gzip, gzip", None),
        ] {
            assert_eq!(codings(Some(header), "here").ok(), expected, "{header}");
        }
    }
}
