//! Several matrices in place of one, applied side by side: truncations of one decomposition share their work.

use std::ops::Range;

use candle_core::Tensor;

use super::linear::{Weight, linear};
use super::matmul::View;
use super::packed::{Packed, Start, accumulate, append};
use super::{host_rows, is_fused, with_values};
use crate::Result;

/// Variants of one matrix, in order: a stack of parts.
#[derive(Debug, Clone)]
pub struct Variants(Vec<Part>);

/// Variants that belong together.
#[derive(Debug, Clone)]
enum Part {
    /// Truncations to several ranks, kept as factors: variant `v` is `US[:, ..r_v]·Vᵀ[..r_v, :]`.
    Nested {
        /// `U·Σ`, `[out, k]`.
        us: Weight,
        /// `Vᵀ`, `[k, in]`.
        vt: Weight,
        /// Rank of each variant, never decreasing, at most `k`.
        ranks: Vec<usize>,
    },
    /// Whole matrices, `[out, in]` each.
    Dense(Vec<Weight>),
}

impl Variants {
    /// Truncations to `ranks` (sorted upwards) from the leading `k` components `us [out,k]`, `vt [k,in]`.
    ///
    /// # Panics
    /// If the ranks are not sorted or exceed `k`.
    pub fn nested(us: Weight, vt: Weight, ranks: Vec<usize>) -> Result<Self> {
        let [_, k] = us.dims()?;
        assert!(ranks.is_sorted(), "ranks of variants are sorted");
        assert!(ranks.last().is_none_or(|r| *r <= k), "a rank exceeds the factors");
        Ok(Self(vec![Part::Nested { us, vt, ranks }]))
    }

    /// Whole matrices `[out, in]`, for edits that share nothing.
    pub fn dense(weights: Vec<Weight>) -> Self {
        Self(vec![Part::Dense(weights)])
    }

    /// The variants of all `stacks`, in order.
    pub fn stack(stacks: Vec<Self>) -> Self {
        Self(stacks.into_iter().flat_map(|stack| stack.0).collect())
    }

    /// Number of variants.
    pub fn len(&self) -> usize {
        self.0.iter().map(Part::len).sum()
    }

    /// Applies the variants. `blocks`: the rows of `x` that belong to each variant, in order and without gaps; `None`: all
    /// rows belong to all variants, and the output has `len()` copies of them, `[len·rows, out]`.
    pub fn apply(
        &self,
        x: &Tensor,
        bias: Option<&Tensor>,
        blocks: Option<&[Range<usize>]>,
        threads: usize,
    ) -> Result<Tensor> {
        let (rows, width) = x.dims2()?;
        let Some([out, _]) = self.0.first().map(Part::dims).transpose()? else { return Ok(x.narrow(0, 0, 0)?) };
        let packed: Option<Vec<_>> = self.0.iter().map(Part::packed).collect();
        let (Some(parts), true) = (packed, is_fused(x)) else { return self.composed(x, bias, blocks, threads) };
        let copies = if blocks.is_some() { 1 } else { self.len() };
        let mut y = Vec::with_capacity(copies * rows * out);
        let mut run = |x: &[f32], start: Start<'_>| {
            let (x, mut first) = (View::new(x, rows, width), 0);
            for (part, packed) in self.0.iter().zip(&parts) {
                let blocks = blocks.map(|blocks| &blocks[first..first + part.len()]);
                packed.append(&mut y, x, start, blocks, threads);
                first += part.len();
            }
        };
        match bias {
            Some(bias) => with_values(x, |x| with_values(bias, |bias| run(x, Start::Row(bias))))??,
            None => with_values(x, |x| run(x, Start::Zero))?,
        }
        host_rows(y, copies * rows, out)
    }

    /// The same through the tensor library.
    fn composed(
        &self,
        x: &Tensor,
        bias: Option<&Tensor>,
        blocks: Option<&[Range<usize>]>,
        threads: usize,
    ) -> Result<Tensor> {
        let mut outputs = Vec::with_capacity(self.len());
        let mut blocks = blocks.map(<[_]>::iter);
        for part in &self.0 {
            let of_part = match part {
                Part::Nested { vt, .. } => linear(x, vt, None, None, threads)?, // z [rows, k]
                Part::Dense(_) => x.clone(),
            };
            for variant in 0..part.len() {
                let x = match blocks.as_mut().map(|blocks| blocks.next().expect("a block for each variant")) {
                    Some(block) if block.is_empty() => continue,
                    Some(block) => of_part.narrow(0, block.start, block.len())?,
                    None => of_part.clone(),
                };
                outputs.push(match part {
                    Part::Nested { us, ranks, .. } => {
                        let (us, rank) = (us.to_tensor()?, ranks[variant]);
                        let us = Weight::Tensor(us.narrow(1, 0, rank.max(1))?); // no product has an empty inside
                        let z = x.narrow(1, 0, rank.max(1))?.contiguous()?;
                        linear(&if rank == 0 { z.zeros_like()? } else { z }, &us, bias, None, threads)?
                    }
                    Part::Dense(weights) => linear(&x, &weights[variant], bias, None, threads)?,
                });
            }
        }
        Ok(if outputs.len() == 1 { outputs.remove(0) } else { Tensor::cat(&outputs, 0)? })
    }
}

