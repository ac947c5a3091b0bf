//! Builds the weights of a model from a source of its parameters.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};
use laser_kernels::convolution::ConvolutionKernel;
use laser_kernels::norm::Norm;

use super::{
    BlockWeights, EmbeddingWeights, HeadWeights, Linear, QueryKeyNorm, ReturnStateAction, TrajectoryWeights, Weights,
};
use crate::arch::tensor_names::TensorRole;
use crate::config::{Mixer, ModelConfig, QkNorm, Residual};
use crate::error::Result;
use crate::parameters::{ParameterId, ParameterOwner, ParameterSource};
use crate::tensor_layout::{RoleParameter, role_parameters};
use crate::weight_id::{MatrixPart, WeightKind};
use laser_kernels::weight::Weight;

/// Builds the weights of a model.
pub(crate) struct WeightBuilder<'a, S> {
    config: &'a ModelConfig,
    source: &'a S,
    /// Device and element type of all weights, those of the source's tensors.
    device: &'a Device,
    dtype: DType,
    /// The parameters that are not matrices of blocks.
    parameters: Vec<RoleParameter>,
}

impl<'a, S: ParameterSource> WeightBuilder<'a, S> {
    /// A builder of the weights of a model with this configuration.
    pub(crate) fn new(config: &'a ModelConfig, source: &'a S, device: &'a Device, dtype: DType) -> Self {
        Self { config, source, device, dtype, parameters: role_parameters(config) }
    }

    /// All weights of the model.
    pub(crate) fn build(&self) -> Result<Weights> {
        let c = self.config;
        // The largest matrices come first: while a matrix is read, more than its own memory may be needed, and nothing else
        // is there yet.
        let tokens = self.weight(TensorRole::Embedding, 0)?;
        let head = match (c.head.tied, &tokens) {
            // Without a gradient of its own, if the embedding is a leaf of a differentiation.
            (true, Some(tokens)) => Some(tokens.detach()),
            _ => self.weight(TensorRole::Head, 0)?,
        };
        let bias = if c.head.bias { self.parameter(TensorRole::HeadBias, 0, "bias")? } else { None };
        let head = HeadWeights {
            norm: self.norm(TensorRole::FinalNorm, 0)?,
            transform: match (self.linear(TensorRole::HeadTransform)?, self.norm(TensorRole::HeadTransformNorm, 0)?) {
                (Some(linear), Some(norm)) => Some((linear, norm)),
                _ => None,
            },
            tokens: head.map(|weight| Linear { weight, bias }),
        };
        let constant = match self.parameter(TensorRole::TokenTypes, 0, "weight")? {
            Some(segments) => Some(segments.get(0)?.contiguous()?), // [d_model]
            None => None,
        };
        let positions = self.weight(TensorRole::Positions, 0)?;
        let embedding =
            EmbeddingWeights { tokens, positions, constant, norm: self.norm(TensorRole::EmbeddingNorm, 0)? };
        let trajectory = self.trajectory()?;
        let layers = (0..c.n_layers).map(|layer| self.layer(layer)).collect::<Result<_>>()?;
        Ok(Weights { device: self.device.clone(), dtype: self.dtype, embedding, trajectory, layers, head })
    }

    /// Weight or bias (`usual` suffix) of the parameter with this role; `None` if the model has no such parameter.
    fn parameter(&self, role: TensorRole, layer: usize, usual: &'static str) -> Result<Option<Tensor>> {
        let Some(parameter) = self.with_role(role) else { return Ok(None) };
        let id = ParameterId { owner: ParameterOwner::Role(role, layer), bias: usual == "bias" };
        let shape = if id.bias { &parameter.shape[..1] } else { &parameter.shape[..] };
        self.source.tensor(id, shape).map(Some)
    }

    /// The norm with this role; `None` if the model has none.
    fn norm(&self, role: TensorRole, layer: usize) -> Result<Option<Norm>> {
        let c = self.config;
        let Some(parameter) = self.with_role(role).filter(|p| p.is_in(c, layer)) else { return Ok(None) };
        let weight = match parameter.weight {
            true => self.parameter(role, layer, "weight")?,
            false => Some(Tensor::ones(parameter.shape.as_slice(), self.dtype, self.device)?),
        };
        let Some(weight) = weight else { return Ok(None) };
        let bias = if parameter.bias { self.parameter(role, layer, "bias")? } else { None };
        let eps = match role {
            TensorRole::EmbeddingNorm => c.embedding.norm_eps,
            TensorRole::QueryLatentNorm | TensorRole::KeyValueLatentNorm => c.attention.latent.map(|l| l.norm_eps),
            _ => None,
        };
        let eps = eps.unwrap_or(c.norm_eps);
        Ok(Some(Norm { kind: c.norm, weight, bias, eps }))
    }

    /// The kernel of a layer's short convolution; `None` if the layer has none.
    fn convolution(&self, layer: usize) -> Result<Option<ConvolutionKernel>> {
        let Mixer::Convolution(convolution) = self.config.mixer(layer) else { return Ok(None) };
        let role = TensorRole::ConvolutionKernel;
        let Some(weight) = self.parameter(role, layer, "weight")? else { return Ok(None) }; // [d_model, 1, width]
        let taps = weight.squeeze(1)?.t()?.contiguous()?; // [width, d_model]
        let bias = if convolution.biased { self.parameter(role, layer, "bias")? } else { None };
        Ok(Some(ConvolutionKernel { taps, bias }))
    }

