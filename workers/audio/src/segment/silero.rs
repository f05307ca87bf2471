//! Silero's voice activity detector, version 6, 16 kHz: from 32 ms of sound to the probability of speech.
//!
//! The network is small (a spectrum, four convolutions, one LSTM of 128 cells), so it is written out here: everything
//! but the LSTM's recurrence is computed for many frames at once, which a graph of one frame a call cannot do.

use std::path::Path;
use std::sync::Arc;

use realfft::{RealToComplex, num_complex::Complex};

use super::dense_layer::DenseLayer;
use super::frame::FRAME;
use super::onnx;
use crate::{AudioError, real_fft};

/// Samples before a frame that the network also hears.
pub(super) const CONTEXT: usize = 64;
/// Cells of the LSTM.
const CELLS: usize = 128;
/// Samples under one spectrum.
const WINDOW: usize = 256;
/// Frequencies of a spectrum.
pub(super) const BINS: usize = WINDOW / 2 + 1;
/// Samples between two spectra.
const HOP: usize = 128;
/// Spectra of a frame.
const SPECTRA: usize = 4;

/// The detector's weights: loaded once, shared by every recording.
#[derive(Debug)]
pub struct SpeechModel {
    window: Vec<f32>,
    fft: Plan,
    /// The convolutions, each as one matrix per tap of its kernel.
    encoder: Vec<[DenseLayer; 3]>,
    encoder_bias: Vec<Vec<f32>>,
    input: DenseLayer,
    recurrent: DenseLayer,
    gate_bias: Vec<f32>,
    output: Vec<f32>,
    output_bias: f32,
}

struct Plan(Arc<dyn RealToComplex<f32>>);

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plan({})", self.0.len())
    }
}

/// What the detector remembers of one channel between frames.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    hidden: [f32; CELLS],
    cell: [f32; CELLS],
}

impl Default for Memory {
    fn default() -> Self {
        Self { hidden: [0.0; CELLS], cell: [0.0; CELLS] }
    }
}

impl SpeechModel {
    /// Reads `silero_vad_16k_op15.onnx` of Silero VAD 6.
    ///
    /// # Errors
    /// [`AudioError::SpeechModel`] when the file cannot be read or holds another network.
    pub fn load(path: &Path) -> Result<Self, AudioError> {
        let failed = |source| AudioError::SpeechModel { path: path.to_owned(), source };
        let bytes = std::fs::read(path).map_err(failed)?;
        Self::parse(&bytes).ok_or_else(|| failed(std::io::Error::other("not the 16 kHz network of Silero VAD 6")))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut tensors = onnx::read(bytes)?;
        let mut take = |name: &str, dims: &[usize]| {
            let tensor = tensors.remove(&format!("model.{name}"))?;
            let is_whole = tensor.dims == dims && tensor.values.len() == dims.iter().product::<usize>();
            is_whole.then_some(tensor.values)
        };
        // The basis is a windowed Fourier transform; its row of frequency 0 is the window itself.
        let window = take("stft.forward_basis_buffer", &[2 * BINS, 1, WINDOW])?[..WINDOW].to_vec();
        let mut encoder = Vec::new();
        let mut encoder_bias = Vec::new();
        for (layer, (inputs, outputs)) in [(BINS, 128), (128, 64), (64, 64), (64, CELLS)].into_iter().enumerate() {
            let kernel = take(&format!("encoder.{layer}.reparam_conv.weight"), &[outputs, inputs, 3])?;
            encoder
                .push([0, 1, 2].map(|tap| DenseLayer::new(inputs, outputs, |o, i| kernel[(o * inputs + i) * 3 + tap])));
            encoder_bias.push(take(&format!("encoder.{layer}.reparam_conv.bias"), &[outputs])?);
        }
        let input = take("decoder.rnn.weight_ih", &[4 * CELLS, CELLS])?;
        let recurrent = take("decoder.rnn.weight_hh", &[4 * CELLS, CELLS])?;
        let mut gate_bias = take("decoder.rnn.bias_ih", &[4 * CELLS])?;
        for (sum, bias) in gate_bias.iter_mut().zip(take("decoder.rnn.bias_hh", &[4 * CELLS])?) {
            *sum += bias;
        }
        Some(Self {
            window,
            fft: Plan(real_fft(WINDOW)),
            encoder,
            encoder_bias,
            input: DenseLayer::new(CELLS, 4 * CELLS, |o, i| input[o * CELLS + i]),
            recurrent: DenseLayer::new(CELLS, 4 * CELLS, |o, i| recurrent[o * CELLS + i]),
            gate_bias,
            output: take("decoder.decoder.2.weight", &[1, CELLS, 1])?,
            output_bias: take("decoder.decoder.2.bias", &[1])?[0],
        })
    }