impl Part {
    /// `[out, in]`.
    fn dims(&self) -> Result<[usize; 2]> {
        match self {
            Self::Nested { us, vt, .. } => Ok([us.dims()?[0], vt.dims()?[1]]),
            Self::Dense(weights) => weights.first().map_or(Ok([0, 0]), Weight::dims),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Nested { ranks, .. } => ranks.len(),
            Self::Dense(weights) => weights.len(),
        }
    }

    /// The packed weights, if all are.
    fn packed(&self) -> Option<PackedPart<'_>> {
        Some(match self {
            Self::Nested { us, vt, ranks } => PackedPart::Nested { us: us.packed()?, vt: vt.packed()?, ranks },
            Self::Dense(weights) => PackedPart::Dense(weights.iter().map(Weight::packed).collect::<Option<_>>()?),
        })
    }
}

/// A [`Part`] whose weights are packed.
enum PackedPart<'a> {
    Nested { us: &'a Packed, vt: &'a Packed, ranks: &'a [usize] },
    Dense(Vec<&'a Packed>),
}

impl PackedPart<'_> {
    /// Appends the outputs: of each block of rows for its variant, or of all rows for each.
    fn append(&self, y: &mut Vec<f32>, x: View<'_>, start: Start<'_>, blocks: Option<&[Range<usize>]>, threads: usize) {
        let rows = match blocks {
            Some([first, .., last]) => first.start..last.end,
            Some([only]) => only.clone(),
            Some([]) => 0..0,
            None => 0..x.rows,
        };
        match self {
            Self::Nested { us, vt, ranks } => {
                let mut z = Vec::with_capacity(rows.len() * vt.out());
                append(&mut z, x.rows(rows.clone()), &vt.all(), Start::Zero, threads); // [rows, k]
                let z = View::new(&z, rows.len(), vt.out());
                match blocks {
                    None => nested(y, z, us, ranks, start, threads),
                    Some(blocks) => {
                        let first_rows: Vec<usize> = blocks.iter().map(|block| block.start - rows.start).collect();
                        nested_in_blocks(y, z, us, ranks, &first_rows, start, threads);
                    }
                }
            }
            Self::Dense(weights) => {
                for (variant, w) in weights.iter().enumerate() {
                    let x = x.rows(blocks.map_or(rows.clone(), |blocks| blocks[variant].clone()));
                    append(y, x, &w.all(), start, threads);
                }
            }
        }
    }
}

