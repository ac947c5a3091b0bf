//! The gated short convolution of one block, in place of attention.

use candle_core::{D, Tensor};

use super::ForwardPass;
use crate::error::Result;
use crate::weight_id::WeightId;
use crate::weight_id::WeightKind::ConvIn;
use laser_kernels::attention::SegmentLayout;
use laser_kernels::convolution::convolve;
use laser_kernels::kv_cache::KvChunk;

impl ForwardPass<'_> {
    /// `C·convolution(B·X)`, with `B`, `C` and `X` one beside the other in the input projection of `norm(x)`:
    /// `x [copies·rows, d_model]` → the same shape, or more copies.
    pub(super) fn gated_convolution(&mut self, layer: usize, x: &Tensor) -> Result<Tensor> {
        let model = self.model;
        let d = model.config().d_model;
        let h = self.mixer_input(layer, x)?; // [copies·rows, d_model]
        let projected = self.project(WeightId::new(layer, ConvIn), &h)?; // [copies·rows, 3·d_model], or more copies
        let third = |i: usize| projected.narrow(D::Minus1, i * d, d); // [copies·rows, d_model]
        let (input_gate, output_gate, input) = (third(0)?, third(1)?, third(2)?);
        let input = (input_gate * input)?.contiguous()?; // [copies·rows, d_model]
        let stride = if self.copies > 1 { self.layout.len() } else { 0 };
        let chunks = &mut self.cache.layers[layer];
        chunks.push(KvChunk { k: input.clone(), v: input, stride });
        let layout = SegmentLayout { segments: &self.layout.segments, copies: self.copies, rows: self.layout.len() };
        let kernel = model.weights().layers[layer].convolution.as_ref();
        let kernel = kernel.expect("the configuration says that the layer has a convolution");
        let y = convolve(chunks, kernel, layout, model.threads())?; // [copies·rows, d_model]
        if !self.keep_in_cache {
            chunks.pop();
        }
        Ok((output_gate * y)?)
    }
}