    /// The probability of speech in each frame of `samples`, which hold [`CONTEXT`] samples from before the first
    /// frame and then whole frames; `memory` goes on from the frames before.
    ///
    /// `see` is shown the spectra that the network hears: of each of the frame's four places those of all frames, one
    /// behind the other, [`BINS`] sizes each.
    pub(super) fn probabilities(
        &self,
        samples: &[f32],
        memory: &mut Memory,
        see: &mut dyn FnMut(&[Vec<f32>]),
    ) -> Vec<f32> {
        let frames = samples.len().saturating_sub(CONTEXT) / FRAME;
        let spectra = self.spectra(samples, frames);
        see(&spectra);
        let columns: Vec<&[f32]> = spectra.iter().map(Vec::as_slice).collect();
        let first = self.convolve(0, &columns, 1, frames);
        let second = self.convolve(1, &first, 2, frames);
        let third = self.convolve(2, &second, 2, frames);
        let encoded = self.convolve(3, &third, 1, frames);
        let mut gates = repeat(&self.gate_bias, frames);
        self.input.add(&encoded[0], &mut gates);
        gates.chunks_exact_mut(4 * CELLS).map(|gates| self.step(gates, memory)).collect()
    }

    /// For each place of a spectrum within the frame, the spectra of all frames.
    fn spectra(&self, samples: &[f32], frames: usize) -> Vec<Vec<f32>> {
        let mut spectra: Vec<Vec<f32>> = (0..SPECTRA).map(|_| Vec::with_capacity(frames * BINS)).collect();
        let mut padded = [0.0_f32; CONTEXT + FRAME + CONTEXT];
        let mut windowed = self.fft.0.make_input_vec();
        let mut bins = self.fft.0.make_output_vec();
        let mut scratch = self.fft.0.make_scratch_vec();
        for frame in 0..frames {
            let heard = &samples[frame * FRAME..frame * FRAME + CONTEXT + FRAME];
            padded[..heard.len()].copy_from_slice(heard);
            // The end is mirrored without its last sample.
            for i in 0..CONTEXT {
                padded[heard.len() + i] = heard[heard.len() - 2 - i];
            }
            for (place, column) in spectra.iter_mut().enumerate() {
                let sound = &padded[place * HOP..place * HOP + WINDOW];
                for ((out, sample), weight) in windowed.iter_mut().zip(sound).zip(&self.window) {
                    *out = sample * weight;
                }
                let transformed = self.fft.0.process_with_scratch(&mut windowed, &mut bins, &mut scratch);
                debug_assert!(transformed.is_ok(), "buffers made by the plan fit it");
                column.extend(bins.iter().map(|bin: &Complex<f32>| (bin.re * bin.re + bin.im * bin.im).sqrt()));
            }
        }
        spectra
    }

    /// A convolution with a kernel of three and a rectifier over the columns of a frame, for all frames at once.
    fn convolve(&self, layer: usize, columns: &[impl AsRef<[f32]>], stride: usize, frames: usize) -> Vec<Vec<f32>> {
        (0..columns.len().div_ceil(stride))
            .map(|out| {
                let mut column = repeat(&self.encoder_bias[layer], frames);
                for (tap, dense) in self.encoder[layer].iter().enumerate() {
                    // One column of zeros on either side.
                    let Some(from) = (out * stride + tap).checked_sub(1).and_then(|at| columns.get(at)) else {
                        continue;
                    };
                    dense.add(from.as_ref(), &mut column);
                }
                for value in &mut column {
                    *value = value.max(0.0);
                }
                column
            })
            .collect()
    }

    /// One step of the LSTM from its input gates, in PyTorch's order: input, forget, cell, output.
    fn step(&self, gates: &mut [f32], memory: &mut Memory) -> f32 {
        self.recurrent.add(&memory.hidden, gates);
        let mut sum = self.output_bias;
        for i in 0..CELLS {
            let [input, forget, cell, output] = [0, 1, 2, 3].map(|gate| gates[gate * CELLS + i]);
            memory.cell[i] = sigmoid(forget) * memory.cell[i] + sigmoid(input) * cell.tanh();
            memory.hidden[i] = sigmoid(output) * memory.cell[i].tanh();
            sum += self.output[i] * memory.hidden[i].max(0.0);
        }
        sigmoid(sum)
    }
}

/// `row` below itself `times` times.
fn repeat(row: &[f32], times: usize) -> Vec<f32> {
    row.iter().copied().cycle().take(row.len() * times).collect()
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_those_of_onnx_runtime_however_the_frames_are_grouped() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let model = SpeechModel::load(&root.join("engine/vad/silero_vad_16k_op15.onnx")).unwrap();
        let wav = std::fs::read(root.join("tests/fixtures/formats/austen0870.pcm16k.wav")).unwrap();
        let mut samples = vec![0.0; CONTEXT];
        samples
            .extend(wav[44..].chunks_exact(2).map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32768.0));
        for frames in [1, 7, 64, 1000] {
            let mut memory = Memory::default();
            let mut probabilities = Vec::new();
            let mut first = 0;
            while first + CONTEXT + FRAME <= samples.len() {
                let end = (first + CONTEXT + frames * FRAME).min(samples.len());
                probabilities.extend(model.probabilities(&samples[first..end], &mut memory, &mut |_| {}));
                first += frames * FRAME;
            }
            assert_eq!(probabilities.len(), 221);
            // onnxruntime 1.31.1 on the same file.
            for (frame, expected) in [
                (0, 0.04673),
                (6, 0.0779),
                (8, 0.2537),
                (10, 0.3919),
                (11, 0.6765),
                (12, 0.84963),
                (24, 1.0),
                (156, 0.99699),
                (213, 0.9497),
                (214, 0.5849),
                (215, 0.1782),
                (216, 0.05352),
            ] {
                assert!((probabilities[frame] - expected).abs() < 1e-4, "frame {frame}: {}", probabilities[frame]);
            }
        }
    }
}
