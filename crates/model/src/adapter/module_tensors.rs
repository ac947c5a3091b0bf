//! The tensors of an adapter by module: takes tensor names, gives the module of the base model that each belongs to, and
//! its part in the change of that module.

use std::collections::BTreeMap;

use laser_checkpoint::Checkpoint;

use crate::error::{Error, Result};

/// Beginning of all tensor names in a PEFT file.
const PREFIX: &str = "base_model.model.";

/// Part of a tensor in the change of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// `A` of W + s·B·A, `[r, in]`.
    A,
    /// `B`, `[out, r]`.
    B,
    /// Bias of `B`, `[out]`: added to the module's bias, times s.
    BBias,
    /// Norms of the rows of the result (DoRA), `[out]`.
    Magnitude,
    /// `A` of an embedding, `[r, tokens]`.
    EmbeddingA,
    /// `B` of an embedding, `[d, r]`.
    EmbeddingB,
    /// New values of the module's weight.
    Weight,
    /// New values of the module's bias.
    Bias,
}

/// Endings of tensor names. The first that fits counts.
const ENDINGS: [(&str, Part); 13] = [
    (".lora_A.weight", Part::A),
    (".lora_B.weight", Part::B),
    (".lora_B.bias", Part::BBias),
    (".lora_magnitude_vector.weight", Part::Magnitude),
    (".lora_magnitude_vector", Part::Magnitude),
    (".lora_embedding_A", Part::EmbeddingA),
    (".lora_embedding_B", Part::EmbeddingB),
    // Saved with adapted embeddings: the module below the adapter.
    (".base_layer.weight", Part::Weight),
    (".base_layer.bias", Part::Bias),
    (".modules_to_save.weight", Part::Weight),
    (".modules_to_save.bias", Part::Bias),
    (".weight", Part::Weight),
    (".bias", Part::Bias),
];

/// Marks of parts that must be followed by one of the endings: without this, an unknown part of a LoRA would be taken for
/// the weight of a module of a strange name.
const MARKS: [&str; 2] = [".lora_", ".token_adapter."];

/// Tensor names of one module by their part.
pub(super) type Parts = BTreeMap<Part, String>;

/// The tensors of an adapter, by the path of their module without PEFT's prefix, `model.layers.0.self_attn.q_proj`.
///
/// # Errors
/// A tensor whose name is none of PEFT's, or two tensors for one part.
pub(super) fn by_module(checkpoint: &Checkpoint, file: &str) -> Result<BTreeMap<String, Parts>> {
    let problem = |tensor: &str, hint: &str| Error::TensorSet {
        file: file.to_owned(),
        problem: "surplus",
        tensor: tensor.to_owned(),
        hint: hint.to_owned(),
    };
    let mut modules: BTreeMap<String, Parts> = BTreeMap::new();
    for info in checkpoint.tensors() {
        let name = info.name.as_str();
        let Some((module, part)) = split(name) else {
            return Err(problem(name, "not a name that PEFT gives the tensors of a LoRA"));
        };
        let parts = modules.entry(module.to_owned()).or_default();
        if parts.insert(part, name.to_owned()).is_some() {
            return Err(problem(name, "another tensor has the same part in the same module"));
        }
    }
    Ok(modules)
}

/// The module path and the part of a tensor name.
fn split(name: &str) -> Option<(&str, Part)> {
    let path = name.strip_prefix(PREFIX)?;
    let (module, part) = ENDINGS.iter().find_map(|(ending, part)| Some((path.strip_suffix(ending)?, *part)))?;
    let is_known = !module.is_empty() && !MARKS.iter().any(|mark| module.contains(mark));
    is_known.then_some((module, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_into_module_and_part() {
        for (name, module, part) in [
            ("model.layers.0.self_attn.q_proj.lora_A.weight", "model.layers.0.self_attn.q_proj", Part::A),
            ("transformer.h.1.attn.c_attn.lora_B.weight", "transformer.h.1.attn.c_attn", Part::B),
            ("transformer.h.1.attn.c_attn.lora_B.bias", "transformer.h.1.attn.c_attn", Part::BBias),
            ("a.lora_magnitude_vector", "a", Part::Magnitude),
            ("a.lora_magnitude_vector.weight", "a", Part::Magnitude),
            ("model.embed_tokens.lora_embedding_A", "model.embed_tokens", Part::EmbeddingA),
            ("model.embed_tokens.base_layer.weight", "model.embed_tokens", Part::Weight),
            ("lm_head.weight", "lm_head", Part::Weight),
            ("transformer.h.0.ln_1.bias", "transformer.h.0.ln_1", Part::Bias),
        ] {
            assert_eq!(split(&format!("{PREFIX}{name}")), Some((module, part)), "{name}");
        }
        for name in ["x.lora_A.weight", "base_model.model..weight", "base_model.model.weight"] {
            assert_eq!(split(name), None, "{name}");
        }
        for name in ["a.lora_E.weight", "a.lora_A.other.weight", "e.token_adapter.x.weight", "a.trainable_tokens_delta"]
        {
            assert_eq!(split(&format!("{PREFIX}{name}")), None, "{name}");
        }
    }
}
