//! GLM-4.7-Flash: the attention of DeepSeek V3 with the experts of GLM-4.5.

use super::deepseek::{ALIASES, NAMES};
use super::definition::FamilyDefinition;
use super::family::Family;
use super::glm_moe::{ExpertDefaults, expert_keys, leading_dense_layers, read_corrected_experts};
use super::latent::{LatentDefaults, add_latent_keys, read_latent_keys};
use super::llama::BASE;
use crate::config::{HfKeys, ModelConfig};
use crate::error::Result;

pub(super) static GLM4_MOE_LITE: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "GLM-4.7-Flash",
        model_type: "glm4_moe_lite",
        class: "Glm4MoeLiteForCausalLM",
        tensor_names: &NAMES,
        aliases: &[ALIASES],
    },
    // The width of a head is the sum of two keys, so that this one counts for nothing.
    default_sizes: &[("head_dim", 64), ("num_key_value_heads", 20)],
    read_config_json: |keys, c| {
        keys.only_text("topk_method", "noaux_tc")?;
        keys.only("rope_interleave", true)?;
        read_corrected_experts(
            keys,
            c,
            ExpertDefaults { count: 64, per_token: 4, d_expert: 1536, scale: 1.8, groups: (1, 1) },
        )?;
        read_expert_layers(keys, c)?;
        read_latent_keys(keys, c, LatentDefaults { query_rank: 768, d_plain: 192, d_value: 256 })?;
        c.norm_eps = keys.number_or("rms_norm_eps", 1e-5)?;
        Ok(())
    },
    gguf: None, // GGUF files of GLM-4.7-Flash are read as DeepSeek V3
    write_config_json: Some(|c| {
        let mut keys = expert_keys(c)?;
        let kind = |has: &bool| if *has { SPARSE } else { DENSE };
        keys["mlp_layer_types"] = c.mlp.expert_layers.iter().map(kind).collect();
        add_latent_keys(&mut keys, c)?;
        Ok(keys)
    }),
    ..BASE
};

/// Values of `mlp_layer_types`.
const DENSE: &str = "dense";
const SPARSE: &str = "sparse";

/// Reads which layers have experts: those of the list, or without one all but the first.
fn read_expert_layers(keys: &HfKeys<'_>, c: &mut ModelConfig) -> Result<()> {
    const KEY: &str = "mlp_layer_types";
    let kinds = match keys.strings_or_none(KEY)? {
        Some(kinds) if kinds.len() == c.n_layers => kinds,
        Some(kinds) => return Err(keys.wrong(KEY, format!("{} texts, one for each layer", c.n_layers), kinds.len())),
        None => (0..c.n_layers).map(|layer| if layer == 0 { DENSE } else { SPARSE }.to_owned()).collect(),
    };
    if let Some(other) = kinds.iter().find(|kind| ![DENSE, SPARSE].contains(&kind.as_str())) {
        return Err(keys.wrong(KEY, format!("{DENSE} or {SPARSE}"), other));
    }
    c.mlp.expert_layers = kinds.iter().map(|kind| kind == SPARSE).collect();
    // The published file has this key, which the class does not read, with the value that its list means.
    let dense = leading_dense_layers(c);
    match keys.size_or("first_k_dense_replace", dense)? {
        found if found == dense => Ok(()),
        found => Err(keys.wrong("first_k_dense_replace", format!("{dense}, as in `{KEY}`"), found)),
    }
}
