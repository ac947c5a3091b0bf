//! The parameters of a model that are not matrices of its blocks: embeddings, norms, output head.

use crate::arch::tensor_names::TensorRole;
use crate::config::{Mixer, ModelConfig, NormParameters, QkNorm, Residual};

/// A parameter that is not a matrix of a block; its role identifies it.
pub struct RoleParameter {
    /// Role in the model.
    pub role: TensorRole,
    /// Shape of the weight.
    pub shape: Vec<usize>,
    /// True for a parameter with a weight. [`TensorRole::HeadBias`] is a bias without one; norms of some families have neither.
    pub weight: bool,
    /// True for a parameter with a bias, `[shape[0]]`.
    pub bias: bool,
    /// True if the layers have one, as far as they have the part of the block that it belongs to.
    in_layers: bool,
}

impl RoleParameter {
    /// Layers that have this parameter; only 0 for parameters outside the blocks.
    pub fn layers(&self, config: &ModelConfig) -> Vec<usize> {
        let layers = 0..if self.in_layers { config.n_layers } else { 1 };
        layers.filter(|layer| self.is_in(config, *layer)).collect()
    }

    /// True if a layer has this parameter, of which some block has one.
    pub(crate) fn is_in(&self, config: &ModelConfig, layer: usize) -> bool {
        let attends = config.mixer(layer) == Mixer::Attention;
        match self.role {
            TensorRole::SharedExpertGate | TensorRole::ExpertCorrection => config.has_experts(layer),
            TensorRole::AttentionNorm => layer > 0 || config.attention.normed_in_first,
            TensorRole::QueryNorm
            | TensorRole::KeyNorm
            | TensorRole::QueryLatentNorm
            | TensorRole::KeyValueLatentNorm
            | TensorRole::AttentionSinks => attends,
            TensorRole::ConvolutionKernel => !attends,
            _ => true,
        }
    }

    /// Its tensors by their usual suffix, `weight` or `bias`, with their shapes.
    pub fn tensors(&self) -> Vec<(&'static str, &[usize])> {
        let weight = self.weight.then_some(("weight", &self.shape[..]));
        weight.into_iter().chain(self.bias.then_some(("bias", &self.shape[..1]))).collect()
    }

    /// Whether it is a norm with weights `[width]`.
    pub fn is_norm(&self) -> bool {
        let is_other =
            matches!(self.role, TensorRole::HeadBias | TensorRole::ExpertCorrection | TensorRole::AttentionSinks);
        self.shape.len() == 1 && !is_other
    }

    /// A parameter outside the blocks.
    fn once(role: TensorRole, shape: &[usize], bias: bool) -> Self {
        Self { role, shape: shape.to_vec(), weight: true, bias, in_layers: false }
    }

    /// A parameter of every block.
    fn in_layers(role: TensorRole, shape: Vec<usize>, bias: bool) -> Self {
        Self { role, shape, weight: true, bias, in_layers: true }
    }

    /// A norm outside the blocks, or of every block, with the parameters that norms have in this model.
    fn norm(c: &ModelConfig, role: TensorRole, width: usize, in_layers: bool) -> Self {
        let (weight, bias) = match c.norm_parameters {
            NormParameters::Nothing => (false, false),
            NormParameters::Weight => (true, false),
            NormParameters::WeightAndBias => (true, true),
        };
        Self { role, shape: vec![width], weight, bias, in_layers }
    }
}

/// All parameters of a model that are not matrices of its blocks, in the order of the forward pass; those of the
/// output head last.
pub fn role_parameters(config: &ModelConfig) -> Vec<RoleParameter> {
    let mut all = before_blocks(config);
    all.extend(in_blocks(config));
    all.extend(after_blocks(config));
    all
}

