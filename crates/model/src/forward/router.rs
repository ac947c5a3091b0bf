//! The router of a layer of experts: takes its logits, gives the experts of each row and their weights.

use candle_core::{D, DType, Device, Tensor};

use crate::config::{ExpertScores, Experts};
use crate::error::Result;
use laser_kernels::batch_layout;

/// Chooses the `experts.per_token` experts of the largest scores for each row of `logits [n, experts]`; for the choice,
/// `correction [experts]` is added to the scores.
///
/// Returns the rows of each expert, ascending, and the weights `[n, experts]`: the scores without the correction (divided
/// by the sum of the chosen ones if `experts.normalised`), times `experts.scale`; 0 for experts that are not chosen.
pub(super) fn route(logits: &Tensor, experts: Experts, correction: Option<&Tensor>) -> Result<(Vec<Vec<u32>>, Tensor)> {
    let logits = logits.to_dtype(DType::F32)?; // [n, experts]
    let (n, count) = logits.dims2()?;
    let scores = scores(&logits, experts.scores)?; // [n, experts]
    // Without a correction, the logits have the order of the scores, and no two of them become equal by rounding.
    let ranked = match (correction, experts.scores) {
        (None, _) => logits,
        (Some(correction), ExpertScores::Sigmoid) => scores.broadcast_add(&correction.to_dtype(DType::F32)?)?,
        (Some(correction), ExpertScores::Softmax) => {
            let probabilities = scores.broadcast_div(&scores.sum_keepdim(D::Minus1)?)?; // [n, experts]
            probabilities.broadcast_add(&correction.to_dtype(DType::F32)?)?
        }
    }; // [n, experts]
    let host = ranked.detach().to_device(&Device::Cpu)?.to_vec2::<f32>()?;
    let mut chosen = vec![Vec::new(); count];
    let mut mask = vec![0f32; n * count];
    for (row, ranked) in host.iter().enumerate() {
        let mut order: Vec<usize> = (0..count).collect();
        // Among equal values the lower expert comes first, so that the choice does not depend on the sorting algorithm.
        order.sort_by(|a, b| ranked[*b].total_cmp(&ranked[*a]).then(a.cmp(b)));
        for expert in &order[..experts.per_token] {
            chosen[*expert].push(batch_layout::index_u32(row));
            mask[row * count + expert] = 1.0;
        }
    }
    let mask = Tensor::from_vec(mask, (n, count), &Device::Cpu)?.to_device(scores.device())?; // [n, experts]
    let kept = (&scores * &mask)?; // [n, experts]
    let total = match (experts.normalised, experts.scores) {
        (true, _) => Some(kept.sum_keepdim(D::Minus1)?), // [n, 1]
        (false, ExpertScores::Softmax) => Some(scores.sum_keepdim(D::Minus1)?), // [n, 1]
        (false, ExpertScores::Sigmoid) => None,
    };
    let weights = match total {
        Some(total) => kept.broadcast_div(&total)?,
        None => kept,
    }; // [n, experts]
    Ok((chosen, if experts.scale == 1.0 { weights } else { (weights * experts.scale)? }))
}

/// The scores of `logits [n, experts]`, same shape; those of the softmax up to a factor for each row.
fn scores(logits: &Tensor, function: ExpertScores) -> Result<Tensor> {
    Ok(match function {
        ExpertScores::Softmax => {
            // Subtracting the maximum prevents overflow and cancels out; detached, because its gradient cancels out too.
            let max = logits.max_keepdim(D::Minus1)?.detach(); // [n, 1]
            logits.broadcast_sub(&max)?.exp()?
        }
        ExpertScores::Sigmoid => ((logits.neg()?.exp()? + 1.0)?.recip())?,
    })
}
