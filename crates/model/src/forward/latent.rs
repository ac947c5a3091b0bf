//! Latent attention: queries through two matrices, keys and values through a vector that is shorter than they are, and a
//! part of the keys with positions that all heads share.
//!
//! The keys and values of all heads are made at once, and attention then is that of other families. In each head, the
//! dimensions with positions come first.

use candle_core::{D, Tensor};

use super::ForwardPass;
use super::attention::QueriesKeysValues;
use crate::config::LatentAttention;
use crate::error::Result;
use crate::parameters::{ParameterOwner, TensorRole};
use crate::weight_id::WeightId;
use crate::weight_id::WeightKind::{KeyB, KeyValueA, Q, QueryA, QueryB, ValueB};
use laser_kernels::linear::repeat_rows;
use laser_kernels::rope::rotate;

impl ForwardPass<'_> {
    /// Queries, keys and values of latent attention, of the block's input after its norm: `h [copies·rows, d_model]`.
    pub(super) fn latent_heads(
        &mut self,
        layer: usize,
        h: &Tensor,
        latent: LatentAttention,
    ) -> Result<QueriesKeysValues> {
        let model = self.model;
        let (c, weights) = (model.config(), &model.weights().layers[layer]);
        let q = if latent.query_rank.is_some() {
            let vector = self.project(WeightId::new(layer, QueryA), h)?; // [copies·rows, query_rank]
            let owner = ParameterOwner::Role(TensorRole::QueryLatentNorm, layer);
            let vector = self.normed(owner, &vector, weights.query_latent_norm.as_ref())?; // [copies·rows, query_rank]
            self.project(WeightId::new(layer, QueryB), &vector)? // [copies·rows, n_heads·d_head]
        } else {
            self.project(WeightId::new(layer, Q), h)? // [copies·rows, n_heads·d_head]
        };
        let both = self.project(WeightId::new(layer, KeyValueA), h)?; // [copies·rows, d_rotary + rank]
        let rotary = both.narrow(D::Minus1, 0, latent.d_rotary)?.contiguous()?; // [copies·rows, d_rotary]
        let vector = both.narrow(D::Minus1, latent.d_rotary, latent.key_value_rank)?.contiguous()?; // [copies·rows, rank]
        let owner = ParameterOwner::Role(TensorRole::KeyValueLatentNorm, layer);
        let vector = self.normed(owner, &vector, weights.key_value_latent_norm.as_ref())?; // [copies·rows, rank]
        let plain = self.project(WeightId::new(layer, KeyB), &vector)?; // [copies·rows, n_heads·(d_head − d_rotary)]
        let v = self.project(WeightId::new(layer, ValueB), &vector)?; // [copies·rows, n_heads·d_value]

        // If one of the matrices has variants, the rows are split at it: the other results are repeated for all copies.
        let n = self.copies * self.rows_per_copy;
        let (q, rotary) = (repeat_rows(&q, n)?, repeat_rows(&rotary, n)?);
        let (plain, v) = (repeat_rows(&plain, n)?, repeat_rows(&v, n)?);
        let (q, rotary) = match c.attention.layers[layer].rope {
            Some(rope) => {
                let tables = &self.rotary_tables[rope];
                (rotate(&q, tables, c.d_head)?, rotate(&rotary, tables, latent.d_rotary)?)
            }
            None => (q, rotary),
        }; // [n, n_heads·d_head], [n, d_rotary]
        let plain = plain.reshape((n, c.n_heads, c.d_head - latent.d_rotary))?; // [n, n_heads, d_head − d_rotary]
        let shared = rotary.unsqueeze(1)?.broadcast_as((n, c.n_heads, latent.d_rotary))?; // [n, n_heads, d_rotary]
        let k = Tensor::cat(&[&shared.contiguous()?, &plain], D::Minus1)?; // [n, n_heads, d_head]
        Ok(QueriesKeysValues { q, k: k.reshape((n, c.n_heads * c.d_head))?, v })
    }
}
