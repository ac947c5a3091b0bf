//! HunYuan (dense): Llama with norms of each head's queries and keys after the rotation.

use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::Family;
use super::llama::{BASE, GGUF, HF, ROLES, read_common_keys};
use super::tensor_names::{TensorNames, TensorRole};
use crate::config::QkNorm;

const NAMES: TensorNames = TensorNames {
    // New files get the last name of each role.
    roles: &[
        ROLES,
        &[
            (TensorRole::QueryNorm, "{model}layers.{}.self_attn.query_layernorm"),
            (TensorRole::KeyNorm, "{model}layers.{}.self_attn.key_layernorm"),
        ],
    ],
    ..HF
};

pub(super) static HUNYUAN: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "HunYuan",
        model_type: "hunyuan_v1_dense",
        class: "HunYuanDenseV1ForCausalLM",
        tensor_names: &NAMES,
        ..BASE.family
    },
    set_block: |c| {
        c.attention.qk_norm = Some(QkNorm::Head);
        c.attention.rotated_before_norm = true;
    },
    read_config_json: |keys, c| {
        let biased = keys.flag_or("attention_bias", false)?;
        (c.bias.qkv, c.bias.o) = (biased, biased);
        // Keys of the published files, with the only values that the class implements.
        ["use_qk_norm", "use_rotary_pos_emb"].into_iter().try_for_each(|key| keys.only(key, true))?;
        keys.only_text("norm_type", "rms")?;
        let width = keys.count_or("attention_head_dim", c.d_head)?;
        if width != c.d_head {
            return Err(keys.wrong("attention_head_dim", format!("{}, as `head_dim`", c.d_head), width));
        }
        read_common_keys(keys, c)?;
        c.norm_eps = keys.number_or("rms_norm_eps", 1e-5)?;
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "hunyuan-dense",
        read_metadata: |_, _| Ok(()),
        write_metadata: |_| Vec::new(),
        tensor_names: &GGUF,
    }),
    write_config_json: Some(|c| Ok(json!({"attention_bias": c.bias.qkv}))),
    ..BASE
};
