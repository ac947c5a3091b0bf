//! Qwen3: Llama with RMS norms of each head's queries and keys, and a width of heads that is independent of `d_model`.

use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::Family;
use super::llama::{BASE, GGUF, read_common_keys};
use crate::config::{Bias, QkNorm, read_opt_in_windows};

pub(super) static QWEN3: FamilyDefinition = FamilyDefinition {
    family: Family { name: "Qwen3", model_type: "qwen3", class: "Qwen3ForCausalLM", ..BASE.family },
    default_sizes: &[("head_dim", 128)],
    set_block: |c| c.attention.qk_norm = Some(QkNorm::Head),
    read_config_json: |keys, c| {
        let biased = keys.flag_or("attention_bias", false)?;
        (c.bias.qkv, c.bias.o) = (biased, biased);
        read_common_keys(keys, c)?;
        read_opt_in_windows(keys, c)
    },
    gguf: Some(GgufFormat {
        name: "qwen3",
        read_metadata: |_, _| Ok(()),
        write_metadata: |_| Vec::new(),
        tensor_names: &GGUF,
    }),
    write_config_json: Some(|c| match c.bias == Bias::default() {
        true => Ok(json!({"attention_bias": false, "use_sliding_window": false})),
        false => Err("none".into()),
    }),
    ..BASE
};
