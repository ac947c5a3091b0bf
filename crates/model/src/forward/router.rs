//! The router of a layer of experts: takes its logits, gives the experts of each row and their weights.

use candle_core::{D, DType, Device, Tensor};

use crate::config::{ExpertGroups, ExpertScores, Experts};
use crate::error::Result;
use laser_kernels::batch_layout;

/// Chooses the `experts.per_token` experts of the largest scores for each row of `logits [n, experts]`; for the choice,
/// `correction [experts]` is added to the scores. With `experts.groups`, the experts of a row are in the groups of the
/// largest scores.
///
/// Returns the rows of each expert, ascending, and the weights `[n, experts]`: the scores without the correction (divided
/// by the sum of the chosen ones if `experts.normalised`), times `experts.scale`; 0 for experts that are not chosen.
pub(super) fn route(logits: &Tensor, experts: Experts, correction: Option<&Tensor>) -> Result<(Vec<Vec<u32>>, Tensor)> {
    let logits = logits.to_dtype(DType::F32)?; // [n, experts]
    let (n, count) = logits.dims2()?;
    let scores = scores(&logits, experts.scores)?; // [n, experts]
    // Without a correction, the logits have the order of the scores, and no two of them become equal by rounding.
    let by_order = correction.is_none() && experts.groups.is_none_or(|groups| groups.summed == 1);
    let probabilities = match experts.scores {
        _ if by_order => logits,
        ExpertScores::Sigmoid => scores.clone(),
        ExpertScores::Softmax => scores.broadcast_div(&scores.sum_keepdim(D::Minus1)?)?,
    }; // [n, experts]
    let ranked = match correction {
        Some(correction) => probabilities.broadcast_add(&correction.to_dtype(DType::F32)?)?,
        None => probabilities,
    }; // [n, experts]
    let host = ranked.detach().to_device(&Device::Cpu)?.to_vec2::<f32>()?;
    let mut chosen = vec![Vec::new(); count];
    let mut mask = vec![0f32; n * count];
    for (row, ranked) in host.iter().enumerate() {
        let candidates = match experts.groups {
            Some(groups) => experts_of_groups(ranked, groups),
            None => (0..count).collect(),
        };
        for expert in &largest(candidates, |expert| ranked[expert])[..experts.per_token] {
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

/// The experts of the groups with the largest scores, for the scores `ranked [experts]` of one row.
fn experts_of_groups(ranked: &[f32], groups: ExpertGroups) -> Vec<usize> {
    let size = ranked.len() / groups.count;
    let members = |group: usize| (group * size..(group + 1) * size).collect::<Vec<_>>();
    let score = |group: usize| -> f32 {
        largest(members(group), |expert| ranked[expert])[..groups.summed].iter().map(|expert| ranked[*expert]).sum()
    };
    let scores: Vec<f32> = (0..groups.count).map(score).collect();
    let used = largest((0..groups.count).collect(), |group| scores[group]);
    used[..groups.per_token].iter().flat_map(|group| members(*group)).collect()
}

/// The numbers in descending order of their scores.
fn largest(mut numbers: Vec<usize>, score: impl Fn(usize) -> f32) -> Vec<usize> {
    // Among equal scores the lower number comes first, so that the order does not depend on the sorting algorithm.
    numbers.sort_by(|a, b| score(*b).total_cmp(&score(*a)).then(a.cmp(b)));
    numbers
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn experts_are_chosen_in_the_groups_with_the_largest_sums() {
        let groups = |summed| ExpertGroups { count: 3, per_token: 2, summed };
        let ranked = [0.9, 0.1, 0.4, 0.5, 0.6, 0.5];
        // The sums of the two largest are 1.0, 0.9 and 1.1; the largest are 0.9, 0.5 and 0.6.
        assert_eq!(experts_of_groups(&ranked, groups(2)), [4, 5, 0, 1]);
        assert_eq!(experts_of_groups(&ranked, groups(1)), [0, 1, 4, 5]);
    }

    #[test]
    fn the_weights_of_experts_outside_the_groups_are_zero() {
        let experts = Experts {
            scores: ExpertScores::Sigmoid,
            normalised: true,
            groups: ExpertGroups::new(2, 1, 2),
            ..Experts::new(4, 2, 1)
        };
        // The largest of all is in the group of the smaller sum.
        let logits = Tensor::new(&[[2.0f32, -2.0, 1.0, 1.0]], &Device::Cpu).expect("logits");
        let (chosen, weights) = route(&logits, experts, None).expect("a choice");
        assert_eq!(chosen, [vec![], vec![], vec![0], vec![0]]);
        assert_eq!(weights.to_vec2::<f32>().expect("values"), [[0.0, 0.0, 0.5, 0.5]]);
    }
}
