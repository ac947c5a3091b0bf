//! The mixers of blocks: attention, and what may stand in its place.

use super::ModelConfig;

/// The part of a block that mixes the rows of a sequence. It stands before the MLP, and is added to the residual stream
/// like attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mixer {
    /// Attention.
    Attention,
    /// `out(C·convolution(B·X))` with `B`, `C` and `X` one beside the other in `in(x)` (LFM2).
    Convolution(ShortConvolution),
}

/// A gated convolution of each channel over the last few rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShortConvolution {
    /// Number of rows that an output depends on: its own and those just before it.
    pub width: usize,
    /// True if the two projections and the convolution have biases.
    pub biased: bool,
}

impl ModelConfig {
    /// The mixer of a layer.
    pub fn mixer(&self, layer: usize) -> Mixer {
        self.mixers.get(layer).copied().unwrap_or(Mixer::Attention)
    }

    /// Number of values that the KV cache keeps of a row in a layer: its key and its value, or what a convolution reads.
    pub fn cached_width(&self, layer: usize) -> usize {
        match self.mixer(layer) {
            Mixer::Attention => self.n_kv_heads * (self.d_head + self.d_value()),
            Mixer::Convolution(_) => self.d_model,
        }
    }

    /// The convolutions of all layers that have one; `None` without such layers.
    pub(crate) fn convolution(&self) -> Option<ShortConvolution> {
        self.mixers.iter().find_map(|mixer| match mixer {
            Mixer::Convolution(convolution) => Some(*convolution),
            Mixer::Attention => None,
        })
    }
}
