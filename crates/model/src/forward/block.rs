//! One block of a forward pass: attention or another mixer, then the MLP; with the states inside the block if a caller needs them.

use candle_core::Tensor;

use super::ForwardPass;
use super::rows::select_rows;
use crate::error::Result;

/// States inside one block, from which later passes may start.
#[derive(Debug, Clone)]
pub struct BlockStates {
    /// The residual stream after the mixer, `[rows, d_model]`.
    pub mid: Tensor,
    /// The activated hidden state of the MLP, `[rows, d_mlp]`; `None` for a layer of experts.
    pub hidden: Option<Tensor>,
    /// The block's output, `[rows, d_model]`.
    pub out: Tensor,
}

impl BlockStates {
    /// The same states for no rows: `[0, width]` each.
    ///
    /// # Errors
    /// Failures of the tensor library.
    pub fn empty(&self) -> Result<Self> {
        let none = |x: &Tensor| x.narrow(0, 0, 0); // [0, width]
        let hidden = self.hidden.as_ref().map(none).transpose()?;
        Ok(Self { mid: none(&self.mid)?, hidden, out: none(&self.out)? })
    }
}

impl ForwardPass<'_> {
    /// Computes one block: `x [copies·rows, d_model]` → `[copies·kept, d_model]`, with more copies if the block
    /// contains the first stack of variants. `keep`: rows needed after the block's attention; `None` for all rows.
    ///
    /// # Errors
    /// Failures of the tensor library.
    pub fn step(&mut self, layer: usize, x: &Tensor, keep: Option<&[usize]>) -> Result<Tensor> {
        let _turn = self.model.turn(layer);
        let mid = self.mixer(layer, x)?; // [copies·rows, d_model]
        let input = self.mlp_input(x, &mid); // [copies·rows, d_model], or fewer copies
        let (mid, input) = self.select(mid, input, keep)?; // [copies·kept, d_model]
        Ok(self.mlp(layer, &mid, &input)?.1)
    }

    /// Computes one block for all rows, `x [rows, d_model]`, and returns the states inside it.
    ///
    /// # Errors
    /// Failures of the tensor library.
    pub fn block(&mut self, layer: usize, x: &Tensor) -> Result<BlockStates> {
        let _turn = self.model.turn(layer);
        let mid = self.mixer(layer, x)?; // [rows, d_model]
        let (hidden, out) = self.mlp(layer, &mid, &self.mlp_input(x, &mid))?; // [rows, d_mlp], [rows, d_model]
        Ok(BlockStates { mid, hidden, out })
    }

    /// Computes all blocks for all rows: `x [rows, d_model]`, the input of the first block, then the output of each
    /// block, `n_layers + 1` tensors in all.
    pub(super) fn residual_stream(mut self, x: Tensor) -> Result<Vec<Tensor>> {
        let mut hidden = vec![x];
        for layer in 0..self.model.config().n_layers {
            let out = self.block(layer, &hidden[layer])?.out; // [rows, d_model]
            hidden.push(out);
        }
        Ok(hidden)
    }

    /// Input of the MLP before its norm: the block's input `x` in families whose attention and MLP run in parallel, the
    /// stream after attention `mid` in the others. Both `[copies·rows, d_model]`; `x` may have fewer copies.
    pub(super) fn mlp_input(&self, x: &Tensor, mid: &Tensor) -> Tensor {
        if self.model.config().is_parallel() { x.clone() } else { mid.clone() }
    }

    /// Selects the rows `keep` of every copy of two states, `[copies·rows, width]` → `[copies·kept, width]`. The states
    /// may differ in their numbers of copies.
    pub(super) fn select(&mut self, a: Tensor, b: Tensor, keep: Option<&[usize]>) -> Result<(Tensor, Tensor)> {
        let rows = self.rows_per_copy;
        let select = |x: Tensor| {
            // `max`: a batch without rows has one copy of nothing.
            let copies = x.dim(0)? / rows.max(1);
            select_rows(x, keep, copies, rows)
        };
        let selected = (select(a)?, select(b)?);
        self.rows_per_copy = keep.map_or(rows, <[usize]>::len);
        Ok(selected)
    }
}
