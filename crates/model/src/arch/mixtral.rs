//! Mixtral: Mistral with experts in place of the MLP.

use super::llama::{ATTENTION, BASE, HF, read};
use super::{Architecture, Names, Stored, expert, one};
use crate::config::{Experts, GgufKeys, ModelConfig};
use crate::error::Result;
use crate::weight_id::WeightKind::{Down, Gate, Router, Up};

const EXPERTS: &[Stored] = &[
    one("{model}layers.{}.block_sparse_moe.gate", &[Router]),
    expert("{model}layers.{}.block_sparse_moe.experts.{e}.w1", &[Gate]),
    expert("{model}layers.{}.block_sparse_moe.experts.{e}.w3", &[Up]),
    expert("{model}layers.{}.block_sparse_moe.experts.{e}.w2", &[Down]),
];

pub(super) static MIXTRAL: Architecture = Architecture {
    name: "Mixtral",
    model_type: "mixtral",
    class: "MixtralForCausalLM",
    defaults: &[("num_key_value_heads", 8)],
    hf: |keys, c| {
        all_layers(c, keys.count_or("num_local_experts", 8)?, keys.count_or("num_experts_per_tok", 2)?);
        read(keys, c, false)
    },
    names: &Names { matrices: &[ATTENTION, EXPERTS], ..HF },
    gguf: None, // GGUF calls it `llama`
    to_hf: None,
    ..BASE
};

/// A GGUF `llama` with a number of experts is a Mixtral.
pub(super) fn gguf(keys: &GgufKeys<'_>, c: &mut ModelConfig) -> Result<()> {
    if let Some(count) = keys.count_or_none("expert_count")?.filter(|count| *count > 0) {
        all_layers(c, count, keys.count("expert_used_count")?);
        c.architecture = &MIXTRAL;
    }
    Ok(())
}

fn all_layers(c: &mut ModelConfig, count: usize, per_token: usize) {
    c.mlp.experts = Some(Experts { count, per_token, d_expert: c.d_mlp, normalised: true, d_shared: 0 });
    c.mlp.expert_layers = vec![true; c.n_layers];
}
