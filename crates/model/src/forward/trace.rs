//! One sequence with the residual stream between all blocks: for parity checks and interpretability.

use candle_core::{DType, Device, Tensor};

use super::ForwardPass;
use super::sequence::one_sequence;
use crate::error::Result;
use crate::model::Model;

/// Hidden states and logits of one sequence; f32 on the CPU.
#[derive(Debug, Clone)]
pub struct Trace {
    /// Input of the first block, then the output of each block (the last before the final norm): `n_layers + 1` tensors
    /// `[tokens, d_model]`.
    pub hidden: Vec<Tensor>,
    /// Logits at every token, `[tokens, vocab]`.
    pub logits: Tensor,
}

impl Model {
    /// Runs one sequence and returns the residual stream between the blocks and all logits.
    ///
    /// # Errors
    /// No tokens, a token outside the vocabulary, or values that are not finite.
    pub fn trace(&self, tokens: &[u32]) -> Result<Trace> {
        let layout = one_sequence(tokens)?;
        let mut cache = self.new_kv_cache();
        let mut pass = ForwardPass::new(self, &layout, &mut cache, false)?.without_caching();
        let x = pass.embed()?; // [tokens, d_model]
        let hidden = pass.residual_stream(x)?; // n_layers + 1 of [tokens, d_model]
        let logits = to_host(&self.head(&hidden[self.config().n_layers])?)?; // [tokens, vocab]
        Ok(Trace { hidden: hidden.iter().map(to_host).collect::<Result<_>>()?, logits })
    }
}

/// A copy in f32 on the CPU, where a caller can read the values; same shape.
pub(super) fn to_host(x: &Tensor) -> Result<Tensor> {
    Ok(x.to_dtype(DType::F32)?.to_device(&Device::Cpu)?)
}
