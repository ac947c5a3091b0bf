//! The router of a layer of experts: takes its logits, gives the experts of each row and their weights.

use candle_core::{D, DType, Device, Tensor};

use crate::config::Experts;
use crate::error::Result;
use laser_kernels::batch_layout;

/// Chooses the `experts.per_token` experts of the largest logits for each row of `logits [n, experts]`.
///
/// Returns the rows of each expert, ascending, and the weights `[n, experts]`: softmax probabilities (divided by the
/// sum of the chosen ones if `experts.normalised`), 0 for experts that are not chosen.
pub(super) fn route(logits: &Tensor, experts: Experts) -> Result<(Vec<Vec<u32>>, Tensor)> {
    let logits = logits.to_dtype(DType::F32)?; // [n, experts]
    let (n, count) = logits.dims2()?;
    let host = logits.detach().to_device(&Device::Cpu)?.to_vec2::<f32>()?;
    let mut chosen = vec![Vec::new(); count];
    let mut mask = vec![0f32; n * count];
    for (row, logits) in host.iter().enumerate() {
        let mut order: Vec<usize> = (0..count).collect();
        // Among equal logits the lower expert comes first, so that the choice does not depend on the sorting algorithm.
        order.sort_by(|a, b| logits[*b].total_cmp(&logits[*a]).then(a.cmp(b)));
        for expert in &order[..experts.per_token] {
            chosen[*expert].push(batch_layout::index_u32(row));
            mask[row * count + expert] = 1.0;
        }
    }
    // Subtracting the maximum prevents overflow and cancels out; detached, because its gradient cancels out too.
    let max = logits.max_keepdim(D::Minus1)?.detach(); // [n, 1]
    let exp = logits.broadcast_sub(&max)?.exp()?; // [n, experts]
    let mask = Tensor::from_vec(mask, (n, count), &Device::Cpu)?.to_device(logits.device())?; // [n, experts]
    let kept = (&exp * &mask)?; // [n, experts]
    let total = if experts.normalised { kept.sum_keepdim(D::Minus1)? } else { exp.sum_keepdim(D::Minus1)? }; // [n, 1]
    Ok((chosen, kept.broadcast_div(&total)?))
}
