//! Samples that lie in the file as they are: PCM, floats, A-law, mu-law.

use std::collections::VecDeque;
use std::fs::File;

use earmark_core::Span;

use super::bytes::read_fully;
use super::chunks::{HEADER_BYTES, find_header};
use super::g711::{A_LAW, MU_LAW};
use super::layout;
use super::output::Output;
use super::sink::Streamed;
use super::wave::{Content, Encoding, Part, Pcm, Sound, malformed};
use crate::AudioError;
use crate::wide::wide;

/// Bytes read at once.
const BLOCK_BYTES: usize = 1 << 15;

/// Less than this behind the declared end is not worth a word, ms.
const SLACK_MS: u64 = 100;

/// Recordings behind the first whose places a warning tells.
const MAX_TOLD: usize = 20;

/// Decodes `sound` out of `file`, a stretch behind the other.
pub(super) fn decode(file: File, sound: &Sound, output: &mut Output<'_>) -> Result<Streamed, AudioError> {
    let file_bytes = file.metadata().map_err(|source| AudioError::Read { source })?.len();
    let mut parts = VecDeque::from(sound.parts.clone());
    let first = sound.parts.first().map(|part| (part.format, part.content));
    let Some((format, Content::Pcm(pcm))) = first else {
        return Err(malformed("it holds no samples that lie in it as they are".into()));
    };
    let told = Told { base: sound.parts.first().map_or(0, |part| part.base), ..Told::default() };
    let mut way = Way { file: &file, file_bytes, open: None, told, declared_ms: Some(0) };
    while let Some(part) = parts.pop_front() {
        if let Some(others) = way.part(&part, output)? {
            parts = others.into();
        }
    }
    let Way { told, declared_ms, .. } = way;
    told.warn(output);
    // What is declared counts at the rate of what came last.
    let declared = declared_ms.map(|ms| ms.saturating_mul(u64::from(output.rate_hz())) / 1000);
    output.finish(pcm.encoding.codec().into(), pcm.rate_hz, format, declared)
}

/// A file's sound on its way out.
struct Way<'a> {
    file: &'a File,
    file_bytes: u64,
    open: Option<(Pcm, Planes)>,
    told: Told,
    /// How much there should be, where everything says so.
    declared_ms: Option<u64>,
}

/// What is worth telling of a file's layout.
#[derive(Default)]
struct Told {
    /// Recordings behind the first: what they are, and when they begin and end.
    joined: Vec<(String, Span)>,
    /// Sound behind the end that the header declares: bytes, and when.
    undeclared: Vec<(u64, Span)>,
    /// Stretches that lie in a codec, behind sound that does not: bytes, from where on.
    left_out: Vec<(u64, u64)>,
    /// Where the recording begins that the last stretch belongs to.
    base: u64,
}

