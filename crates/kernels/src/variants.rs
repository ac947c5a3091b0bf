//! Several variants of one matrix, computed side by side in one forward pass; truncations of the same decomposition
//! share their work.

mod composed;
mod fused;
#[cfg(test)]
mod tests;

use std::ops::Range;

use candle_core::{Result, Tensor};

use crate::host::fused_applies;
use crate::weight::Weight;
use fused::PackedGroup;

/// Variants of one matrix `[out, in]`, in order.
#[derive(Debug, Clone)]
pub struct Variants {
    groups: Vec<VariantGroup>,
}

/// Consecutive variants that are computed together.
#[derive(Debug, Clone)]
enum VariantGroup {
    /// Truncations of one decomposition, as factors: variant `v` is `US[:, ..ranks[v]]·Vᵀ[..ranks[v], :]`.
    Nested {
        /// `U·Σ`, `[out, k]`.
        us: Weight,
        /// `Vᵀ`, `[k, in]`.
        vt: Weight,
        /// Rank of each variant, in ascending order, at most `k`.
        ranks: Vec<usize>,
    },
    /// Whole matrices, `[out, in]` each.
    Dense(Vec<Weight>),
}

impl Variants {
    /// Truncations to `ranks`, in ascending order, of the decomposition with the leading `k` components `us [out, k]`
    /// and `vt [k, in]`.
    ///
    /// # Errors
    /// If `us` is not two-dimensional.
    ///
    /// # Panics
    /// If the ranks are not in ascending order or exceed `k`.
    pub fn nested(us: Weight, vt: Weight, ranks: Vec<usize>) -> Result<Self> {
        let [_, k] = us.dims()?;
        assert!(ranks.is_sorted(), "ranks of variants are sorted");
        assert!(ranks.last().is_none_or(|r| *r <= k), "a rank exceeds the factors");
        Ok(Self { groups: vec![VariantGroup::Nested { us, vt, ranks }] })
    }

    /// Whole matrices `[out, in]`, for edits that share no decomposition.
    pub fn dense(weights: Vec<Weight>) -> Self {
        Self { groups: vec![VariantGroup::Dense(weights)] }
    }

    /// The variants of all `stacks`, one after the other.
    pub fn stack(stacks: Vec<Self>) -> Self {
        Self { groups: stacks.into_iter().flat_map(|stack| stack.groups).collect() }
    }

    /// Number of variants.
    pub fn len(&self) -> usize {
        self.groups.iter().map(VariantGroup::len).sum()
    }

    /// Whether there are no variants.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `x·Wᵀ + bias` with the variants `W`, for `x [rows, in]`.
    ///
    /// With `blocks`, each variant is applied to its own rows of `x`, in order and without gaps → `[rows, out]`.
    /// Without, each variant is applied to all rows, and the results follow one another → `[len·rows, out]`.
    ///
    /// # Errors
    /// If shapes, devices or data types do not fit.
    ///
    /// # Panics
    /// If there are fewer blocks than variants, or if the weights are packed and shapes do not fit.
    pub fn apply(
        &self,
        x: &Tensor,
        bias: Option<&Tensor>,
        blocks: Option<&[Range<usize>]>,
        threads: usize,
    ) -> Result<Tensor> {
        let Some(first) = self.groups.first() else { return x.narrow(0, 0, 0) };
        let packed: Option<Vec<_>> = self.groups.iter().map(PackedGroup::new).collect();
        match packed {
            Some(groups) if fused_applies(x) => fused::apply(&groups, first.out()?, x, bias, blocks, threads),
            _ => composed::apply(self, x, bias, blocks, threads),
        }
    }
}

impl VariantGroup {
    /// Number of outputs of each variant.
    fn out(&self) -> Result<usize> {
        match self {
            Self::Nested { us, .. } => Ok(us.dims()?[0]),
            Self::Dense(weights) => weights.first().map_or(Ok(0), |w| Ok(w.dims()?[0])),
        }
    }

    /// Number of variants.
    fn len(&self) -> usize {
        match self {
            Self::Nested { ranks, .. } => ranks.len(),
            Self::Dense(weights) => weights.len(),
        }
    }
}
