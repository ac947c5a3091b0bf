//! One linear layer of a forward pass: the matrix as loaded, its replacement, or a stack of variants.

use std::ops::Range;

use candle_core::Tensor;

use super::ForwardPass;
use crate::error::Result;
use crate::weight_id::WeightId;

impl ForwardPass<'_> {
    /// One linear layer on all rows, `x [n, in]` → `[n, out]`. At the first stack of variants the rows split:
    /// `[variants·n, out]`.
    pub(super) fn project(&mut self, id: WeightId, x: &Tensor) -> Result<Tensor> {
        let n = x.dim(0)?;
        let split = self.copies > 1 && n == self.copies * self.rows_per_copy;
        self.project_some(id, x, None, split)
    }

    /// One linear layer on some rows of the pass, `x [rows, in]` → `[rows, out]` or `[variants·rows, out]`.
    ///
    /// `rows`: numbers of these rows in the pass, ascending; `None` for all rows. `split`: whether the pass's rows are
    /// already split into copies.
    pub(super) fn project_some(
        &mut self,
        id: WeightId,
        x: &Tensor,
        rows: Option<&[u32]>,
        split: bool,
    ) -> Result<Tensor> {
        let (model, threads) = (self.model, self.model.threads());
        let Some(variants) = model.variants(id) else {
            return self.linear(id, x, rows, None);
        };
        let bias = model.dense(id).bias;
        // Rows of the pass that belong to each variant; `None`: all rows to all variants.
        let blocks = match (self.rows_have_variants, split) {
            (true, _) => Some(self.layout.variant_blocks(variants.len())),
            (_, true) => Some((0..self.copies).map(|v| v * self.rows_per_copy..(v + 1) * self.rows_per_copy).collect()),
            _ => None,
        };
        let Some(mut blocks): Option<Vec<Range<usize>>> = blocks else {
            self.copies = variants.len();
            return Ok(variants.apply(x, bias, None, threads)?); // [variants·rows, out]
        };
        if let Some(rows) = rows {
            // From row numbers of the pass to row numbers of `x`.
            let before = |end: usize| rows.partition_point(|row| (*row as usize) < end);
            blocks.iter_mut().for_each(|block| *block = before(block.start)..before(block.end));
        }
        Ok(variants.apply(x, bias, Some(&blocks), threads)?) // [rows, out]
    }
}