fn before_blocks(c: &ModelConfig) -> Vec<RoleParameter> {
    let (d, e) = (c.d_model, &c.embedding);
    let mut all = Vec::new();
    if let Some(sizes) = e.trajectory {
        all.push(RoleParameter::once(TensorRole::TimeSteps, &[sizes.time_steps, d], false));
        for (role, width) in [
            (TensorRole::ReturnInput, 1),
            (TensorRole::StateInput, sizes.state),
            (TensorRole::ActionInput, sizes.action),
        ] {
            all.push(RoleParameter::once(role, &[d, width], true));
        }
        for (role, width) in [
            (TensorRole::ReturnOutput, 1),
            (TensorRole::StateOutput, sizes.state),
            (TensorRole::ActionOutput, sizes.action),
        ] {
            all.push(RoleParameter::once(role, &[width, d], true));
        }
    } else {
        all.push(RoleParameter::once(TensorRole::Embedding, &[c.vocab_size, d], false));
    }
    if let Some(offset) = e.position_offset {
        all.push(RoleParameter::once(TensorRole::Positions, &[offset + c.max_positions, d], false));
    }
    if e.token_types > 0 {
        all.push(RoleParameter::once(TensorRole::TokenTypes, &[e.token_types, d], false));
    }
    if e.normed {
        all.push(RoleParameter::norm(c, TensorRole::EmbeddingNorm, d, false));
    }
    all
}

fn in_blocks(c: &ModelConfig) -> Vec<RoleParameter> {
    let norm = |role, width| RoleParameter::norm(c, role, width, true);
    let roles: &[TensorRole] = match c.residual {
        Residual::PreNorm | Residual::FromNorm | Residual::Parallel { one_norm: false } => {
            &[TensorRole::AttentionNorm, TensorRole::MlpNorm]
        }
        Residual::Parallel { one_norm: true } => &[TensorRole::AttentionNorm],
        Residual::PostNorm | Residual::BranchNorm => &[TensorRole::AttentionPostNorm, TensorRole::MlpPostNorm],
        Residual::Sandwich => {
            &[TensorRole::AttentionNorm, TensorRole::AttentionPostNorm, TensorRole::MlpNorm, TensorRole::MlpPostNorm]
        }
    };
    let mut all: Vec<_> = roles.iter().map(|role| norm(*role, c.d_model)).collect();
    if let Some(span) = c.attention.qk_norm {
        for (role, heads) in [(TensorRole::QueryNorm, c.n_heads), (TensorRole::KeyNorm, c.n_kv_heads)] {
            all.push(match span {
                QkNorm::Head => norm(role, c.d_head),
                QkNorm::All => norm(role, heads * c.d_head),
                QkNorm::EachHead => RoleParameter::in_layers(role, vec![heads, c.d_head], false),
            });
        }
    }
    if let Some(latent) = c.attention.latent {
        all.extend(latent.query_rank.map(|rank| norm(TensorRole::QueryLatentNorm, rank)));
        all.push(norm(TensorRole::KeyValueLatentNorm, latent.key_value_rank));
    }
    if c.attention.sinks {
        all.push(RoleParameter::in_layers(TensorRole::AttentionSinks, vec![c.n_heads], false));
    }
    if let Some(convolution) = c.convolution() {
        let shape = vec![c.d_model, 1, convolution.width];
        all.push(RoleParameter::in_layers(TensorRole::ConvolutionKernel, shape, convolution.biased));
    }
    if let Some(experts) = c.mlp.experts.filter(|experts| experts.corrected) {
        let correction = RoleParameter::in_layers(TensorRole::ExpertCorrection, vec![experts.count], true);
        all.push(RoleParameter { weight: false, ..correction });
    }
    if c.mlp.experts.is_some_and(|experts| experts.d_shared > 0 && experts.gated_shared) {
        all.push(RoleParameter::in_layers(TensorRole::SharedExpertGate, vec![1, c.d_model], false));
    }
    all
}

fn after_blocks(c: &ModelConfig) -> Vec<RoleParameter> {
    let d = c.d_model;
    let mut all = Vec::new();
    if c.head.normed {
        all.push(RoleParameter::norm(c, TensorRole::FinalNorm, d, false));
    }
    if c.head.transform.is_some() {
        all.push(RoleParameter::once(TensorRole::HeadTransform, &[d, d], c.head.transform_bias));
        all.push(RoleParameter::norm(c, TensorRole::HeadTransformNorm, d, false));
    }
    if c.embedding.trajectory.is_none() {
        if !c.head.tied {
            all.push(RoleParameter::once(TensorRole::Head, &[c.vocab_size, d], false));
        }
        if c.head.bias {
            let bias = RoleParameter::once(TensorRole::HeadBias, &[c.vocab_size], true);
            all.push(RoleParameter { weight: false, ..bias });
        }
    }
    all
}
