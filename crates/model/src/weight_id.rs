//! Names of editable matrices: layer, part of the layer, kind. They display as `L27.gate_proj`.

use std::fmt;

/// Kind of a weight matrix inside a transformer block.
///
/// Shapes are `[out, in]`, the orientation of a linear layer's weight, even if the file stores `[in, out]`.
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
    /// First of two query projections, into a vector that is shorter than the queries (DeepSeek), `[rank, d_model]`.
    QueryA,
    /// Second of two query projections, `[n_heads·d_head, rank]`.
    QueryB,
    /// Projection into the vector of which keys and values are made, and into the part of the keys that has positions and
    /// that all heads share (DeepSeek), `[d_rotary + rank, d_model]`.
    KeyValueA,
    /// Projection of that vector to the other part of the keys, `[n_heads·(d_head − d_rotary), rank]`.
    KeyB,
    /// Projection of that vector to the values, `[n_heads·d_value, rank]`.
    ValueB,
    /// Gate of a gated MLP, `[d_mlp, d_model]`.
    Gate,
    /// Up projection of the MLP, its only input matrix if there is no gate, `[d_mlp, d_model]`.
    Up,
    /// Down projection of the MLP, `[d_model, d_mlp]`.
    Down,
    /// Router, which chooses the experts of a token, `[n_experts, d_model]`.
    Router,
    /// Gate of the shared expert, which every token uses, `[d_shared, d_model]`.
    SharedGate,
    /// Up projection of the shared expert, `[d_shared, d_model]`.
    SharedUp,
    /// Down projection of the shared expert, `[d_model, d_shared]`.
    SharedDown,
    /// Input projection of a gated short convolution, `[3·d_model, d_model]`: the gate of its input, the gate of its
    /// output, and its input, one below the other.
    ConvIn,
    /// Output projection of a gated short convolution, `[d_model, d_model]`.
    ConvOut,
    /// Query, key and value projections as one matrix, one below the other.
    Qkv,
    /// Gate and up projection of the MLP as one matrix, one below the other.
    GateUp,
    /// Projections of a vector to keys and to values as one matrix, one below the other.
    KeyValueB,
}

use WeightKind::{
    ConvIn, ConvOut, Down, Gate, GateUp, K, KeyB, KeyValueA, KeyValueB, O, Q, Qkv, QueryA, QueryB, Router, SharedDown,
    SharedGate, SharedUp, Up, V, ValueB,
};

/// Canonical names in the order of the kinds: Hugging Face's names in Llama, for matrices that Llama has.
const NAMES: [(WeightKind, &str); 21] = [
    (Q, "q_proj"),
    (K, "k_proj"),
    (V, "v_proj"),
    (O, "o_proj"),
    (QueryA, "q_a_proj"),
    (QueryB, "q_b_proj"),
    (KeyValueA, "kv_a_proj"),
    (KeyB, "k_b_proj"),
    (ValueB, "v_b_proj"),
    (Gate, "gate_proj"),
    (Up, "up_proj"),
    (Down, "down_proj"),
    (Router, "router"),
    (SharedGate, "shared_gate_proj"),
    (SharedUp, "shared_up_proj"),
    (SharedDown, "shared_down_proj"),
    (ConvIn, "conv_in_proj"),
    (ConvOut, "conv_out_proj"),
    (Qkv, "qkv"),
    (GateUp, "gate_up_proj"),
    (KeyValueB, "kv_b_proj"),
];

/// Point within a block at which a forward pass can start from cached states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BlockEntry {
    /// The input of the block.
    Attention,
    /// The input of the MLP, after attention or another mixer.
    Mlp,
    /// The input of the down projection.
    Down,
}

impl WeightKind {
    /// Canonical name.
    pub fn name(self) -> &'static str {
        NAMES[self as usize].1
    }

    /// The kind with this canonical name.
    pub fn from_name(name: &str) -> Option<Self> {
        NAMES.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }

    /// Kinds whose rows make up this one: several for `qkv`, `gate_up_proj` and `kv_b_proj`, otherwise the kind itself.
    pub fn members(self) -> Vec<Self> {
        match self {
            Qkv => vec![Q, K, V],
            GateUp => vec![Gate, Up],
            KeyValueB => vec![KeyB, ValueB],
            single => vec![single],
        }
    }

    /// Whether it belongs to attention.
    pub fn is_attention(self) -> bool {
        matches!(self, Q | K | V | O | Qkv | QueryA | QueryB | KeyValueA | KeyB | ValueB | KeyValueB)
    }

    /// True if each head group has a part of it.
    pub fn has_heads(self) -> bool {
        self.is_attention() && !matches!(self, QueryA | KeyValueA)
    }

    /// True if it belongs to the mixer of a block: attention, or a convolution in its place.
    pub fn is_mixer(self) -> bool {
        self.is_attention() || matches!(self, ConvIn | ConvOut)
    }
}

impl fmt::Display for WeightKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Part of a layer's matrices of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MatrixPart {
    /// The layer's one matrix of the kind.
    Whole,
    /// One head group, a key/value head with the query heads that read it: `h3`. Rows of q, k and v, columns of o.
    Group(usize),
    /// The matrix of one expert: `e3`.
    Expert(usize),
}

impl fmt::Display for MatrixPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::Group(group) => write!(f, "h{group}."),
            Self::Expert(expert) => write!(f, "e{expert}."),
        }
    }
}

/// Name of an editable matrix: layer (from 0), part and kind. Displays as `L27.gate_proj`, `L3.e5.down_proj`,
/// `L2.h0.q_proj`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WeightId {
    /// Layer, counted from 0.
    pub layer: usize,
    /// Part of the layer.
    pub part: MatrixPart,
    /// Kind of matrix.
    pub kind: WeightKind,
}

impl WeightId {
    /// The layer's one matrix of a kind.
    pub const fn new(layer: usize, kind: WeightKind) -> Self {
        Self { layer, part: MatrixPart::Whole, kind }
    }

    /// Name within the layer: `gate_proj`, `e5.down_proj`.
    pub fn in_layer(self) -> String {
        format!("{}{}", self.part, self.kind)
    }

    /// Last point at which a forward pass can start and still use this matrix.
    pub fn block_entry(self) -> BlockEntry {
        match (self.part, self.kind) {
            (_, kind) if kind.is_mixer() => BlockEntry::Attention,
            (MatrixPart::Whole, Down) => BlockEntry::Down,
            // Down projections of experts included: their inputs are not cached.
            _ => BlockEntry::Mlp,
        }
    }
}

impl fmt::Display for WeightId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "L{}.{}{}", self.layer, self.part, self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back_and_follow_the_order_of_the_kinds() {
        for (i, (kind, name)) in NAMES.iter().enumerate() {
            assert_eq!(*kind as usize, i);
            assert_eq!(WeightKind::from_name(name), Some(*kind));
            assert!(kind.members() == [*kind] || kind.members().len() > 1, "{kind}");
        }
        assert_eq!(WeightId { layer: 3, part: MatrixPart::Expert(5), kind: Down }.to_string(), "L3.e5.down_proj");
    }
}
