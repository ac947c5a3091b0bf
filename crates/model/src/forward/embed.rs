//! Tokens → the stream that enters the first block.

use candle_core::Tensor;

use super::ForwardPass;
use crate::error::{Error, Result};

impl ForwardPass<'_> {
    /// What the first block reads of the tokens: their embeddings, learned positions, the kind of segment, the norm of
    /// all that: `[rows, d_model]`.
    pub fn embed(&self) -> Result<Tensor> {
        let (c, weights) = (self.model.config(), &self.model.weights().embedding);
        let table = weights.tokens.as_ref().ok_or_else(|| c.no_tokens())?;
        if let Some(bad) = self.rows.tokens.iter().find(|t| **t as usize >= c.vocab_size) {
            return Err(Error::setting("token", format!("id {bad} is outside the vocabulary of {}", c.vocab_size)));
        }
        let mut x = table.rows(&self.rows.tokens)?; // [rows, d_model]
        if c.embedding.scale != 1.0 {
            x = (x * c.embedding.scale)?;
        }
        if let (Some(table), Some(offset)) = (&weights.positions, c.embedding.position_offset) {
            let positions = &self.rows.positions;
            if let Some(beyond) = positions.iter().find(|p| **p as usize >= c.max_positions) {
                let problem = format!("position {beyond} is beyond the {} the model has learned", c.max_positions);
                return Err(Error::setting("tokens", problem));
            }
            let rows: Vec<u32> = positions.iter().map(|p| p + laser_kernels::batch_layout::position(offset)).collect();
            x = (x + table.rows(&rows)?)?; // [rows, d_model]
        }
        if let Some(constant) = &weights.constant {
            x = x.broadcast_add(constant)?; // [rows, d_model]
        }
        match &weights.norm {
            Some(norm) => Ok(norm.apply(&x)?),
            None => Ok(x),
        }
    }
}
