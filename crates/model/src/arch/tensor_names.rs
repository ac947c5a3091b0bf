//! Tensor names of a family in one file format, and how the values are stored under them.

use crate::weight_id::{MatrixPart, WeightId, WeightKind};

/// Tensor names of one file format, and how the values are stored.
///
/// In a name, `{}` stands for the layer, `{e}` for the expert, `{h}` for the head and `{model}` for the prefix. The name of
/// a role that ends with `$` is that of the tensor, without `.weight` or `.bias` after it.
#[derive(Debug)]
pub struct TensorNames {
    /// Possible prefixes `{model}`. A file uses the first prefix under which it has a matrix of layer 0.
    pub(crate) prefixes: &'static [&'static str],
    /// Names of everything but the matrices of the blocks, without `.weight` and `.bias`, in lists that families share.
    /// If a role has several names, a file uses the first one that it contains.
    pub(crate) roles: &'static [&'static [(TensorRole, &'static str)]],
    /// Tensors that hold the matrices of the blocks, in lists that families share. If several tensors can hold a
    /// matrix, a file uses the first one that it contains.
    pub(crate) matrices: &'static [&'static [StoredTensor]],
    /// Whether matrices of the blocks are stored `[in, out]` (GPT-2's Conv1D) instead of `[out, in]`.
    pub(crate) transposed: bool,
    /// True if the two rows of q or k that are rotated together are adjacent, `(2i, 2i+1)` within the rotated rows of a
    /// head, which come last in latent attention. In memory, the rotated rows come first, and two that are rotated together
    /// are `d/2` rows apart, `(i, i + d/2)`. Reordering q and k alike changes no product of queries and keys, and the order
    /// of rows changes no truncation.
    pub(crate) rotary_pairs: bool,
    /// Name of the module with the parameters of xIELU, followed by `.alpha_p`, `.alpha_n`, `.beta` and `.eps`; `None` for
    /// families that have none, and for GGUF.
    pub(crate) xielu: Option<&'static str>,
    /// Number added to the weights of norms when they are read (Gemma stores w − 1).
    pub norm_offset: f32,
    /// Parts of names; tensors whose name contains one are not weights and are not read.
    pub(crate) ignored: &'static [&'static str],
}

/// A tensor in a file that holds one or more matrices of a block.
#[derive(Debug)]
pub(crate) struct StoredTensor {
    /// Name without the ending.
    name: &'static str,
    /// Endings of the names of the tensors with weights and with biases.
    endings: Endings,
    /// Kinds of matrices that it holds, one below the other.
    holds: &'static [WeightKind],
    /// Order of the rows of several matrices.
    order: RowOrder,
    /// Storage of experts; `None` for matrices that are not part of an expert.
    experts: Option<ExpertStorage>,
    /// Storage of a tensor in which each head has a matrix of its own; `None` for tensors with one matrix.
    heads: Option<HeadStorage>,
}

/// Endings of the names of a tensor with weights and of one with biases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Endings {
    /// Ending of the name of the weights.
    pub(crate) weight: &'static str,
    /// Ending of the name of the biases.
    pub(crate) bias: &'static str,
}

impl Endings {
    /// Those of modules, of all families but few.
    pub(crate) const USUAL: Self = Self { weight: ".weight", bias: ".bias" };
}

/// Ending of the name under which two tensors of MXFP4, numbers and exponents, are read as one.
pub(crate) const TWO_PART: &str = "_blocks+_scales";

/// Order of the rows of a tensor that holds several matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowOrder {
    /// One matrix below the other.
    Stacked,
    /// Grouped by key/value head, each with its query heads: `q₀ k₀ v₀ q₁ k₁ v₁ …`.
    ByHead,
    /// A row of each matrix in turn (gpt-oss): `gate₀ up₀ gate₁ up₁ …`.
    Alternating,
}

/// How the matrices of experts are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ExpertStorage {
    /// One tensor for each expert.
    Separate,
    /// One tensor for all experts, `[experts, out, in]`.
    Stacked,
    /// One tensor for all experts, `[experts, in, out]`.
    StackedTransposed,
}

