//! The parameters of a model: what a trainer changes and a writer of model files stores.

use candle_core::Tensor;
use laser_kernels::weight::Weight;

pub use crate::arch::tensor_names::TensorRole;
use crate::config::ModelConfig;
use crate::error::Result;
use crate::tensor_layout::role_parameters;
use crate::weight_id::WeightId;

/// The operation of a forward pass that a parameter belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ParameterOwner {
    /// A stored matrix of a block.
    Matrix(WeightId),
    /// Another operation: an embedding, a norm, an output head. The layer is 0 outside the blocks.
    Role(TensorRole, usize),
}

/// Name of a parameter: the operation it belongs to, and whether it is its weight or its bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParameterId {
    /// The operation.
    pub owner: ParameterOwner,
    /// Whether it is the operation's bias.
    pub bias: bool,
}

/// A parameter of a model as the model holds it: every matrix by itself, `[out, in]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub id: ParameterId,
    /// Its shape.
    pub shape: Vec<usize>,
}

impl ParameterId {
    /// The weight of a stored matrix.
    pub const fn matrix(id: WeightId) -> Self {
        Self { owner: ParameterOwner::Matrix(id), bias: false }
    }
}

impl ModelConfig {
    /// All parameters of a model, those of blocks after the others; without the head of a model whose head is tied.
    pub fn parameters(&self) -> Vec<Parameter> {
        let mut all = Vec::new();
        for parameter in role_parameters(self) {
            for layer in parameter.layers(self) {
                let owner = ParameterOwner::Role(parameter.role, layer);
                let tensors = parameter.tensors().into_iter();
                all.extend(tensors.map(|(usual, shape)| Parameter {
                    id: ParameterId { owner, bias: usual == "bias" },
                    shape: shape.to_vec(),
                }));
            }
        }
        for id in (0..self.n_layers).flat_map(|layer| self.stored(layer)) {
            let [out, width] = self.shape(id);
            all.push(Parameter { id: ParameterId::matrix(id), shape: vec![out, width] });
            if self.has_bias(id) {
                let owner = ParameterOwner::Matrix(id);
                all.push(Parameter { id: ParameterId { owner, bias: true }, shape: vec![out] });
            }
        }
        all
    }
}

/// A source of parameters from which a model can be built: its files, or a trainer's memory.
pub trait ParameterSource {
    /// The parameter as a tensor of this shape.
    ///
    /// # Errors
    /// A parameter that the source cannot give.
    fn tensor(&self, id: ParameterId, shape: &[usize]) -> Result<Tensor>;

    /// The parameter as a weight `[out, in]` for products, in the form in which models from this source multiply: a plain
    /// tensor, which gradients can flow through, unless the source has a better one.
    ///
    /// # Errors
    /// A parameter that the source cannot give.
    fn weight(&self, id: ParameterId, shape: [usize; 2]) -> Result<Weight> {
        Ok(Weight::Tensor(self.tensor(id, &shape)?))
    }
}