    /// The norm of queries or keys; `None` if the layer has none.
    fn query_key_norm(&self, role: TensorRole, layer: usize) -> Result<Option<QueryKeyNorm>> {
        if self.config.mixer(layer) != Mixer::Attention {
            return Ok(None);
        }
        let Some(norm) = self.norm(role, layer)? else { return Ok(None) };
        if self.config.attention.qk_norm != Some(QkNorm::EachHead) {
            return Ok(Some(QueryKeyNorm { norm, scale: None }));
        }
        // The norm itself has weights of 1, and the weights of each head are applied after it.
        let scale = Some(norm.weight.flatten_all()?); // [heads·d_head]
        let weight = norm.weight.get(0)?.ones_like()?; // [d_head]
        Ok(Some(QueryKeyNorm { norm: Norm { weight, ..norm }, scale }))
    }

    /// The parameter with this role; `None` if the model has none.
    fn with_role(&self, role: TensorRole) -> Option<&RoleParameter> {
        self.parameters.iter().find(|p| p.role == role)
    }

    /// The matrix with this role in the form of products; `None` if the model has none.
    fn weight(&self, role: TensorRole, layer: usize) -> Result<Option<Weight>> {
        let Some(parameter) = self.with_role(role) else { return Ok(None) };
        let &[out, width] = &parameter.shape[..] else { unreachable!("{role:?} has rows and columns") };
        let id = ParameterId { owner: ParameterOwner::Role(role, layer), bias: false };
        self.source.weight(id, [out, width]).map(Some)
    }

    /// The linear layer with this role; `None` if the model has none.
    fn linear(&self, role: TensorRole) -> Result<Option<Linear>> {
        let Some(weight) = self.weight(role, 0)? else { return Ok(None) };
        let bias = match self.with_role(role).is_some_and(|parameter| parameter.bias) {
            true => self.parameter(role, 0, "bias")?,
            false => None,
        };
        Ok(Some(Linear { weight, bias }))
    }

    /// The weights of a Decision Transformer that take the place of token embedding and output head.
    fn trajectory(&self) -> Result<Option<TrajectoryWeights>> {
        let Some(time_steps) = self.weight(TensorRole::TimeSteps, 0)? else { return Ok(None) };
        let three = |returns, states, actions| -> Result<Option<ReturnStateAction<Linear>>> {
            let (returns, states, actions) = (self.linear(returns)?, self.linear(states)?, self.linear(actions)?);
            Ok(returns.zip(states).zip(actions).map(|((returns, states), actions)| ReturnStateAction {
                returns,
                states,
                actions,
            }))
        };
        let inputs = three(TensorRole::ReturnInput, TensorRole::StateInput, TensorRole::ActionInput)?;
        let outputs = three(TensorRole::ReturnOutput, TensorRole::StateOutput, TensorRole::ActionOutput)?;
        Ok(inputs.zip(outputs).map(|(inputs, outputs)| TrajectoryWeights { time_steps, inputs, outputs }))
    }

    /// The weights of one block.
    fn layer(&self, layer: usize) -> Result<BlockWeights> {
        let c = self.config;
        let attention_norm = self.norm(TensorRole::AttentionNorm, layer)?;
        let mlp_norm = match c.residual {
            Residual::Parallel { one_norm: true } => attention_norm.clone(),
            _ => self.norm(TensorRole::MlpNorm, layer)?,
        };
        Ok(BlockWeights {
            attention_norm,
            attention_post_norm: self.norm(TensorRole::AttentionPostNorm, layer)?,
            mlp_norm,
            mlp_post_norm: self.norm(TensorRole::MlpPostNorm, layer)?,
            query_norm: self.query_key_norm(TensorRole::QueryNorm, layer)?,
            key_norm: self.query_key_norm(TensorRole::KeyNorm, layer)?,
            query_latent_norm: self.norm(TensorRole::QueryLatentNorm, layer)?,
            key_value_latent_norm: self.norm(TensorRole::KeyValueLatentNorm, layer)?,
            sinks: match self.parameter(TensorRole::AttentionSinks, layer, "weight")? {
                Some(sinks) => Some(sinks.detach().to_dtype(DType::F32)?.to_vec1()?), // [heads]
                None => None,
            },
            convolution: self.convolution(layer)?,
            shared_expert_gate: match c.has_experts(layer) {
                true => self.weight(TensorRole::SharedExpertGate, layer)?,
                false => None,
            },
            expert_correction: match c.has_experts(layer) {
                true => self.parameter(TensorRole::ExpertCorrection, layer, "bias")?,
                false => None,
            },
            linears: self.stored_matrices(layer)?,
        })
    }

    /// The stored matrices of a layer with their biases.
    fn stored_matrices(&self, layer: usize) -> Result<BTreeMap<(MatrixPart, WeightKind), Linear>> {
        let mut linears = BTreeMap::new();
        for id in self.config.stored(layer) {
            let (owner, shape) = (ParameterOwner::Matrix(id), self.config.shape(id));
            let weight = self.source.weight(ParameterId::matrix(id), shape)?;
            let bias = match self.config.has_bias(id) {
                true => Some(self.source.tensor(ParameterId { owner, bias: true }, &shape[..1])?),
                false => None,
            };
            linears.insert((id.part, id.kind), Linear { weight, bias });
        }
        Ok(linears)
    }
}
