//! Selection of rows of a state that may have several copies.

use candle_core::Tensor;

use crate::error::Result;
use laser_kernels::batch_layout;

/// Selects the rows `keep` of each copy: `x [copies·rows, width]` → `[copies·keep, width]`. `None` keeps all rows.
pub(super) fn select_rows(x: Tensor, keep: Option<&[usize]>, copies: usize, rows: usize) -> Result<Tensor> {
    let Some(keep) = keep else { return Ok(x) };
    let ids: Vec<u32> =
        (0..copies).flat_map(|copy| keep.iter().map(move |row| batch_layout::index_u32(copy * rows + row))).collect();
    Ok(x.index_select(&Tensor::new(ids, x.device())?, 0)?)
}
