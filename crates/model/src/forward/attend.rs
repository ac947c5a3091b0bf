//! Attention of one block, in every form its configuration may ask for.

use candle_core::Tensor;

use super::ForwardPass;
use crate::error::Result;
use crate::model::HeadNorm;
use crate::weight_id::WeightId;
use crate::weight_id::WeightKind::{K, O, Q, V};
use laser_kernels::attention::{Heads, Layout, Scoring, attention};
use laser_kernels::batch_layout::KvChunk;
use laser_kernels::linear::repeated;
use laser_kernels::norm::Norm;
use laser_kernels::rope::rotate;

impl ForwardPass<'_> {
    /// The stream after attention: `[copies·rows, d_model]` → the same, or more copies.
    pub(super) fn attention(&mut self, layer: usize, x: &Tensor) -> Result<Tensor> {
        let a = self.attend(layer, x)?;
        self.add_attention(layer, &a, x)
    }

    /// The stream `x [n, d_model]` with the output of attention's heads, `a [m, n_heads·d_head]`, joined to it.
    pub(super) fn add_attention(&mut self, layer: usize, a: &Tensor, x: &Tensor) -> Result<Tensor> {
        let weights = &self.model.weights().layers[layer];
        let residual = self.carried(x, weights.attention_norm.as_ref())?; // [n, d_model]
        self.join(WeightId::new(layer, O), a, &residual, weights.attention_post_norm.as_ref())
    }

    /// What attention reads: `[copies·rows, d_model]` → the same.
    pub(super) fn attention_input(&self, layer: usize, x: &Tensor) -> Result<Tensor> {
        normed(x, self.model.weights().layers[layer].attention_norm.as_ref())
    }

    /// `attention(norm(x))`: `[copies·rows, d_model]` → `[copies·rows, n_heads·d_head]`, or more copies.
    pub(super) fn attend(&mut self, layer: usize, x: &Tensor) -> Result<Tensor> {
        let model = self.model;
        let (c, weights) = (model.config(), &model.weights().layers[layer]);
        let own = c.attention.layers[layer];
        let h = self.attention_input(layer, x)?; // [copies·rows, d_model]
        let mut project = |kind| self.project(WeightId::new(layer, kind), &h);
        let (q, k, v) = (project(Q)?, project(K)?, project(V)?);
        // A sibling may have split the rows: all three get the same number of copies.
        let n = self.copies * self.kept;
        let (q, k, v) = (repeated(&q, n)?, repeated(&k, n)?, repeated(&v, n)?);
        let turned = |x: Tensor, norm: Option<&HeadNorm>| -> Result<Tensor> {
            let mut x = normed(&x, norm.map(|norm| &norm.norm))?;
            if let Some(scale) = norm.and_then(|norm| norm.scale.as_ref()) {
                x = x.broadcast_mul(scale)?;
            }
            match own.rope {
                Some(rope) => Ok(rotate(&x, &self.tables[rope], c.d_head)?),
                None => Ok(x),
            }
        };
        let q = turned(q, weights.query_norm.as_ref())?; // [copies·rows, n_heads·d_head]
        let k = turned(k, weights.key_norm.as_ref())?; // [copies·rows, n_kv_heads·d_head]
        let stride = if self.copies > 1 { self.rows.len() } else { 0 };
        let chunks = &mut self.cache.layers[layer];
        chunks.push(KvChunk { k, v, stride });
        let layout = Layout { segments: &self.rows.segments, copies: self.copies, rows: self.rows.len() };
        let heads = Heads { n_heads: c.n_heads, n_kv_heads: c.n_kv_heads, d_head: c.d_head };
        let scoring = Scoring {
            scale: c.attention.scale as f32,
            softcap: c.attention.softcap.map(|cap| cap as f32),
            slopes: c.attention.slopes.as_deref(),
            coarse: c.attention.coarse_slopes,
            window: own.window,
            causal: c.attention.causal,
        };
        let a = attention(&q, chunks, heads, scoring, layout, model.threads())?; // [copies·rows, n_heads·d_head]
        if !self.retain {
            chunks.pop();
        }
        Ok(a)
    }
}

/// `norm(x)`, `x` itself without a norm.
pub(super) fn normed(x: &Tensor, norm: Option<&Norm>) -> Result<Tensor> {
    match norm {
        Some(norm) => Ok(norm.apply(x)?),
        None => Ok(x.clone()),
    }
}
