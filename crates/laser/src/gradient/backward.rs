//! The backward pass of one batch, a layer at a time through the one generic block.
//!
//! Forward keeps the residual stream at each layer's input and nothing else. Downwards, a layer is run again from its
//! kept input, this time tracked; so memory holds the inside of one layer, whatever the model's depth, and any block
//! that the forward pass can run can be differentiated.

use std::ops::Range;

use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};

use super::loss::{Items, kept_spans, losses_and_gradient};
use crate::error::Result;
use crate::evaluate::batch::Batch;
use laser_kernels::batch_layout::KvCache;
use laser_kernels::differentiable::seed;
use laser_model::Model;
use laser_model::config::Piece;
use laser_model::forward::ForwardPass;
use laser_model::forward::taps::Taps;
use laser_model::weight_id::WeightId;

/// A batch on its way from the loss down to the first layer asked for.
pub(super) struct Descent<'a> {
    batch: &'a Batch,
    /// The layer whose input is the first of `inputs`.
    lowest: usize,
    /// Residual stream at the input of each layer still to be differentiated: `[rows, d_model]`, the topmost last.
    inputs: Vec<Tensor>,
    /// Gradient of the summed loss at the output of the topmost of them, `[rows or kept, d_model]`.
    gradient: Tensor,
    /// The items' losses.
    pub(super) losses: Vec<f64>,
}

/// A matrix's rows in one batch.
pub(super) struct MatrixRows {
    pub(super) id: WeightId,
    /// What goes in, `[rows, in]`, and the gradient of what comes out, `[rows, out]`; `None` where nothing went in.
    pub(super) rows: Option<(Tensor, Tensor)>,
    /// Which rows are each item's.
    pub(super) spans: Vec<Range<usize>>,
}

impl<'a> Descent<'a> {
    /// Runs forward and differentiates the loss at the last block's output. `lowest`: the first layer asked for.
    pub(super) fn new(model: &Model, items: &Items, batch: &'a Batch, lowest: usize) -> Result<Self> {
        let n_layers = model.config().n_layers;
        let mut cache = KvCache::new(n_layers);
        let mut pass = ForwardPass::new(model, &batch.rows, &mut cache, false)?.forgetting();
        let mut inputs = Vec::with_capacity(n_layers - lowest);
        let mut x = pass.embed()?;
        for layer in 0..n_layers {
            let out = pass.step(layer, &x, kept(model, batch, layer))?;
            if layer >= lowest {
                inputs.push(x);
            }
            x = out;
        }
        let (losses, gradient) = losses_and_gradient(model, items, batch, &x)?;
        Ok(Self { batch, lowest, inputs, gradient, losses })
    }

    /// Differentiates the topmost layer left: the rows of its matrices `ids`, in their order.
    pub(super) fn down(&mut self, model: &Model, ids: &[WeightId]) -> Result<Vec<MatrixRows>> {
        let Some(input) = self.inputs.pop() else { return Ok(Vec::new()) };
        let layer = self.lowest + self.inputs.len();
        let x = Var::from_tensor(&input)?;
        let pieces = ids.iter().map(|id| Ok(model.pieces(*id)?)).collect::<Result<Vec<_>>>()?;
        let mut taps = Taps::new(pieces.iter().flatten().map(|piece| piece.id).collect());
        let mut cache = KvCache::new(model.config().n_layers);
        let mut pass = ForwardPass::new(model, &self.batch.rows, &mut cache, false)?.forgetting().tapped(&mut taps);
        let out = pass.step(layer, &x, kept(model, self.batch, layer))?;
        let gradients = pull_back(&out, &self.gradient)?;
        self.gradient = gradients.of(&x)?;
        let mut found = Vec::with_capacity(ids.len());
        for (&id, pieces) in ids.iter().zip(&pieces) {
            let whole = id.kind.is_attention() || kept(model, self.batch, layer).is_none();
            let spans = if whole { spans(self.batch) } else { kept_spans(self.batch) };
            found.push(rows_of(id, pieces, &taps, &gradients, spans)?);
        }
        Ok(found)
    }
}

/// The rows of an editable matrix from the taps on the stored ones it is made of. `spans`: each item's rows of the pass.
fn rows_of(
    id: WeightId,
    pieces: &[Piece],
    taps: &Taps,
    gradients: &Gradients,
    spans: Vec<Range<usize>>,
) -> Result<MatrixRows> {
    let (mut input, mut deltas, mut spans) = (None, Vec::with_capacity(pieces.len()), spans);
    for (i, piece) in pieces.iter().enumerate() {
        // An expert that no row went through has no tap.
        let Some(tap) = taps.found.iter().find(|tap| tap.id == piece.id) else { continue };
        let delta = gradients.of(&tap.output)?; // [rows, out]
        deltas.push(delta.narrow(1, piece.rows.start, piece.rows.len())?);
        if i == 0 {
            // All pieces read the same.
            input = Some(tap.input.narrow(1, piece.cols.start, piece.cols.len())?.contiguous()?);
            if let Some(rows) = &tap.rows {
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

/// The rows of a layer that are needed after its attention; `None` for all.
fn kept<'b>(model: &Model, batch: &'b Batch, layer: usize) -> Option<&'b [usize]> {
    (layer + 1 == model.config().n_layers).then_some(batch.keep.as_slice())
}

/// Which rows of a pass are each item's, where no row is shared.
fn spans(batch: &Batch) -> Vec<Range<usize>> {
    let ends = batch.items.iter().skip(1).map(|item| item.first).chain([batch.rows.len()]);
    batch.items.iter().zip(ends).map(|(item, end)| item.first..end).collect()
}

/// Gradients at the leaves of one differentiation.
pub(super) struct Gradients(GradStore);

/// Differentiates a tracked `y` whose own gradient is `gradient`, of the same shape.
pub(super) fn pull_back(y: &Tensor, gradient: &Tensor) -> Result<Gradients> {
    Ok(Gradients(seed(y, gradient)?.backward()?))
}

impl Gradients {
    /// The gradient at a leaf; zeros where nothing depends on it.
    pub(super) fn of(&self, leaf: &Var) -> Result<Tensor> {
        match self.0.get(leaf) {
            Some(gradient) => Ok(gradient.contiguous()?),
            None => Ok(leaf.zeros_like()?),
        }
    }
}
