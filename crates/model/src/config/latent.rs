//! Latent attention (DeepSeek V2, arXiv 2405.04434): keys and values are expanded from a vector that is shorter than they
//! are, and positions are in a key of their own, which all heads share.

use super::ModelConfig;

/// Widths of latent attention. A head's keys consist of a part with positions, which all heads share, and a part of the
/// head's own without positions, which a matrix makes of the latent vector, as another makes the head's values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LatentAttention {
    /// Width of the vector of which the queries are made; `None` if they are made of the block's input.
    pub query_rank: Option<usize>,
    /// Width of the vector of which keys and values are made.
    pub key_value_rank: usize,
    /// Width of the part of queries and keys that has rotary positions.
    pub d_rotary: usize,
    /// Width of the values of a head.
    pub d_value: usize,
    /// ε of the norms of the two vectors.
    pub norm_eps: f64,
}

impl ModelConfig {
    /// Width of the values of an attention head, and of its output; the width of its keys in most families.
    pub fn d_value(&self) -> usize {
        self.attention.latent.map_or(self.d_head, |latent| latent.d_value)
    }

    /// Makes attention latent; `d_plain` is the width of the part of queries and keys without positions.
    pub(crate) fn set_latent(&mut self, latent: LatentAttention, d_plain: usize) {
        self.attention.latent = Some(latent);
        self.d_head = d_plain.saturating_add(latent.d_rotary);
        self.attention.scale = 1.0 / (self.d_head as f64).sqrt();
        self.attention.ropes.iter_mut().for_each(|rope| rope.dim = latent.d_rotary);
    }
}
