//! StableLM: Llama with layer norms, partly rotated heads, and attention and MLP in parallel in some models.

use laser_checkpoint::Value;
use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::Family;
use super::llama::{BASE, GGUF, HF, ROLES, read_common_keys};
use super::tensor_names::{TensorNames, TensorRole};
use crate::config::{ModelConfig, QkNorm, Residual, RopeDefaults, read_rope, shortest};

const NAMES: TensorNames = TensorNames {
    // The names that new files get are the last of each role.
    roles: &[
        ROLES,
        &[
            (TensorRole::QueryNorm, "{model}layers.{}.self_attn.q_layernorm.norms.{h}"),
            (TensorRole::KeyNorm, "{model}layers.{}.self_attn.k_layernorm.norms.{h}"),
        ],
    ],
    ..HF
};

pub(super) static STABLELM: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "StableLM",
        model_type: "stablelm",
        class: "StableLmForCausalLM",
        tensor_names: &NAMES,
        ..BASE.family
    },
    set_block: ModelConfig::set_layer_norms,
    read_config_json: |keys, c| {
        read_common_keys(keys, c)?;
        c.norm_eps = keys.number_or("layer_norm_eps", 1e-5)?;
        c.attention.ropes = vec![read_rope(keys, c, RopeDefaults { partial: Some(0.25), ..RopeDefaults::USUAL })?];
        c.bias.qkv = keys.flag_or("use_qkv_bias", false)?;
        if keys.flag_or("use_parallel_residual", false)? {
            c.residual = Residual::Parallel { one_norm: true };
        }
        if keys.flag_or("qk_layernorm", false)? {
            c.attention.qk_norm = Some(QkNorm::EachHead);
        }
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "stablelm",
        read_metadata: |keys, c| {
            if keys.flag_or("use_parallel_residual", false)? {
                c.residual = Residual::Parallel { one_norm: true };
            }
            if keys.has_tensor("blk.0.attn_q_norm.weight") {
                c.attention.qk_norm = Some(QkNorm::EachHead);
            }
            Ok(())
        },
        write_metadata: |c| {
            let parallel = c.residual != Residual::PreNorm;
            vec![("use_parallel_residual".to_owned(), Value::Bool(parallel))]
        },
        tensor_names: &GGUF,
    }),
    write_config_json: Some(|c| {
        Ok(json!({
            "layer_norm_eps": shortest(c.norm_eps),
            "partial_rotary_factor": c.attention.ropes[0].fraction_of(c.d_head),
            "use_qkv_bias": c.bias.qkv,
            "use_parallel_residual": c.residual != Residual::PreNorm,
            "qk_layernorm": c.attention.qk_norm.is_some(),
            "head_dim": null,
            "rms_norm_eps": null,
        }))
    }),
    ..BASE
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor_layout::TensorLayout;

    #[test]
    fn new_files_name_the_norm_of_each_head_as_transformers_does() {
        let stem = TensorLayout::of_new_files(&NAMES).role_stem(TensorRole::QueryNorm, 1);
        assert_eq!(stem.as_deref(), Some("model.layers.1.self_attn.q_layernorm.norms.{h}"));
    }
}
