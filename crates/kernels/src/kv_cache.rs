//! The KV cache: keys and values of the rows of earlier forward passes, to which later rows attend. In layers with a
//! convolution in place of attention it holds the rows that later rows are convolved with.

use candle_core::Tensor;

/// Keys and values that one forward pass adds to one layer. A convolution has only one kind of rows: there they are the
/// keys, `[copies·rows, channels]`, and the values are the same tensor.
#[derive(Debug, Clone)]
pub struct KvChunk {
    /// Keys with their rotary positions applied, `[copies·rows, n_kv_heads·d_head]`.
    pub k: Tensor,
    /// Values, `[copies·rows, n_kv_heads·d_value]`.
    pub v: Tensor,
    /// Distance in rows between the copies of two variants; 0 if all variants share the rows.
    pub stride: usize,
}

/// Keys and values of earlier forward passes.
#[derive(Debug, Clone, Default)]
pub struct KvCache {
    /// `[layer][chunk]`: one chunk per forward pass, in every layer whose attention the passes run.
    pub layers: Vec<Vec<KvChunk>>,
}

impl KvCache {
    /// An empty cache for `n_layers` layers.
    pub fn new(n_layers: usize) -> Self {
        Self { layers: vec![Vec::new(); n_layers] }
    }

    /// Number of forward passes whose keys and values are in the cache, which is the chunk number of the next pass.
    pub fn passes(&self) -> usize {
        self.layers.iter().map(Vec::len).max().unwrap_or(0)
    }
}