/// Every rank for every row of `z`: the sum over components runs once, and each rank goes on from the one before.
fn nested(y: &mut Vec<f32>, z: View<'_>, us: &Packed, ranks: &[usize], start: Start<'_>, threads: usize) {
    let (mut from, mut start) = (0, start);
    for &to in ranks {
        append(y, z.columns(from, to), &us.columns(from..to), start, threads);
        (from, start) = (to, Start::Last);
    }
}

/// Rows that belong to one rank each, from row `first_rows[v]` on. A band of components is added to all rows that have
/// it, which stand together at the end because ranks never decrease.
fn nested_in_blocks(
    y: &mut Vec<f32>,
    z: View<'_>,
    us: &Packed,
    ranks: &[usize],
    first_rows: &[usize],
    start: Start<'_>,
    threads: usize,
) {
    let begin = y.len();
    let mut from = ranks.first().copied().unwrap_or(0);
    append(y, z.columns(0, from), &us.columns(0..from), start, threads);
    for (&to, &first) in ranks.iter().zip(first_rows) {
        if to > from {
            let z = z.rows(first..z.rows).columns(from, to);
            accumulate(&mut y[begin + first * us.out()..], z, &us.columns(from..to), threads);
        }
        from = to;
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::testing::{difference, random, random_row};

    /// Two stacks of truncations around whole matrices, `[7, 9]` each: the variants and their matrices one by one.
    fn stacked() -> (Variants, Vec<Tensor>) {
        let weight = |t: &Tensor| Weight::new(t.clone()).expect("packs");
        let (mut stacks, mut matrices) = (Vec::new(), Vec::new());
        for ranks in [vec![0, 2, 2, 5], vec![6]] {
            let (us, vt) = (random(7, 6), random(6, 9));
            for &rank in &ranks {
                matrices.push(match rank {
                    0 => Tensor::zeros((7, 9), DType::F32, &Device::Cpu).expect("zeros"),
                    _ => {
                        let (us, vt) = (us.narrow(1, 0, rank).expect("us"), vt.narrow(0, 0, rank).expect("vt"));
                        us.contiguous().and_then(|us| us.matmul(&vt)).expect("matrix")
                    }
                });
            }
            stacks.push(Variants::nested(weight(&us), weight(&vt), ranks).expect("a stack"));
            if stacks.len() == 1 {
                let dense = [random(7, 9), random(7, 9)];
                stacks.push(Variants::dense(dense.iter().map(weight).collect()));
                matrices.extend(dense);
            }
        }
        (Variants::stack(stacks), matrices)
    }

    #[test]
    fn variants_equal_their_dense_matrices_one_by_one() {
        let (variants, matrices) = stacked();
        assert_eq!((variants.len(), matrices.len()), (7, 7));
        let x = random(8, 9);
        let bias = random_row(7);
        let blocks = [0..1, 1..1, 1..3, 3..4, 4..5, 5..6, 6..8];
        for bias in [None, Some(&bias)] {
            let dense =
                |x: &Tensor, v: usize| linear(x, &Weight::Tensor(matrices[v].clone()), bias, None, 1).expect("dense");
            let all = variants.apply(&x, bias, None, 1).expect("fan out");
            let packed = variants.apply(&x, bias, Some(&blocks), 1).expect("blocks");
            for (v, block) in blocks.iter().enumerate() {
                assert!(difference(&all.narrow(0, v * 8, 8).expect("block"), &dense(&x, v)) < 1e-5);
                if !block.is_empty() {
                    let rows = |t: &Tensor| t.narrow(0, block.start, block.len()).expect("rows");
                    assert!(difference(&rows(&packed), &dense(&rows(&x), v)) < 1e-5);
                    let alike = all.narrow(0, v * 8 + block.start, block.len()).expect("rows");
                    assert_eq!(difference(&rows(&packed), &alike), 0.0, "the same bits either way");
                }
            }
            assert!(difference(&all, &variants.composed(&x, bias, None, 1).expect("composed")) < 1e-5);
            assert!(difference(&packed, &variants.composed(&x, bias, Some(&blocks), 1).expect("composed")) < 1e-5);
        }
    }
}
