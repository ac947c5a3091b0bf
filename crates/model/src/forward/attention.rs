//! Attention of one block, in every form that a configuration allows; latent queries, keys and values are made in
//! `latent.rs`.

use candle_core::Tensor;

use super::ForwardPass;
use crate::error::Result;
use crate::parameters::{ParameterOwner, TensorRole};
use crate::weight_id::WeightId;
use crate::weight_id::WeightKind::{K, Q, V};
use crate::weights::QueryKeyNorm;
use laser_kernels::attention::{AttentionScoring, Heads, SegmentLayout, attention};
use laser_kernels::kv_cache::KvChunk;
use laser_kernels::linear::repeat_rows;
use laser_kernels::rope::rotate;

/// Queries, keys and values of one layer, for all copies of the rows.
pub(super) struct QueriesKeysValues {
    /// Queries with their positions, `[copies·rows, n_heads·d_head]`.
    pub(super) q: Tensor,
    /// Keys with their positions, `[copies·rows, n_kv_heads·d_head]`.
    pub(super) k: Tensor,
    /// Values, `[copies·rows, n_kv_heads·d_value]`.
    pub(super) v: Tensor,
}

impl ForwardPass<'_> {
    /// Outputs of all attention heads side by side, before the output projection: `x [copies·rows, d_model]` →
    /// `[copies·rows, n_heads·d_value]`, or more copies.
    pub(super) fn attention_heads(&mut self, layer: usize, x: &Tensor) -> Result<Tensor> {
        let model = self.model;
        let (c, weights) = (model.config(), &model.weights().layers[layer]);
        let this_layer = c.attention.layers[layer];
        let h = self.mixer_input(layer, x)?; // [copies·rows, d_model]
        // [copies·rows, n_heads·d_head], [copies·rows, n_kv_heads·d_head], [copies·rows, n_kv_heads·d_value]
        let QueriesKeysValues { mut q, k, v } = match c.attention.latent {
            Some(latent) => self.latent_heads(layer, &h, latent)?,
            None => self.plain_heads(layer, &h)?,
        };
        if let Some(factors) = &self.query_factors {
            q = q.broadcast_mul(&repeat_rows(factors, q.dim(0)?)?)?; // [copies·rows, n_heads·d_head]
        }
        let stride = if self.copies > 1 { self.layout.len() } else { 0 };
        let chunks = &mut self.cache.layers[layer];
        chunks.push(KvChunk { k, v, stride });
        let layout = SegmentLayout { segments: &self.layout.segments, copies: self.copies, rows: self.layout.len() };
        let heads = Heads { n_heads: c.n_heads, n_kv_heads: c.n_kv_heads, d_head: c.d_head, d_value: c.d_value() };
        let scoring = AttentionScoring {
            scale: c.attention.scale as f32,
            softcap: c.attention.softcap.map(|cap| cap as f32),
            slopes: c.attention.slopes.as_deref(),
            bf16_bias: c.attention.coarse_slopes,
            window: this_layer.window,
            causal: c.attention.causal,
            sinks: weights.sinks.as_deref(),
        };
        let heads = attention(&q, chunks, heads, scoring, layout, model.threads())?; // [copies·rows, n_heads·d_value]
        if !self.keep_in_cache {
            chunks.pop();
        }
        Ok(heads)
    }

    /// Queries, keys and values that are made of the block's input: `h [copies·rows, d_model]`.
    fn plain_heads(&mut self, layer: usize, h: &Tensor) -> Result<QueriesKeysValues> {
        let model = self.model;
        let weights = &model.weights().layers[layer];
        let mut project = |kind| self.project(WeightId::new(layer, kind), h);
        let (q, k, v) = (project(Q)?, project(K)?, project(V)?);
        // If one of the three has variants, the rows are split at it: the other two are repeated for all copies.
        let n = self.copies * self.rows_per_copy;
        let (q, k, v) = (repeat_rows(&q, n)?, repeat_rows(&k, n)?, repeat_rows(&v, n)?);
        let (q_norm, k_norm) = (weights.query_norm.as_ref(), weights.key_norm.as_ref());
        let q = self.norm_and_rotate(layer, q, TensorRole::QueryNorm, q_norm)?; // [copies·rows, n_heads·d_head]
        let k = self.norm_and_rotate(layer, k, TensorRole::KeyNorm, k_norm)?; // [copies·rows, n_kv_heads·d_head]
        let v = self.clamped(v)?; // [copies·rows, n_kv_heads·d_head]
        Ok(QueriesKeysValues { q, k, v })
    }

    /// Queries or keys after their norm, bound and rotation, as far as the family has each of them:
    /// `x [copies·rows, heads·d_head]` → the same shape.
    fn norm_and_rotate(
        &mut self,
        layer: usize,
        x: Tensor,
        role: TensorRole,
        norm: Option<&QueryKeyNorm>,
    ) -> Result<Tensor> {
        let c = &self.model.config().attention;
        if c.rotated_before_norm {
            let x = self.rotated(layer, x)?; // [copies·rows, heads·d_head]
            let x = self.query_key_normed(layer, x, role, norm)?; // [copies·rows, heads·d_head]
            return self.clamped(x);
        }
        let x = self.query_key_normed(layer, x, role, norm)?; // [copies·rows, heads·d_head]
        let x = self.clamped(x)?; // [copies·rows, heads·d_head]
        self.rotated(layer, x)
    }

    /// Queries or keys after their norm, if the family has one: `x [copies·rows, heads·d_head]` → the same shape.
    fn query_key_normed(
        &mut self,
        layer: usize,
        x: Tensor,
        role: TensorRole,
        norm: Option<&QueryKeyNorm>,
    ) -> Result<Tensor> {
        let owner = ParameterOwner::Role(role, layer);
        let x = self.normed(owner, &x, norm.map(|norm| &norm.norm))?; // [copies·rows, heads·d_head]
        match norm.and_then(|norm| norm.scale.as_ref()) {
            Some(scale) => Ok(x.broadcast_mul(scale)?), // [copies·rows, heads·d_head]
            None => Ok(x),
        }
    }

    /// Queries or keys after their rotation, if the layer has one: `x [copies·rows, heads·d_head]` → the same shape.
    fn rotated(&self, layer: usize, x: Tensor) -> Result<Tensor> {
        let c = self.model.config();
        match c.attention.layers[layer].rope {
            Some(rope) => Ok(rotate(&x, &self.rotary_tables[rope], c.d_head)?),
            None => Ok(x),
        }
    }

    /// Queries, keys or values within the bound of their absolute values, if the family has one: same shape.
    fn clamped(&self, x: Tensor) -> Result<Tensor> {
        match self.model.config().attention.clamp {
            Some(bound) => Ok(x.clamp(-bound, bound)?),
            None => Ok(x),
        }
    }
}
