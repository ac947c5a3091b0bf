//! Variants computed with candle's operations.

use std::ops::Range;

use candle_core::{Result, Tensor};

use super::{VariantGroup, Variants};
use crate::linear::linear;
use crate::weight::Weight;

/// As [`Variants::apply`].
pub(super) fn apply(
    variants: &Variants,
    x: &Tensor,
    bias: Option<&Tensor>,
    blocks: Option<&[Range<usize>]>,
    threads: usize,
) -> Result<Tensor> {
    let mut outputs = Vec::with_capacity(variants.len());
    let mut blocks = blocks.map(<[_]>::iter);
    for group in &variants.groups {
        // The part of the product that all variants of the group share.
        let shared = match group {
            VariantGroup::Nested { vt, .. } => linear(x, vt, None, None, threads)?, // z [rows, k]
            VariantGroup::Dense(_) => x.clone(),                                    // [rows, in]
        };
        for variant in 0..group.len() {
            let input = match blocks.as_mut().map(|blocks| blocks.next().expect("a block for each variant")) {
                Some(block) if block.is_empty() => continue,
                Some(block) => shared.narrow(0, block.start, block.len())?,
                None => shared.clone(),
            };
            outputs.push(match group {
                VariantGroup::Nested { us, ranks, .. } => truncated(&input, us, ranks[variant], bias, threads)?,
                VariantGroup::Dense(weights) => linear(&input, &weights[variant], bias, None, threads)?,
            }); // [block, out]
        }
    }
    if outputs.len() == 1 { Ok(outputs.remove(0)) } else { Tensor::cat(&outputs, 0) }
}

/// `z[:, ..rank]·US[:, ..rank]ᵀ + bias` for `z [rows, k]`, `us [out, k]` → `[rows, out]`.
fn truncated(z: &Tensor, us: &Weight, rank: usize, bias: Option<&Tensor>, threads: usize) -> Result<Tensor> {
    // The tensor library has no product over an empty inner dimension: rank 0 takes one component of zeros.
    let components = rank.max(1);
    let us = Weight::Tensor(us.to_tensor()?.narrow(1, 0, components)?); // [out, components]
    let z = z.narrow(1, 0, components)?.contiguous()?; // [rows, components]
    linear(&if rank == 0 { z.zeros_like()? } else { z }, &us, bias, None, threads)
}
