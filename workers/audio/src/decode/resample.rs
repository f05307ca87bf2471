//! One channel from its own rate to 16 kHz, without delay and with the right length.

use earmark_core::SAMPLE_RATE_HZ;
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};

use super::upsample::Doubler;
use crate::AudioError;
use crate::spool::{from_i16, to_i16};

/// The least samples resampled at once; more make the filter's edge steeper and cost memory.
const CHUNK: usize = 1024;

/// A block at 16 kHz.
pub(super) enum Block<'a> {
    Float(&'a [f32]),
    Pcm16(&'a [i16]),
}

impl Block<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Float(samples) => samples.len(),
            Self::Pcm16(samples) => samples.len(),
        }
    }

    /// The first `len` samples.
    pub(super) fn cut(self, len: usize) -> Self {
        match self {
            Self::Float(samples) => Self::Float(&samples[..len.min(samples.len())]),
            Self::Pcm16(samples) => Self::Pcm16(&samples[..len.min(samples.len())]),
        }
    }
}

/// One channel's way to 16 kHz.
pub(super) enum ChannelResampler {
    /// It is there already.
    Same,
    /// From 8 kHz.
    Double { doubler: Doubler, pcm: Vec<i16> },
    /// From anywhere else.
    Ratio(Box<Ratio>),
}

impl ChannelResampler {
    pub(super) fn from_rate(rate_hz: u32) -> Result<Self, AudioError> {
        match rate_hz {
            SAMPLE_RATE_HZ => Ok(Self::Same),
            8_000 => Ok(Self::Double { doubler: Doubler::new(), pcm: Vec::new() }),
            other => Ok(Self::Ratio(Box::new(Ratio::new(other)?))),
        }
    }

    pub(super) fn push<'a>(&'a mut self, block: Block<'a>) -> Result<Block<'a>, AudioError> {
        match (self, block) {
            (Self::Same, block) => Ok(block),
            (Self::Double { doubler, .. }, Block::Pcm16(samples)) => Ok(Block::Pcm16(doubler.push(samples))),
            (Self::Double { doubler, pcm }, Block::Float(samples)) => {
                pcm.clear();
                pcm.extend(samples.iter().map(|sample| to_i16(*sample)));
                Ok(Block::Pcm16(doubler.push(pcm)))
            }
            (Self::Ratio(ratio), block) => ratio.push(block).map(Block::Float),
        }
    }

    /// More samples out of silence behind the end; call until there are enough.
    pub(super) fn drain(&mut self) -> Result<Block<'_>, AudioError> {
        match self {
            Self::Same => Ok(Block::Float(&[])),
            Self::Double { doubler, .. } => Ok(Block::Pcm16(doubler.finish())),
            Self::Ratio(ratio) => {
                let silence = vec![0.0; ratio.chunk];
                ratio.push(Block::Float(&silence)).map(Block::Float)
            }
        }
    }
}

/// Any rate, through rubato's FFT.
pub(super) struct Ratio {
    fft: Fft<f32>,
    /// Samples that one step takes.
    chunk: usize,
    input: Vec<f32>,
    output: Vec<f32>,
    /// What one step gives.
    step: Vec<f32>,
    /// Samples still to be dropped from the start: the filter's delay.
    delay: usize,
}

impl Ratio {
    #[expect(clippy::as_conversions, reason = "rates, of at most 384 kHz")]
    fn new(rate_hz: u32) -> Result<Self, AudioError> {
        let (from, to) = (rate_hz as usize, SAMPLE_RATE_HZ as usize);
        let block = from / gcd(from, to);
        // An even number of blocks keeps the delay, half of them, a whole number of samples on both sides.
        let chunk = CHUNK.div_ceil(2 * block) * 2 * block;
        let fft = Fft::new(from, to, chunk, 1, FixedSync::Both).map_err(|error| broken(&error))?;
        let (chunk, delay) = (fft.input_frames_next(), fft.output_delay());
        let step = vec![0.0; fft.output_frames_next()];
        Ok(Self { fft, chunk, input: Vec::new(), output: Vec::new(), step, delay })
    }

    fn push(&mut self, block: Block<'_>) -> Result<&[f32], AudioError> {
        match block {
            Block::Float(samples) => self.input.extend_from_slice(samples),
            Block::Pcm16(samples) => self.input.extend(samples.iter().map(|sample| from_i16(*sample))),
        }
        self.output.clear();
        let mut used = 0;
        while self.input.len() - used >= self.chunk {
            let from = InterleavedSlice::new(&self.input[used..used + self.chunk], 1, self.chunk)
                .map_err(|error| broken(&error))?;
            let frames = self.step.len();
            let mut to = InterleavedSlice::new_mut(&mut self.step, 1, frames).map_err(|error| broken(&error))?;
            let (_, made) = self.fft.process_into_buffer(&from, &mut to, None).map_err(|error| broken(&error))?;
            let dropped = self.delay.min(made);
            self.delay -= dropped;
            self.output.extend_from_slice(&self.step[dropped..made]);
            used += self.chunk;
        }
        self.input.drain(..used);
        Ok(&self.output)
    }
}

fn broken(error: &dyn std::error::Error) -> AudioError {
    AudioError::Panicked { message: format!("resampling: {error}") }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}
