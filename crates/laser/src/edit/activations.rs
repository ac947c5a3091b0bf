//! Activations: the second moments of the inputs of matrices, which data-aware reductions read.
//!
//! `crates/laser/src/evaluate/measure_activations.rs` measures them; this file holds them and knows neither tasks nor
//! forward passes.

use std::collections::BTreeMap;

use laser_linalg::Covariance;

use laser_model::weight_id::{MatrixPart, WeightId, WeightKind};

/// An input of a block's matrices. Several matrices share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum MatrixInput {
    /// Input of q, k and v, of the first matrices of latent attention, or of a convolution's input projection,
    /// `[rows, d_model]`.
    Attention,
    /// Input of o, `[rows, n_heads·d_value]`, or of a convolution's output projection, `[rows, d_model]`.
    Output,
    /// Input of gate and up, `[rows, d_model]`.
    Mlp,
    /// Input of down, `[rows, d_mlp]`.
    Hidden,
}

impl MatrixInput {
    /// The input of a matrix; `None` for matrices of one expert, which only some rows reach, for the second matrices of
    /// latent attention, and for parts that read only some columns of their input.
    pub(crate) fn of(id: WeightId) -> Option<Self> {
        use WeightKind::{
            ConvIn, ConvOut, Down, Gate, GateUp, K, KeyValueA, O, Q, Qkv, QueryA, Router, SharedGate, SharedUp, Up, V,
        };
        match (id.kind, id.part) {
            (Q | K | V | Qkv | QueryA | KeyValueA | ConvIn, _) => Some(Self::Attention),
            (O | ConvOut, MatrixPart::Whole) => Some(Self::Output),
            (Gate | Up | GateUp | Router | SharedGate | SharedUp, MatrixPart::Whole) => Some(Self::Mlp),
            (Down, MatrixPart::Whole) => Some(Self::Hidden),
            _ => None,
        }
    }
}

/// C = XᵀX/N of the inputs X `[N, width]` of matrices, over all tokens of the prompts of some items.
///
/// Answers and choices are left out, so that the calibration sees no solution. A token that several prompts share
/// counts once for each.
#[derive(Debug)]
pub struct Activations {
    /// By layer and input.
    covariances: BTreeMap<(usize, MatrixInput), Covariance>,
}

impl Activations {
    /// Collects measured covariances, by layer and input.
    pub(crate) fn new(covariances: BTreeMap<(usize, MatrixInput), Covariance>) -> Self {
        Self { covariances }
    }

    /// Covariance of the inputs of a matrix; `None` if they were not measured.
    pub fn inputs(&self, id: WeightId) -> Option<&Covariance> {
        self.covariances.get(&(id.layer, MatrixInput::of(id)?))
    }

    /// Number of measured inputs.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.covariances.len()
    }
}
