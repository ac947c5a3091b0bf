//! Names of the editable matrices: which kind, which part of the layer, in which layer.

use std::fmt;

/// Kind of a weight matrix inside a transformer block.
///
/// All are documented as `[out, in]`, the orientation of a linear layer's weight, whatever the file's own is.
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
    /// What chooses the experts of a token, `[n_experts, d_model]`.
    Router,
    /// Gate of the expert that sees every token, `[d_shared, d_model]`.
    SharedGate,
    /// Its first matrix, `[d_shared, d_model]`.
    SharedUp,
    /// Its second matrix, `[d_model, d_shared]`.
    SharedDown,
    /// Queries, keys and values as one matrix, the rows of one below the other's.
    Qkv,
    /// Gate and first matrix of the MLP as one, the rows of one below the other's.
    GateUp,
}

use WeightKind::{Down, Gate, GateUp, K, O, Q, Qkv, Router, SharedDown, SharedGate, SharedUp, Up, V};

/// Canonical names: those of Hugging Face's Llama where it has the matrix.
const NAMES: [(WeightKind, &str); 13] = [
    (Q, "q_proj"),
    (K, "k_proj"),
    (V, "v_proj"),
    (O, "o_proj"),
    (Gate, "gate_proj"),
    (Up, "up_proj"),
    (Down, "down_proj"),
    (Router, "router"),
    (SharedGate, "shared_gate_proj"),
    (SharedUp, "shared_up_proj"),
    (SharedDown, "shared_down_proj"),
    (Qkv, "qkv"),
    (GateUp, "gate_up_proj"),
];

/// Where in a block a forward pass must start for an edited matrix to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// At the block's input.
    Attention,
    /// At the MLP.
    Mlp,
    /// At the MLP's last matrix.
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

    /// The kinds whose rows make up this one: itself, but for those that are several as one.
    pub fn members(self) -> Vec<Self> {
        match self {
            Qkv => vec![Q, K, V],
            GateUp => vec![Gate, Up],
            single => vec![single],
        }
    }

    /// Whether it is a matrix of attention.
    pub fn is_attention(self) -> bool {
        matches!(self, Q | K | V | O | Qkv)
    }
}

impl fmt::Display for WeightKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which part of a layer's matrices of one kind is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MatrixPart {
    /// The layer's one matrix of the kind.
    Whole,
    /// What belongs to one key/value head and the query heads that read it: `h3`. Rows of q, k and v, columns of o.
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

/// One editable matrix: layer (from 0), part and kind. Displays as `L27.gate_proj`, `L3.e5.down_proj`, `L2.h0.q_proj`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WeightId {
    /// Layer, the first is 0.
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

    /// Its name within the layer: `gate_proj`, `e5.down_proj`.
    pub fn in_layer(self) -> String {
        format!("{}{}", self.part, self.kind)
    }

    /// Where a pass must start for this matrix to count.
    pub fn stage(self) -> Stage {
        match (self.part, self.kind) {
            (_, kind) if kind.is_attention() => Stage::Attention,
            (MatrixPart::Whole, Down) => Stage::Down,
            _ => Stage::Mlp,
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
    fn names_are_read_back_and_stand_in_the_order_of_the_kinds() {
        for (i, (kind, name)) in NAMES.iter().enumerate() {
            assert_eq!(*kind as usize, i);
            assert_eq!(WeightKind::from_name(name), Some(*kind));
            assert!(kind.members() == [*kind] || kind.members().len() > 1, "{kind}");
        }
        assert_eq!(WeightId { layer: 3, part: MatrixPart::Expert(5), kind: Down }.to_string(), "L3.e5.down_proj");
    }
}
