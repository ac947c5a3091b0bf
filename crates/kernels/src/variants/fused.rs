//! Variants with the packed product.

use std::ops::Range;

use candle_core::{Result, Tensor};

use super::VariantGroup;
use crate::host::{host_rows, with_values};
use crate::matrix_view::MatrixView;
use crate::packed::{InitialSums, Packed, add_product, append_product};
use crate::weight::Weight;

/// A [`VariantGroup`] whose weights are all packed.
pub(super) enum PackedGroup<'a> {
    /// Truncations of one decomposition.
    Nested { us: &'a Packed, vt: &'a Packed, ranks: &'a [usize] },
    /// Whole matrices.
    Dense(Vec<&'a Packed>),
}

/// As [`super::Variants::apply`], with `out` outputs; the values of `x` are f32 in host memory.
pub(super) fn apply(
    groups: &[PackedGroup<'_>],
    out: usize,
    x: &Tensor,
    bias: Option<&Tensor>,
    blocks: Option<&[Range<usize>]>,
    threads: usize,
) -> Result<Tensor> {
    let (rows, width) = x.dims2()?;
    let copies = if blocks.is_some() { 1 } else { groups.iter().map(PackedGroup::len).sum() };
    let mut y = Vec::with_capacity(copies * rows * out);
    let mut append = |x: &[f32], initial: InitialSums<'_>| {
        let (x, mut first) = (MatrixView::new(x, rows, width), 0);
        for group in groups {
            let blocks = blocks.map(|blocks| &blocks[first..first + group.len()]);
            group.append(&mut y, x, initial, blocks, threads);
            first += group.len();
        }
    };
    match bias {
        Some(bias) => with_values(x, |x| with_values(bias, |bias| append(x, InitialSums::Bias(bias))))??,
        None => with_values(x, |x| append(x, InitialSums::Zero))?,
    }
    host_rows(y, copies * rows, out)
}

impl<'a> PackedGroup<'a> {
    /// The packed weights of `group`; `None` if any weight is a tensor.
    pub(super) fn new(group: &'a VariantGroup) -> Option<Self> {
        Some(match group {
            VariantGroup::Nested { us, vt, ranks } => Self::Nested { us: us.as_packed()?, vt: vt.as_packed()?, ranks },
            VariantGroup::Dense(weights) => Self::Dense(weights.iter().map(Weight::as_packed).collect::<Option<_>>()?),
        })
    }

    /// Number of variants.
    fn len(&self) -> usize {
        match self {
            Self::Nested { ranks, .. } => ranks.len(),
            Self::Dense(weights) => weights.len(),
        }
    }

    /// Appends the outputs of each variant to `y`, for its block of rows or for all rows.
    fn append(
        &self,
        y: &mut Vec<f32>,
        x: MatrixView<'_>,
        initial: InitialSums<'_>,
        blocks: Option<&[Range<usize>]>,
        threads: usize,
    ) {
        // The rows of all variants of this group; blocks have no gaps.
        let rows = match blocks {
            Some([first, .., last]) => first.start..last.end,
            Some([only]) => only.clone(),
            Some([]) => 0..0,
            None => 0..x.rows,
        };
        match self {
            Self::Nested { us, vt, ranks } => {
                let mut z = Vec::with_capacity(rows.len() * vt.out());
                append_product(&mut z, x.rows(rows.clone()), &vt.all(), InitialSums::Zero, threads); // [rows, k]
                let z = MatrixView::new(&z, rows.len(), vt.out());
                match blocks {
                    None => append_all_ranks(y, z, us, ranks, initial, threads),
                    Some(blocks) => {
                        let first_rows: Vec<usize> = blocks.iter().map(|block| block.start - rows.start).collect();
                        append_one_rank_per_row(y, z, us, ranks, &first_rows, initial, threads);
                    }
                }
            }
            Self::Dense(weights) => {
                for (variant, w) in weights.iter().enumerate() {
                    let x = x.rows(blocks.map_or(rows.clone(), |blocks| blocks[variant].clone()));
                    append_product(y, x, &w.all(), initial, threads);
                }
            }
        }
    }
}

/// Appends the outputs of every rank for every row of `z [rows, k]`. The sum over components runs once: the sums of
/// each rank start from the finished sums of the rank before.
fn append_all_ranks(
    y: &mut Vec<f32>,
    z: MatrixView<'_>,
    us: &Packed,
    ranks: &[usize],
    initial: InitialSums<'_>,
    threads: usize,
) {
    let (mut from, mut initial) = (0, initial);
    for &to in ranks {
        append_product(y, z.columns(from, to), &us.columns(from..to), initial, threads);
        (from, initial) = (to, InitialSums::LastRows);
    }
}

/// Appends the outputs of one rank for each row of `z [rows, k]`; the rows of variant `v` start at `first_rows[v]`.
///
/// Components that only the higher ranks have are added to the rows of those ranks together: the rows are the last
/// ones, because ranks ascend.
fn append_one_rank_per_row(
    y: &mut Vec<f32>,
    z: MatrixView<'_>,
    us: &Packed,
    ranks: &[usize],
    first_rows: &[usize],
    initial: InitialSums<'_>,
    threads: usize,
) {
    let begin = y.len();
    let mut from = ranks.first().copied().unwrap_or(0);
    append_product(y, z.columns(0, from), &us.columns(0..from), initial, threads);
    for (&to, &first) in ranks.iter().zip(first_rows) {
        if to > from {
            let z = z.rows(first..z.rows).columns(from, to);
            add_product(&mut y[begin + first * us.out()..], z, &us.columns(from..to), threads);
        }
        from = to;
    }
}
