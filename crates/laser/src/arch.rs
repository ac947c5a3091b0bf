//! The architecture table: the only place that knows checkpoint tensor names, configuration keys' meaning
//! per family, and how a family's file layout differs from ours.
//!
//! A family is data: the forward pass reads the configuration's fields and never asks which family it runs.

mod llama;

use crate::weight::WeightKind;

/// Tensor names of one file format. `{}` stands for the layer.
#[derive(Debug)]
pub struct TensorNames {
    /// Token embedding, `[vocab, d_model]`.
    pub embedding: &'static str,
    /// Output head, `[vocab, d_model]`; absent from the file when tied to the embedding.
    pub head: &'static str,
    /// Norm after the last block, `[d_model]`.
    pub final_norm: &'static str,
    /// Norm before attention, `[d_model]`.
    pub attention_norm: &'static str,
    /// Norm before the MLP, `[d_model]`.
    pub mlp_norm: &'static str,
    /// The seven matrices without `.weight`, in the order of [`WeightKind::ALL`].
    pub matrices: [&'static str; 7],
    /// Tensors that are allowed in the file and not read, by suffix.
    pub ignored: &'static [&'static str],
}

/// Which projections carry a bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BiasRule {
    /// `attention_bias` in the configuration: q, k, v and o; `mlp_bias`: gate, up and down.
    Configured,
    /// q, k and v always, nothing else (Qwen2).
    Qkv,
    /// None.
    Never,
}

/// One model family.
#[derive(Debug)]
pub struct Architecture {
    /// Name shown to the user.
    pub name: &'static str,
    /// `model_type` in `config.json`.
    pub model_type: &'static str,
    /// `general.architecture` in GGUF.
    pub gguf: &'static str,
    /// `architectures[0]` written to an exported `config.json`.
    pub class: &'static str,
    /// Names in safetensors.
    pub hf_names: &'static TensorNames,
    /// Names in GGUF.
    pub gguf_names: &'static TensorNames,
    /// Whether GGUF files store q and k with the rows of each head interleaved for rotary pairs
    /// (llama.cpp does this for `llama`, not for `qwen2`).
    pub gguf_permutes_qk: bool,
    /// Biases.
    pub bias: BiasRule,
    /// Whether `sliding_window` counts only with `use_sliding_window: true` (Qwen2).
    pub window_is_opt_in: bool,
    /// The paper's names for its matrices: alias, and what it stands for.
    pub aliases: &'static [(&'static str, &'static [WeightKind])],
}

/// Every family Laser knows.
pub static ARCHITECTURES: &[&Architecture] = &[&llama::LLAMA, &llama::MISTRAL, &llama::QWEN2];

impl Architecture {
    /// The family with this `model_type` of `config.json`.
    pub fn by_model_type(model_type: &str) -> Option<&'static Self> {
        ARCHITECTURES.iter().copied().find(|a| a.model_type == model_type)
    }

    /// The family with this `general.architecture` of GGUF. Mistral files say `llama`.
    pub fn by_gguf(name: &str) -> Option<&'static Self> {
        ARCHITECTURES.iter().copied().find(|a| a.gguf == name)
    }

    /// Names known, for error messages.
    pub fn known() -> String {
        let mut names: Vec<_> = ARCHITECTURES.iter().map(|a| a.model_type).collect();
        names.sort_unstable();
        names.join(", ")
    }

    /// The matrices a name stands for: a canonical name itself, or one of the paper's aliases.
    pub fn resolve_matrix(&self, name: &str) -> Option<Vec<WeightKind>> {
        if let Some(kind) = WeightKind::from_name(name) {
            return Some(vec![kind]);
        }
        self.aliases.iter().find(|(alias, _)| *alias == name).map(|(_, kinds)| kinds.to_vec())
    }

    /// The paper's alias of one matrix, if it has one of its own.
    pub fn paper_alias(&self, kind: WeightKind) -> Option<&'static str> {
        self.aliases.iter().find(|(_, kinds)| *kinds == [kind]).map(|(alias, _)| *alias)
    }

    /// All names a selector may use, for error messages.
    pub fn matrix_names(&self) -> String {
        let canonical = WeightKind::ALL.into_iter().map(WeightKind::name);
        let aliases = self.aliases.iter().map(|(alias, _)| *alias);
        canonical.chain(aliases).collect::<Vec<_>>().join(", ")
    }
}

impl TensorNames {
    /// Name of a matrix's weight in `layer`.
    pub fn weight(&self, layer: usize, kind: WeightKind) -> String {
        format!("{}.weight", self.stem(layer, kind))
    }

    /// Name of a matrix's bias in `layer`.
    pub fn bias(&self, layer: usize, kind: WeightKind) -> String {
        format!("{}.bias", self.stem(layer, kind))
    }

    /// A per-layer name with the layer filled in.
    pub fn at(name: &str, layer: usize) -> String {
        name.replace("{}", &layer.to_string())
    }

    fn stem(&self, layer: usize, kind: WeightKind) -> String {
        Self::at(self.matrices[kind.index()], layer)
    }
}
