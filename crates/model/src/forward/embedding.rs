//! Embedding: takes the tokens and positions of the rows, gives the input of the first block.

use candle_core::Tensor;

use super::ForwardPass;
use crate::error::{Error, Result};
use crate::parameters::{ParameterOwner, TensorRole};

impl ForwardPass<'_> {
    /// Input of the first block, `[rows, d_model]`: token embeddings, plus learned positions and the embedding of the
    /// segment type, normalised, as far as the family has each of them.
    ///
    /// # Errors
    /// A model that reads no tokens, a token outside its vocabulary, or a position beyond its learned positions.
    pub fn embed(&mut self) -> Result<Tensor> {
        let model = self.model;
        let (c, weights) = (model.config(), &model.weights().embedding);
        let table = weights.tokens.as_ref().ok_or_else(|| c.no_tokens())?;
        if let Some(bad) = self.layout.tokens.iter().find(|t| **t as usize >= c.vocab_size) {
            return Err(Error::setting("token", format!("id {bad} is outside the vocabulary of {}", c.vocab_size)));
        }
        let mut x = table.rows(&self.layout.tokens)?; // [rows, d_model]
        if c.embedding.scale != 1.0 {
            x = (x * c.embedding.scale)?; // [rows, d_model]
        }
        if let (Some(table), Some(offset)) = (&weights.positions, c.embedding.position_offset) {
            let positions = &self.layout.positions;
            if let Some(beyond) = positions.iter().find(|p| **p as usize >= c.max_positions) {
                let problem = format!("position {beyond} is beyond the {} the model has learned", c.max_positions);
                return Err(Error::setting("tokens", problem));
            }
            // OPT and RoBERTa store their first position at row 2.
            let rows: Vec<u32> = positions.iter().map(|p| p + laser_kernels::batch_layout::index_u32(offset)).collect();
            x = (x + table.rows(&rows)?)?; // [rows, d_model]
        }
        if let Some(constant) = &weights.constant {
            x = x.broadcast_add(constant)?; // [rows, d_model]
        }
        self.normed(ParameterOwner::Role(TensorRole::EmbeddingNorm, 0), &x, weights.norm.as_ref()) // [rows, d_model]
    }
}
