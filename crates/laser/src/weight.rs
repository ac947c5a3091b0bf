//! Names of the editable matrices: which kind, in which layer.

use std::fmt;

/// Kind of a weight matrix inside a transformer block, by its Hugging Face name.
///
/// All are documented as `[out, in]`, the orientation of a linear layer's weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WeightKind {
    /// Query projection, `[n_heads·d_head, d_model]`.
    Q,
    /// Key projection, `[n_kv_heads·d_head, d_model]`.
    K,
    /// Value projection, `[n_kv_heads·d_head, d_model]`.
    V,
    /// Attention output projection, `[d_model, n_heads·d_head]`.
    O,
    /// Gate of a gated MLP, `[d_mlp, d_model]`.
    Gate,
    /// First matrix of the MLP, `[d_mlp, d_model]`.
    Up,
    /// Second matrix of the MLP, `[d_model, d_mlp]`.
    Down,
}

impl WeightKind {
    /// Every kind, in the order of the forward pass.
    pub const ALL: [Self; 7] = [Self::Q, Self::K, Self::V, Self::O, Self::Gate, Self::Up, Self::Down];

    /// Canonical name, that of Hugging Face's Llama.
    pub fn name(self) -> &'static str {
        match self {
            Self::Q => "q_proj",
            Self::K => "k_proj",
            Self::V => "v_proj",
            Self::O => "o_proj",
            Self::Gate => "gate_proj",
            Self::Up => "up_proj",
            Self::Down => "down_proj",
        }
    }

    /// The kind with this canonical name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Place in [`WeightKind::ALL`].
    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for WeightKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One editable matrix: layer (from 0) and kind. Displays as `L27.gate_proj`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WeightId {
    /// Layer, the first is 0.
    pub layer: usize,
    /// Kind of matrix.
    pub kind: WeightKind,
}

impl fmt::Display for WeightId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "L{}.{}", self.layer, self.kind)
    }
}
