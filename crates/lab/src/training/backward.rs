//! The forward and backward pass of one slice, layer by layer through the generic block.
//!
//! Every layer is a differentiation of its own that starts at the layer's input. So memory is freed layer by layer on the
//! way back, and the gradients of a layer's parameters are added up while its states are still in the cache.

use std::ops::Range;

use candle_core::{Device, Tensor, Var};
use laser::kernels::differentiable::Gradients;
use laser::kernels::linear::{add_bias_gradient, add_weight_gradient};
use laser::kernels::logits::cross_entropy;
use laser::model::Model;
use laser::model::forward::{ForwardPass, Tap, Taps};
use laser::model::parameters::ParameterId;

use super::parameter_set::{Leaves, ParameterSet};
use super::slice::Slice;
use crate::error::Result;

/// Loss and gradient of one slice.
#[derive(Debug, Clone)]
pub struct SliceGradient {
    /// Weighted sum of the losses of all targets, nats.
    pub loss: f64,
    /// Gradient of `loss`, one number for each value of the parameter set.
    pub gradient: Vec<f32>,
}

/// One layer of a forward pass: a differentiation from its input to its output.
struct Layer {
    /// Input, a leaf: `[rows, d_model]`.
    input: Var,
    /// Output, `[rows or targets, d_model]`.
    output: Tensor,
    /// The layer's records among all taps of the pass.
    taps: Range<usize>,
}

/// Computes the loss of a slice, and calls `on_tap` with every recorded operation and the gradient of its output
/// `[rows, out]`, from the last layer to the first. Returns the loss and the gradients of the leaves before the blocks.
///
/// # Errors
/// Rows that do not fit the model, and failures of the tensor library.
pub fn differentiate(
    model: &Model,
    slice: &Slice,
    mut on_tap: impl FnMut(&Tap, &Tensor) -> Result<()>,
) -> Result<(f64, Gradients)> {
    let n_layers = model.config().n_layers;
    let rows: Vec<usize> = slice.targets.iter().map(|target| target.row).collect();
    let mut taps = Taps::on_everything();
    let mut cache = model.new_kv_cache();
    let mut pass = ForwardPass::new(model, &slice.layout, &mut cache, false)?.without_caching().with_taps(&mut taps);
    let embedded = match &slice.trajectory {
        Some(trajectory) => pass.embed_steps(trajectory)?,
        None => pass.embed()?,
    }; // [rows, d_model]
    let mut layers = Vec::with_capacity(n_layers);
    let mut x = Var::from_tensor(&embedded.detach())?; // [rows, d_model]
    let (mut first_tap, tap_of_embedding) = (pass.n_taps(), 0..pass.n_taps());
    for layer in 0..n_layers {
        // After the attention of the last layer, only the rows with a target are needed.
        let keep = (layer + 1 == n_layers).then_some(rows.as_slice());
        let output = pass.step(layer, &x, keep)?; // [rows or targets, d_model]
        let next = Var::from_tensor(&output.detach())?;
        let input = std::mem::replace(&mut x, next);
        layers.push(Layer { input, output, taps: first_tap..pass.n_taps() });
        first_tap = pass.n_taps();
    }
    drop(pass);
    let logits = match slice.trajectory {
        Some(_) => model.action_logits(&x, Some(&mut taps))?,
        None => model.tapped_head(&x, Some(&mut taps))?,
    }; // [targets, classes]
    let (loss, gradient) = loss_and_gradient(&logits, slice)?; // [targets, classes]

    let mut visit = |range: Range<usize>, gradients: &Gradients| -> Result<()> {
        for tap in &taps.found[range] {
            if let Some(delta) = tap.gradient.get(gradients)? {
                on_tap(tap, &delta)?;
            }
        }
        Ok(())
    };
    let gradients = Gradients::backpropagate(&logits, &gradient)?;
    visit(first_tap..taps.found.len(), &gradients)?;
    let mut delta = gradients.of(&x)?; // [targets, d_model]
    while let Some(Layer { input, output, taps }) = layers.pop() {
        let gradients = Gradients::backpropagate(&output, &delta)?;
        drop(output);
        visit(taps, &gradients)?;
        delta = gradients.of(&input)?; // [rows, d_model]
    }
    let gradients = Gradients::backpropagate(&embedded, &delta)?;
    visit(tap_of_embedding, &gradients)?;
    Ok((loss, gradients))
}

/// The weighted sum of the targets' losses from `logits [targets, classes]`, and its gradient there, of the same shape.
fn loss_and_gradient(logits: &Tensor, slice: &Slice) -> Result<(f64, Tensor)> {
    let (rows, classes) = logits.dims2()?;
    let mut values = logits.detach().flatten_all()?.to_vec1::<f32>()?;
    let mut loss = 0.0;
    for (target, row) in slice.targets.iter().zip(values.chunks_exact_mut(classes.max(1))) {
        loss += f64::from(target.weight) * cross_entropy(row, target.class as usize, target.weight);
    }
    Ok((loss, Tensor::from_vec(values, (rows, classes), &Device::Cpu)?))
}

impl SliceGradient {
    /// Computes loss and gradient of a slice for the model of `parameters` and its leaves.
    ///
    /// # Errors
    /// As [`differentiate`].
    pub fn new(parameters: &ParameterSet, model: &Model, leaves: &Leaves, slice: &Slice) -> Result<Self> {
        let mut gradient = vec![0f32; parameters.values.len()];
        let (loss, of_leaves) =
            differentiate(model, slice, |tap, delta| add_tap(parameters, &mut gradient, tap, delta))?;
        for (id, leaf) in leaves {
            let place = parameters.place(*id).expect("a leaf is a parameter");
            let of_leaf = of_leaves.of(leaf)?;
            let add = |values: &[f32]| gradient[place].iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            laser::kernels::with_values(&of_leaf, add)?;
        }
        Ok(Self { loss, gradient })
    }
}

/// Adds the gradients of an operation's parameters to `gradient`, for the gradient `delta [rows, out]` of its output.
fn add_tap(parameters: &ParameterSet, gradient: &mut [f32], tap: &Tap, delta: &Tensor) -> Result<()> {
    let place = |bias| parameters.place(ParameterId { owner: tap.owner, bias });
    let (weight, bias) = (place(false), place(true));
    // The head of a model whose head is tied is the embedding.
    let weight = weight.or_else(|| parameters.tied_head(tap.owner));
    let Some(weight) = weight else {
        assert!(tap.norm.is_some(), "every recorded operation but a norm has a weight");
        return Ok(());
    };
    if let Some(norm) = &tap.norm {
        let mut d_bias = vec![0f32; bias.as_ref().map_or(0, Range::len)];
        norm.add_parameter_gradients(&mut gradient[weight], &mut d_bias, &tap.input, delta)?;
        if let Some(bias) = bias {
            gradient[bias].iter_mut().zip(d_bias).for_each(|(sum, value)| *sum += value);
        }
        return Ok(());
    }
    add_weight_gradient(&mut gradient[weight], &tap.input, delta)?;
    if let Some(bias) = bias {
        add_bias_gradient(&mut gradient[bias], delta)?;
    }
    Ok(())
}