/// Storage of a matrix in a tensor of three dimensions, the first of which counts the key/value heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeadStorage {
    /// `[heads, out, in]`.
    Rows,
    /// `[heads, in, out]`.
    Transposed,
}

/// A tensor that holds one matrix.
pub(crate) const fn one(name: &'static str, holds: &'static [WeightKind; 1]) -> StoredTensor {
    fused(name, holds)
}

/// A tensor that holds several matrices, one below the other.
pub(crate) const fn fused(name: &'static str, holds: &'static [WeightKind]) -> StoredTensor {
    StoredTensor { name, endings: Endings::USUAL, holds, order: RowOrder::Stacked, experts: None, heads: None }
}

/// A tensor that holds queries, keys and values, grouped by key/value head.
pub(crate) const fn fused_by_head(name: &'static str, holds: &'static [WeightKind]) -> StoredTensor {
    StoredTensor { order: RowOrder::ByHead, ..fused(name, holds) }
}

/// A tensor that holds the part of a matrix of each key/value head.
pub(crate) const fn by_head(name: &'static str, holds: &'static [WeightKind; 1], heads: HeadStorage) -> StoredTensor {
    StoredTensor { heads: Some(heads), ..fused(name, holds) }
}

/// A tensor that holds a matrix of one expert; the name contains `{e}`.
pub(crate) const fn expert(name: &'static str, holds: &'static [WeightKind]) -> StoredTensor {
    StoredTensor { experts: Some(ExpertStorage::Separate), ..fused(name, holds) }
}

/// A tensor that holds the same matrix of all experts, `[experts, out, in]`.
pub(crate) const fn all_experts(name: &'static str, holds: &'static [WeightKind]) -> StoredTensor {
    StoredTensor { experts: Some(ExpertStorage::Stacked), ..fused(name, holds) }
}

/// A tensor that holds the same matrix of all experts, `[experts, in, out]`.
pub(crate) const fn all_experts_transposed(name: &'static str, holds: &'static [WeightKind]) -> StoredTensor {
    StoredTensor { experts: Some(ExpertStorage::StackedTransposed), ..fused(name, holds) }
}

/// Role of a parameter that is not a matrix of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TensorRole {
    /// Token embedding, `[vocab, d_model]`.
    Embedding,
    /// Learned positions, `[offset + positions, d_model]`.
    Positions,
    /// Segment embeddings (BERT's token types), `[token_types, d_model]`.
    TokenTypes,
    /// Norm of the sum of embeddings, `[d_model]`.
    EmbeddingNorm,
    /// Norm of the input of attention, `[d_model]`.
    AttentionNorm,
    /// Norm of the output of attention, or of the residual stream after it, `[d_model]`.
    AttentionPostNorm,
    /// Norm of the input of the MLP, `[d_model]`.
    MlpNorm,
    /// Norm of the output of the MLP, or of the residual stream after it, `[d_model]`.
    MlpPostNorm,
    /// Norm of the queries.
    QueryNorm,
    /// Norm of the keys.
    KeyNorm,
    /// Norm of the vector of which latent attention makes the queries, `[rank]`.
    QueryLatentNorm,
    /// Norm of the vector of which latent attention makes keys and values, `[rank]`.
    KeyValueLatentNorm,
    /// Attention sinks: a score of each query head that takes part in the softmax, `[heads]`.
    AttentionSinks,
    /// Kernel of a short convolution, `[d_model, 1, width]`, which is no matrix.
    ConvolutionKernel,
    /// Gate vector of the shared expert (`shared_expert_gate`), `[1, d_model]`.
    SharedExpertGate,
    /// Corrections of the scores of experts, which only the choice uses, `[experts]`; its name is that of the tensor
    /// `….bias`.
    ExpertCorrection,
    /// Norm after the last block, `[d_model]`.
    FinalNorm,
    /// Square matrix before the output head (BERT), `[d_model, d_model]`.
    HeadTransform,
    /// Norm after [`TensorRole::HeadTransform`], `[d_model]`.
    HeadTransformNorm,
    /// Output head, `[vocab, d_model]`; need not be in the file if it is tied to the embedding.
    Head,
    /// Bias of the output head, `[vocab]`; its name is that of the tensor `….bias`.
    HeadBias,
    /// Time-step embedding of a Decision Transformer, `[time_steps, d_model]`.
    TimeSteps,
    /// Embedding of a return, `[d_model, 1]`.
    ReturnInput,
    /// Embedding of a state, `[d_model, state]`.
    StateInput,
    /// Embedding of an action, `[d_model, action]`.
    ActionInput,
    /// Prediction of a return, `[1, d_model]`.
    ReturnOutput,
    /// Prediction of a state, `[state, d_model]`.
    StateOutput,
    /// Prediction of an action, `[action, d_model]`.
    ActionOutput,
}

