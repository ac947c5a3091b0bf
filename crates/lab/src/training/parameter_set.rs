//! The parameters of a model in training: one flat vector, from which a model is made for each step.

use std::collections::BTreeMap;
use std::ops::Range;

use candle_core::{DType, Device, Tensor, Var};
use laser::model::parameters::{ParameterId, ParameterOwner, ParameterSource, TensorRole};
use laser::model::{Model, ModelConfig, ModelFiles, Result as ModelResult};

use crate::error::{Error, Result};

/// The parameters of a model in training.
#[derive(Debug, Clone)]
pub struct ParameterSet {
    config: ModelConfig,
    /// Place of each parameter in `values`, and its shape.
    places: BTreeMap<ParameterId, (Range<usize>, Vec<usize>)>,
    /// All values, parameter after parameter in the order of [`ModelConfig::parameters`].
    pub values: Vec<f32>,
}

/// The parameters before the first block as leaves of a differentiation: their rows are chosen, not multiplied.
pub type Leaves = BTreeMap<ParameterId, Var>;

impl ParameterSet {
    /// The parameters of a model with this configuration, all zero.
    ///
    /// # Errors
    /// A model with parts that cannot be trained.
    pub fn zeros(config: ModelConfig) -> Result<Self> {
        check_trainable(&config)?;
        let (mut places, mut end) = (BTreeMap::new(), 0);
        for parameter in config.parameters() {
            let start = end;
            end += parameter.shape.iter().product::<usize>();
            places.insert(parameter.id, (start..end, parameter.shape));
        }
        Ok(Self { config, places, values: vec![0.0; end] })
    }

    /// The parameters in a model's files.
    ///
    /// # Errors
    /// A model with parts that cannot be trained, or tensors that cannot be read.
    pub fn of_files(files: &ModelFiles) -> Result<Self> {
        let mut set = Self::zeros(files.config().clone())?;
        let source = files.parameters(&Device::Cpu, DType::F32);
        for (id, (place, shape)) in &set.places {
            let values = source.tensor(*id, shape)?.flatten_all()?.to_vec1::<f32>()?;
            set.values[place.clone()].copy_from_slice(&values);
        }
        Ok(set)
    }

    /// Configuration of the model.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Place of a parameter in the vector of all values; `None` if the model has no such parameter.
    pub fn place(&self, id: ParameterId) -> Option<Range<usize>> {
        self.places.get(&id).map(|(place, _)| place.clone())
    }

    /// Place of the token embedding, if `owner` is a head that is tied to it.
    pub(super) fn tied_head(&self, owner: ParameterOwner) -> Option<Range<usize>> {
        let embedding = ParameterOwner::Role(TensorRole::Embedding, 0);
        let tied = self.config.head.tied && owner == ParameterOwner::Role(TensorRole::Head, 0);
        self.place(ParameterId { owner: embedding, bias: false }).filter(|_| tied)
    }

    /// Values of a parameter, in row-major order.
    ///
    /// # Panics
    /// If the model has no such parameter.
    pub fn of(&self, id: ParameterId) -> &[f32] {
        &self.values[self.places[&id].0.clone()]
    }

    /// Whether weight decay applies to each value: to matrices and embeddings, not to biases and norms.
    pub fn decays(&self) -> Vec<bool> {
        let mut decays = vec![false; self.values.len()];
        for (place, shape) in self.places.values() {
            decays[place.clone()].fill(shape.len() > 1);
        }
        decays
    }

    /// A model of the present values, and its parameters before the blocks as leaves.
    ///
    /// # Errors
    /// Failures of the tensor library.
    pub fn model(&self) -> Result<(Model, Leaves)> {
        let mut leaves = Leaves::new();
        for (id, (place, shape)) in &self.places {
            if is_leaf(*id) {
                let tensor = Tensor::from_slice(&self.values[place.clone()], shape.as_slice(), &Device::Cpu)?;
                leaves.insert(*id, Var::from_tensor(&tensor)?);
            }
        }
        let source = TrackedParameters { parameters: self, leaves: &leaves };
        let model = Model::from_parameters(self.config.clone(), &source, &Device::Cpu, DType::F32)?;
        Ok((model, leaves))
    }
}

/// Whether a parameter is a leaf: gradients of the others follow from the inputs and output gradients of operations.
fn is_leaf(id: ParameterId) -> bool {
    use TensorRole::{ActionInput, Embedding, Positions, ReturnInput, StateInput, TimeSteps};
    let leaves = [Embedding, Positions, TimeSteps, ReturnInput, StateInput, ActionInput];
    matches!(id.owner, ParameterOwner::Role(role, _) if leaves.contains(&role))
}

/// Refuses a model with parts whose gradients are not computed.
fn check_trainable(config: &ModelConfig) -> Result<()> {
    use TensorRole::{HeadTransform, SharedExpertGate, TokenTypes};
    let refused = |what: &str| {
        let name = config.family.name;
        Err(Error::setting("model", format!("expected one that can be trained, found a {name} with {what}")))
    };
    if config.mlp.experts.is_some() {
        return refused("experts");
    }
    if !config.mlp.xielu.is_empty() {
        return refused("an activation that is learned");
    }
    if config.attention.qk_norm == Some(laser::model::config::QkNorm::EachHead) {
        return refused("norms of its own for every head");
    }
    if !config.mixers.is_empty() {
        return refused("convolutions");
    }
    for parameter in config.parameters() {
        if let ParameterOwner::Role(TokenTypes | HeadTransform | SharedExpertGate, _) = parameter.id.owner {
            return refused("segment embeddings or a transform before its head");
        }
    }
    Ok(())
}

/// The present values as tensors; those before the blocks as leaves.
struct TrackedParameters<'a> {
    parameters: &'a ParameterSet,
    leaves: &'a Leaves,
}

impl ParameterSource for TrackedParameters<'_> {
    fn tensor(&self, id: ParameterId, shape: &[usize]) -> ModelResult<Tensor> {
        match self.leaves.get(&id) {
            Some(leaf) => Ok(leaf.as_tensor().clone()),
            None => Ok(Tensor::from_slice(self.parameters.of(id), shape, &Device::Cpu)?),
        }
    }
}
