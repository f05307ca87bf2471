//! Samples that lie in the file as they are: PCM, floats, A-law, mu-law.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::g711::{A_LAW, MU_LAW};
use super::output::Output;
use super::sink::Streamed;
use super::wave::{Encoding, Sound};
use crate::AudioError;
use crate::wide::wide;

/// Bytes read at once.
const BLOCK_BYTES: usize = 1 << 15;

/// Decodes `sound` out of `file`.
pub(super) fn decode(file: File, sound: &Sound, output: &mut Output<'_>) -> Result<Streamed, AudioError> {
    let frame_bytes = sound.encoding.bytes() * usize::from(sound.channels);
    let mut planes = Planes::open(sound.encoding, usize::from(sound.channels), sound.rate_hz, output)?;
    let mut block = vec![0; BLOCK_BYTES / frame_bytes * frame_bytes];
    let (mut at, end) = (sound.start, sound.start + sound.bytes);
    while at < end {
        let want = usize::try_from(end - at).unwrap_or(usize::MAX).min(block.len());
        let got = read_fully(&file, &mut block[..want], at)?;
        planes.push(&block[..got / frame_bytes * frame_bytes], output)?;
        if got < want {
            break;
        }
        at += wide(got);
    }
    let declared = sound.declared_bytes.map(|bytes| bytes / wide(frame_bytes));
    output.finish(sound.encoding.codec().into(), sound.rate_hz, sound.format, declared)
}

/// As many bytes as there are, up to the block's length.
fn read_fully(file: &File, block: &mut [u8], at: u64) -> Result<usize, AudioError> {
    let mut got = 0;
    while got < block.len() {
        match file.read_at(&mut block[got..], at + wide(got)) {
            Ok(0) => break,
            Ok(some) => got += some,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(source) => return Err(AudioError::Read { source }),
        }
    }
    Ok(got)
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