impl Way<'_> {
    /// Decodes `part`; what follows in its place if another file begins in it.
    fn part(&mut self, part: &Part, output: &mut Output<'_>) -> Result<Option<Vec<Part>>, AudioError> {
        let Content::Pcm(pcm) = part.content else {
            self.told.left_out.push((part.bytes, part.start));
            return Ok(None);
        };
        let (start_ms, frame_bytes) = (output.reached_ms(), wide(pcm.frame_bytes()));
        let others = self.stretch(part, pcm, output)?;
        let end_ms = output.reached_ms();
        let ms = |bytes: u64| bytes / frame_bytes * 1000 / u64::from(pcm.rate_hz);
        if part.base != self.told.base {
            let (channels, rate_hz) = (pcm.channels, pcm.rate_hz);
            let plural = if channels == 1 { "" } else { "s" };
            let what = format!("at byte {} ({start_ms} ms), {channels} channel{plural} at {rate_hz} Hz", part.base);
            self.told.joined.push((what, Span { start_ms, end_ms }));
            self.told.base = part.base;
        }
        let end = others.as_ref().map_or(part.start + part.bytes, |(at, _)| *at);
        let read = end - part.start;
        match part.declared_bytes {
            Some(declared) if others.is_none() => {
                self.declared_ms = self.declared_ms.map(|ms_so_far| ms_so_far + ms(declared.max(read)));
                if ms(read) > ms(declared) + SLACK_MS {
                    let start_ms = start_ms + ms(declared);
                    self.told.undeclared.push((read - declared, Span { start_ms, end_ms }));
                }
            }
            _ => self.declared_ms = self.declared_ms.map(|ms_so_far| ms_so_far + ms(read)),
        }
        Ok(others.map(|(_, parts)| parts))
    }

    /// As [`part`](Self::part), without a word, and with the place of the other file.
    fn stretch(
        &mut self,
        part: &Part,
        pcm: Pcm,
        output: &mut Output<'_>,
    ) -> Result<Option<(u64, Vec<Part>)>, AudioError> {
        let mut planes = match self.open.take() {
            Some((open, planes)) if (open.channels, open.rate_hz) == (pcm.channels, pcm.rate_hz) => {
                Planes { encoding: pcm.encoding, ..planes }
            }
            _ => Planes::open(pcm.encoding, usize::from(pcm.channels), pcm.rate_hz, output)?,
        };
        planes.clear();
        let frame_bytes = pcm.frame_bytes();
        let whole = BLOCK_BYTES / frame_bytes * frame_bytes;
        // Some more, so that a header across two blocks is seen.
        let mut block = vec![0; whole + HEADER_BYTES];
        let (mut at, mut others) = (part.start, None);
        let end = (part.start + part.bytes).min(self.file_bytes);
        while at < end && others.is_none() {
            let want = usize::try_from(end - at).unwrap_or(usize::MAX).min(whole);
            let got = read_fully(self.file, &mut block, at)?;
            if let Some(found) = find_header(&block[..got], want) {
                others = self.file_at(at + wide(found))?;
            }
            let most = others.as_ref().map_or(want, |(other, _)| usize::try_from(other - at).unwrap_or(want)).min(got);
            planes.push(&block[..most / frame_bytes * frame_bytes], output)?;
            if got < want {
                break;
            }
            at += wide(want);
        }
        self.open = Some((pcm, planes));
        Ok(others)
    }

    /// The file that begins at `at`, if it is one.
    fn file_at(&self, at: u64) -> Result<Option<(u64, Vec<Part>)>, AudioError> {
        match layout::survey(self.file, self.file_bytes, at) {
            Ok(parts) => Ok(Some((at, parts))),
            Err(AudioError::Malformed { .. } | AudioError::OutOfRange { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Told {
    fn warn(self, output: &mut Output<'_>) {
        if !self.joined.is_empty() {
            let (told, spans): (Vec<String>, Vec<Span>) = self.joined.iter().take(MAX_TOLD).cloned().unzip();
            let detail = format!(
                "{} recordings lie one behind the other in this file; behind the first: {}",
                self.joined.len() + 1,
                told.join("; ")
            );
            output.warn_within("recordings_joined", detail, spans);
        }
        for (bytes, span) in self.undeclared.into_iter().take(MAX_TOLD) {
            let Span { start_ms, end_ms } = span;
            let detail = format!(
                "{bytes} bytes lie behind the end of the sound that the header declares; they are read as sound, from \
                 {start_ms} to {end_ms} ms"
            );
            output.warn_within("sound_behind_end", detail, vec![span]);
        }
        for (bytes, start) in self.left_out.into_iter().take(MAX_TOLD) {
            let detail = format!("{bytes} bytes from byte {start} on hold sound in another codec and are not decoded");
            output.warn("sound_left_out", detail);
        }
    }
}

/// Bytes of interleaved samples on their way to an [`Output`].
pub(super) struct Planes {
    encoding: Encoding,
    channels: usize,
    pcm: Vec<Vec<i16>>,
    float: Vec<Vec<f32>>,
}

impl Planes {
    /// Opens `output` for what is to come.
    pub(super) fn open(
        encoding: Encoding,
        channels: usize,
        rate_hz: u32,
        output: &mut Output<'_>,
    ) -> Result<Self, AudioError> {
        output.open(channels, rate_hz)?;
        Ok(Self { encoding, channels, pcm: vec![Vec::new(); channels], float: vec![Vec::new(); channels] })
    }

    /// Forgets what was pushed: what comes may be written down in another way.
    fn clear(&mut self) {
        self.pcm.iter_mut().for_each(Vec::clear);
        self.float.iter_mut().for_each(Vec::clear);
    }

    /// Takes whole frames.
    pub(super) fn push(&mut self, bytes: &[u8], output: &mut Output<'_>) -> Result<(), AudioError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let is_big_endian = match self.encoding {
            Encoding::Integer { is_big_endian, .. } | Encoding::Float { is_big_endian, .. } => is_big_endian,
            Encoding::ALaw | Encoding::MuLaw | Encoding::Unsigned8 | Encoding::Signed8 => false,
        };
        let channels = self.channels;
        match (self.encoding, is_big_endian) {
            (Encoding::ALaw, _) => fill(&mut self.pcm, channels, bytes, |[byte]| A_LAW[usize::from(byte)]),
            (Encoding::MuLaw, _) => fill(&mut self.pcm, channels, bytes, |[byte]| MU_LAW[usize::from(byte)]),
            (Encoding::Unsigned8, _) => fill(&mut self.pcm, channels, bytes, |[byte]| (i16::from(byte) - 128) << 8),
            (Encoding::Signed8, _) => fill(&mut self.pcm, channels, bytes, |[byte]| i16::from_be_bytes([byte, 0])),
            (Encoding::Integer { bytes: 2, .. }, false) => fill(&mut self.pcm, channels, bytes, i16::from_le_bytes),
            (Encoding::Integer { bytes: 2, .. }, true) => fill(&mut self.pcm, channels, bytes, i16::from_be_bytes),
            (Encoding::Integer { bytes: 3, .. }, false) => {
                fill(&mut self.float, channels, bytes, |[a, b, c]| integer([0, a, b, c]))
            }
            (Encoding::Integer { bytes: 3, .. }, true) => {
                fill(&mut self.float, channels, bytes, |[c, b, a]| integer([0, a, b, c]))
            }
            (Encoding::Integer { .. }, false) => fill(&mut self.float, channels, bytes, integer),
            (Encoding::Integer { .. }, true) => {
                fill(&mut self.float, channels, bytes, |[d, c, b, a]| integer([a, b, c, d]))
            }
            (Encoding::Float { bytes: 4, .. }, false) => {
                fill(&mut self.float, channels, bytes, |raw| sound(f32::from_le_bytes(raw)))
            }
            (Encoding::Float { bytes: 4, .. }, true) => {
                fill(&mut self.float, channels, bytes, |raw| sound(f32::from_be_bytes(raw)))
            }
            (Encoding::Float { .. }, false) => {
                fill(&mut self.float, channels, bytes, |raw| narrow(f64::from_le_bytes(raw)))
            }
            (Encoding::Float { .. }, true) => {
                fill(&mut self.float, channels, bytes, |raw| narrow(f64::from_be_bytes(raw)))
            }
        }
        if self.float[0].is_empty() { output.push_pcm16(&self.pcm) } else { output.push(&self.float) }
    }
}

/// Spreads interleaved samples of `N` bytes over one plane per channel.
fn fill<S: Copy + Default, const N: usize>(
    planes: &mut [Vec<S>],
    channels: usize,
    bytes: &[u8],
    sample: impl Fn([u8; N]) -> S,
) {
    let frames = bytes.len() / (N * channels);
    let at = |piece: &[u8]| sample(piece.try_into().expect("pieces of N bytes"));
    match planes {
        [only] => {
            only.clear();
            only.extend(bytes.chunks_exact(N).map(at));
        }
        [left, right] => {
            left.resize(frames, S::default());
            right.resize(frames, S::default());
            for ((frame, left), right) in bytes.chunks_exact(2 * N).zip(left.iter_mut()).zip(right.iter_mut()) {
                *left = at(&frame[..N]);
                *right = at(&frame[N..]);
            }
        }
        more => {
            for (channel, plane) in more.iter_mut().enumerate() {
                plane.clear();
                plane.extend(bytes.chunks_exact(N).skip(channel).step_by(channels).map(at));
            }
        }
    }
}

/// Four bytes, the least first, as a fraction of full scale.
fn integer(raw: [u8; 4]) -> f32 {
    #[expect(clippy::as_conversions, reason = "24 bits are more than anyone hears")]
    let value = i32::from_le_bytes(raw) as f32;
    value / 2_147_483_648.0
}

/// One infinite sample would ring through the resampler for a thousand others.
fn sound(sample: f32) -> f32 {
    if sample.is_finite() { sample.clamp(-8.0, 8.0) } else { 0.0 }
}

fn narrow(sample: f64) -> f32 {
    #[expect(clippy::as_conversions, reason = "24 bits are more than anyone hears")]
    let sample = sample as f32;
    sound(sample)
}
