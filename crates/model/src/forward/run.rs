//! Loops over the blocks: from any start to the last block, or from the tokens to a place inside a block.

use candle_core::Tensor;

use super::ForwardPass;
use super::start::{MlpState, PassStart};
use crate::error::Result;
use crate::weight_id::BlockEntry;

impl ForwardPass<'_> {
    /// Computes all blocks from `start` to the last one. Returns the output of the last block before the final norm,
    /// `[copies·kept, d_model]`, and the number of copies (1 without variants).
    ///
    /// `keep`: rows whose output is needed. The other rows are dropped after the attention of the last block, because
    /// no later attention reads them. `None` keeps all rows.
    ///
    /// # Errors
    /// Tokens or positions outside the model's tables, and failures of the tensor library.
    pub fn run(mut self, start: PassStart, keep: Option<&[usize]>) -> Result<(Tensor, usize)> {
        let n_layers = self.model.config().n_layers;
        let keep = |layer: usize| keep.filter(|_| layer + 1 == n_layers);
        let (mut layer, mut x) = match start {
            PassStart::Tokens => (0, self.embed()?), // [rows, d_model]
            PassStart::Block(layer, x) => (layer, x),
            PassStart::Mlp(layer, MlpState { mid, input }) => {
                let _turn = self.model.turn(layer);
                let input = input.unwrap_or_else(|| mid.clone());
                let (mid, input) = self.select(mid, input, keep(layer))?; // both [copies·kept, d_model]
                (layer + 1, self.mlp(layer, &mid, &input)?.1)
            }
            PassStart::Down(layer, mid, hidden) => {
                let _turn = self.model.turn(layer);
                // [copies·kept, d_model] and [copies·kept, d_mlp]
                let (mid, hidden) = self.select(mid, hidden, keep(layer))?;
                (layer + 1, self.down(layer, &hidden, &mid)?)
            }
        };
        while layer < n_layers {
            x = self.step(layer, &x, keep(layer))?; // [copies·rows, d_model], in the end [copies·kept, d_model]
            layer += 1;
        }
        Ok((x, self.copies))
    }

    /// Computes the states of all rows at a stage of `layer`, where another pass may start.
    ///
    /// # Errors
    /// As [`ForwardPass::run`].
    pub fn run_up_to(mut self, layer: usize, stage: BlockEntry) -> Result<PassStart> {
        let mut x = self.embed()?; // [rows, d_model]
        for below in 0..layer {
            x = self.block(below, &x)?.out; // [rows, d_model]
        }
        if stage == BlockEntry::Attention {
            return Ok(PassStart::Block(layer, x));
        }
        let _turn = self.model.turn(layer);
        let mid = self.mixer(layer, &x)?; // [rows, d_model]
        if stage == BlockEntry::Mlp {
            let input = self.model.config().is_parallel().then_some(x); // [rows, d_model]
            return Ok(PassStart::Mlp(layer, MlpState { mid, input }));
        }
        let hidden = self.mlp_hidden(layer, &self.mlp_input(&x, &mid))?; // [rows, d_mlp]
        Ok(PassStart::Down(layer, mid, hidden))
    }
}
