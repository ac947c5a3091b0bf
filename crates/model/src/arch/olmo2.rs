//! OLMo 2: Llama with norms of the outputs of attention and MLP instead of their inputs, and norms of queries and keys
//! over all heads together.

use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::Family;
use super::llama::{BASE, GGUF, GGUF_POST_NORMS, GGUF_ROLES, HF, POST_NORMS, ROLES, read_common_keys};
use super::tensor_names::TensorNames;
use crate::config::{QkNorm, Residual};

const NAMES: TensorNames = TensorNames { roles: &[POST_NORMS, ROLES], ..HF };

const GGUF_NAMES: TensorNames = TensorNames { roles: &[GGUF_POST_NORMS, GGUF_ROLES], ..GGUF };

pub(super) static OLMO2: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "OLMo 2",
        model_type: "olmo2",
        class: "Olmo2ForCausalLM",
        tensor_names: &NAMES,
        ..BASE.family
    },
    set_block: |c| {
        c.residual = Residual::BranchNorm;
        c.attention.qk_norm = Some(QkNorm::All);
    },
    read_config_json: |keys, c| {
        let biased = keys.flag_or("attention_bias", false)?;
        (c.bias.qkv, c.bias.o) = (biased, biased);
        read_common_keys(keys, c)?;
        c.norm_eps = keys.number_or("rms_norm_eps", 1e-5)?;
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "olmo2",
        read_metadata: |_, _| Ok(()),
        write_metadata: |_| Vec::new(),
        tensor_names: &GGUF_NAMES,
    }),
    write_config_json: Some(|c| Ok(json!({"attention_bias": c.bias.qkv, "head_dim": null}))),
    ..BASE
};
