//! A matrix multiplication that the compiler turns into vector code.

/// Outputs computed side by side.
const LANES: usize = 16;
/// Rows computed against the same weights while they are in registers.
const ROWS: usize = 4;

/// A linear layer without bias: outputs × inputs weights, stored in panels of [`LANES`] outputs.
#[derive(Debug, Clone)]
pub(super) struct DenseLayer {
    inputs: usize,
    outputs: usize,
    /// For each panel, for each input, the weights of the panel's outputs.
    panels: Vec<[f32; LANES]>,
}

impl DenseLayer {
    /// A layer whose weight from input `i` to output `o` is `weight(o, i)`; `outputs` is a multiple of 16.
    pub(super) fn new(inputs: usize, outputs: usize, weight: impl Fn(usize, usize) -> f32) -> Self {
        debug_assert_eq!(outputs % LANES, 0, "whole panels");
        let panels = (0..outputs / LANES)
            .flat_map(|panel| (0..inputs).map(move |input| (panel, input)))
            .map(|(panel, input)| std::array::from_fn(|lane| weight(panel * LANES + lane, input)))
            .collect();
        Self { inputs, outputs, panels }
    }

    /// Adds the layer's answer to each row of `x` (rows × inputs) to the same row of `out` (rows × outputs).
    pub(super) fn add(&self, x: &[f32], out: &mut [f32]) {
        for (x, out) in x.chunks(ROWS * self.inputs).zip(out.chunks_mut(ROWS * self.outputs)) {
            if x.len() == ROWS * self.inputs {
                self.add_rows::<ROWS>(x, out);
            } else {
                for (x, out) in x.chunks_exact(self.inputs).zip(out.chunks_exact_mut(self.outputs)) {
                    self.add_rows::<1>(x, out);
                }
            }
        }
    }

    fn add_rows<const N: usize>(&self, x: &[f32], out: &mut [f32]) {
        let rows: [&[f32]; N] = std::array::from_fn(|row| &x[row * self.inputs..(row + 1) * self.inputs]);
        for (panel, weights) in self.panels.chunks_exact(self.inputs).enumerate() {
            let mut sums = [[0.0_f32; LANES]; N];
            for (input, weights) in weights.iter().enumerate() {
                // All values first, and by index: only then do the sums stay in vector registers, whatever the crate is
                // built with.
                let values: [f32; N] = std::array::from_fn(|row| rows[row][input]);
                #[allow(clippy::needless_range_loop, reason = "iterators over the arrays are not unrolled")]
                for row in 0..N {
                    for lane in 0..LANES {
                        sums[row][lane] += values[row] * weights[lane];
                    }
                }
            }
            for (row, sums) in sums.iter().enumerate() {
                let at = row * self.outputs + panel * LANES;
                for (out, sum) in out[at..at + LANES].iter_mut().zip(sums) {
                    *out += sum;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::as_conversions, reason = "small numbers of samples as floats and back")]

    use super::*;

    #[test]
    fn every_row_gets_its_own_product() {
        let (inputs, outputs) = (5, 32);
        let weight = |o: usize, i: usize| (o * 7 % 11) as f32 - i as f32;
        let dense = DenseLayer::new(inputs, outputs, weight);
        for rows in [0, 1, 3, 4, 9] {
            let x: Vec<f32> = (0..rows * inputs).map(|i| (i % 13) as f32 - 6.0).collect();
            let mut out = vec![1.0; rows * outputs];
            dense.add(&x, &mut out);
            for row in 0..rows {
                for o in 0..outputs {
                    let expected: f32 = 1.0 + (0..inputs).map(|i| weight(o, i) * x[row * inputs + i]).sum::<f32>();
                    assert_eq!(out[row * outputs + o], expected, "row {row}, output {o}");
                }
            }
        }
    }
}