impl TensorNames {
    /// One name for each role: the first for which `exists` is true, or the last one listed if none exists.
    pub(crate) fn roles(&self, exists: impl Fn(&str) -> bool) -> Vec<(TensorRole, &'static str)> {
        let mut chosen: Vec<(TensorRole, &'static str)> = Vec::new();
        for &(role, name) in self.roles.iter().copied().flatten() {
            match chosen.iter_mut().find(|(of, _)| *of == role) {
                Some((_, before)) if exists(before) => (),
                Some((_, before)) => *before = name,
                None => chosen.push((role, name)),
            }
        }
        chosen
    }

    /// True if files of the family may hold matrices in blocks of MXFP4 whose exponents are a tensor of their own.
    pub(crate) fn has_two_part_tensors(&self) -> bool {
        self.matrices.iter().copied().flatten().any(|stored| stored.endings.weight == TWO_PART)
    }

    /// The tensors that can hold a stored matrix.
    pub(crate) fn holders(&self, id: WeightId) -> impl Iterator<Item = &'static StoredTensor> + use<> {
        let of_expert = matches!(id.part, MatrixPart::Expert(_));
        let lists: &'static [&'static [StoredTensor]] = self.matrices;
        lists
            .iter()
            .copied()
            .flatten()
            .filter(move |stored| stored.holds.contains(&id.kind) && stored.experts.is_some() == of_expert)
    }
}

impl StoredTensor {
    /// The same tensor, in which rows of the matrices alternate.
    pub(crate) const fn alternating(self) -> Self {
        Self { order: RowOrder::Alternating, ..self }
    }

    /// The same tensor under names with other endings.
    pub(crate) const fn with_endings(self, weight: &'static str, bias: &'static str) -> Self {
        Self { endings: Endings { weight, bias }, ..self }
    }

    /// Name for one layer and expert, without its ending; still contains `{model}` if the family has prefixes.
    pub(crate) fn name_at(&self, layer: usize, expert: Option<usize>) -> String {
        let name = self.name.replace("{}", &layer.to_string());
        match expert {
            Some(expert) => name.replace("{e}", &expert.to_string()),
            None => name,
        }
    }

    /// Kinds of matrices that it holds, one below the other.
    pub(crate) fn holds(&self) -> &'static [WeightKind] {
        self.holds
    }

    /// Endings of its names.
    pub(crate) fn endings(&self) -> Endings {
        self.endings
    }

    /// Order of the rows of several matrices.
    pub(crate) fn order(&self) -> RowOrder {
        self.order
    }

    /// Storage of a tensor in which each head has a matrix of its own.
    pub(crate) fn heads(&self) -> Option<HeadStorage> {
        self.heads
    }

    /// Whether it holds the matrices of all experts.
    pub(crate) fn is_all_experts(&self) -> bool {
        matches!(self.experts, Some(ExpertStorage::Stacked | ExpertStorage::StackedTransposed))
    }

    /// True if it holds the matrices of all experts as `[in, out]`.
    pub(crate) fn has_transposed_experts(&self) -> bool {
        self.experts == Some(ExpertStorage::StackedTransposed)
    }
}
