//! The backward pass of one batch, one layer at a time through the generic block.
//!
//! The forward pass keeps only the residual stream at each layer's input. On the way back, each layer runs again from its
//! kept input, now tracked for differentiation. So memory holds the inside of one layer only, and every block that the
//! forward pass can run can be differentiated.

use std::ops::Range;

use candle_core::{Tensor, Var};

use super::item_rows::{item_logit_rows, item_rows};
use super::loss::{LossItems, losses_and_gradient};
use crate::error::Result;
use crate::evaluate::batch::Batch;
use laser_kernels::differentiable::Gradients;
use laser_model::Model;
use laser_model::config::Piece;
use laser_model::forward::ForwardPass;
use laser_model::forward::Taps;
use laser_model::parameters::ParameterOwner;
use laser_model::weight_id::WeightId;

/// The backward pass of one batch, from the loss down to the lowest layer that is needed.
pub(super) struct BackwardPass<'a> {
    batch: &'a Batch,
    /// The layer of the first of `inputs`.
    lowest: usize,
    /// Residual stream at the input of each layer that is still to be differentiated, `[rows, d_model]`; the highest layer
    /// last.
    inputs: Vec<Tensor>,
    /// Gradient of the summed loss at the output of the highest of these layers, `[rows or logit rows, d_model]`.
    gradient: Tensor,
    /// Losses of the batch's items, nats.
    pub(super) losses: Vec<f64>,
}

/// Inputs and output gradients of one matrix in one batch.
pub(super) struct MatrixRows {
    pub(super) id: WeightId,
    /// The matrix's input `[rows, in]`, and the gradient of its output `[rows, out]`; `None` if no row reached the matrix.
    pub(super) rows: Option<(Tensor, Tensor)>,
    /// For each item, its range of these rows.
    pub(super) spans: Vec<Range<usize>>,
}

impl<'a> BackwardPass<'a> {
    /// Runs the batch forward, and differentiates the loss at the last block's output.
    pub(super) fn new(model: &Model, items: &LossItems, batch: &'a Batch, lowest: usize) -> Result<Self> {
        let n_layers = model.config().n_layers;
        let mut cache = model.new_kv_cache();
        let mut pass = ForwardPass::new(model, &batch.rows, &mut cache, false)?.without_caching();
        let mut inputs = Vec::with_capacity(n_layers - lowest);
        let mut x = batch.embed(model)?; // [rows, d_model]
        for layer in 0..n_layers {
            let out = pass.step(layer, &x, rows_after_attention(model, batch, layer))?;
            if layer >= lowest {
                inputs.push(x);
            }
            x = out;
        }
        let (losses, gradient) = losses_and_gradient(model, items, batch, &x)?;
        Ok(Self { batch, lowest, inputs, gradient, losses })
    }

    /// Differentiates the highest remaining layer. Returns the rows of its matrices `ids`, in their order; nothing if no
    /// layer remains.
    pub(super) fn next_layer(&mut self, model: &Model, ids: &[WeightId]) -> Result<Vec<MatrixRows>> {
        let Some(input) = self.inputs.pop() else { return Ok(Vec::new()) };
        let layer = self.lowest + self.inputs.len();
        let x = Var::from_tensor(&input)?;
        let pieces = ids.iter().map(|id| Ok(model.pieces(*id)?)).collect::<Result<Vec<_>>>()?;
        let mut taps = Taps::new(pieces.iter().flatten().map(|piece| piece.id).collect());
        let mut cache = model.new_kv_cache();
        let mut pass =
            ForwardPass::new(model, &self.batch.rows, &mut cache, false)?.without_caching().with_taps(&mut taps);
        let out = pass.step(layer, &x, rows_after_attention(model, self.batch, layer))?;
        let gradients = Gradients::backpropagate(&out, &self.gradient)?;
        self.gradient = gradients.of(&x)?; // [rows, d_model]
        let mut found = Vec::with_capacity(ids.len());
        for (&id, pieces) in ids.iter().zip(&pieces) {
            // The last layer computes its MLP for the logit rows only.
            let all_rows = id.kind.is_mixer() || rows_after_attention(model, self.batch, layer).is_none();
            let spans = if all_rows { item_rows(self.batch) } else { item_logit_rows(self.batch) };
            found.push(matrix_rows(id, pieces, &taps, &gradients, spans)?);
        }
        Ok(found)
    }
}

/// Collects the rows of an editable matrix from the taps on its stored matrices. `spans`: each item's rows of the pass.
fn matrix_rows(
    id: WeightId,
    pieces: &[Piece],
    taps: &Taps,
    gradients: &Gradients,
    spans: Vec<Range<usize>>,
) -> Result<MatrixRows> {
    let (mut input, mut deltas, mut spans) = (None, Vec::with_capacity(pieces.len()), spans);
    for (i, piece) in pieces.iter().enumerate() {
        // An expert that no row reached has no tap.
        let owner = ParameterOwner::Matrix(piece.id);
        let Some(tap) = taps.found.iter().find(|tap| tap.owner == owner) else { continue };
        // Nor is there a gradient if the loss does not depend on the matrix.
        let Some(delta) = tap.gradient.get(gradients)? else { continue }; // [rows, out]
        deltas.push(delta.narrow(1, piece.rows.start, piece.rows.len())?);
        if i == 0 {
            // All pieces of a matrix have the same input.
            input = Some(tap.input.narrow(1, piece.cols.start, piece.cols.len())?.contiguous()?);
            if let Some(rows) = &tap.rows {
                // Only these rows of the pass reached the matrix.
                let before = |end: usize| rows.partition_point(|row| (*row as usize) < end);
                spans.iter_mut().for_each(|span| *span = before(span.start)..before(span.end));
            }
        }
    }
    let rows = match input {
        Some(input) => Some((input, Tensor::cat(&deltas, 1)?.contiguous()?)),
        None => None,
    };
    Ok(MatrixRows { id, rows, spans })
}

/// The rows of a layer that are needed after its attention: in the last layer the logit rows; `None` for all rows.
fn rows_after_attention<'b>(model: &Model, batch: &'b Batch, layer: usize) -> Option<&'b [usize]> {
    (layer + 1 == model.config().n_layers).then_some(batch.logit_rows.as_slice())
}
