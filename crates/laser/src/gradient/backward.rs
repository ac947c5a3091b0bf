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
use crate::forward::Pass;
use crate::forward::rows::KvCache;
use crate::forward::taps::{Tap, Taps};
use crate::model::Model;
use crate::ops::differentiable::seed;
use crate::score::batch::{Batch, BatchItem};
use crate::weight::WeightKind;

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
    pub(super) kind: WeightKind,
    /// What goes in, `[rows, in]`.
    pub(super) input: Tensor,
    /// Gradient of what comes out, `[rows, out]`.
    pub(super) delta: Tensor,
    /// Which rows are each item's.
    pub(super) spans: Vec<Range<usize>>,
}

impl<'a> Descent<'a> {
    /// Runs forward and differentiates the loss at the last block's output. `lowest`: the first layer asked for.
    pub(super) fn new(model: &Model, items: &Items, batch: &'a Batch, lowest: usize) -> Result<Self> {
        let n_layers = model.config().n_layers;
        let mut cache = KvCache::new(n_layers);
        let mut pass = Pass::new(model, &batch.rows, &mut cache, false)?.forgetting();
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

    /// Differentiates the topmost layer left: the rows of its matrices `kinds`.
    pub(super) fn down(&mut self, model: &Model, kinds: &[WeightKind]) -> Result<Vec<MatrixRows>> {
        let Some(input) = self.inputs.pop() else { return Ok(Vec::new()) };
        let layer = self.lowest + self.inputs.len();
        let x = Var::from_tensor(&input)?;
        let mut taps = Taps::new(kinds.to_vec());
        let mut cache = KvCache::new(model.config().n_layers);
        let mut pass = Pass::new(model, &self.batch.rows, &mut cache, false)?.forgetting().tapped(&mut taps);
        let out = pass.step(layer, &x, kept(model, self.batch, layer))?;
        let gradients = pull_back(&out, &self.gradient)?;
        self.gradient = gradients.of(&x)?;
        let rows = |tap: Tap| {
            let delta = gradients.of(&tap.output)?;
            let spans = if delta.dim(0)? == self.batch.rows.len() { spans(self.batch) } else { kept_spans(self.batch) };
            Ok(MatrixRows { kind: tap.kind, input: tap.input, delta, spans })
        };
        taps.found.into_iter().map(rows).collect()
    }
}

/// The rows of a layer that are needed after its attention; `None` for all.
fn kept<'b>(model: &Model, batch: &'b Batch, layer: usize) -> Option<&'b [usize]> {
    (layer + 1 == model.config().n_layers).then_some(batch.keep.as_slice())
}

/// Which rows of a pass are each item's, where no row is shared.
fn spans(batch: &Batch) -> Vec<Range<usize>> {
    let start = |item: &BatchItem| item.prompt[0].start;
    let ends = batch.items.iter().skip(1).map(start).chain([batch.rows.len()]);
    batch.items.iter().zip(ends).map(|(item, end)| start(item)..end).collect()
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
