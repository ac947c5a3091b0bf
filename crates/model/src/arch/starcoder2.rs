//! StarCoder2: layer norms, rotary positions, grouped-query attention, an MLP without a gate, and biases everywhere.

use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::{Alias, Family};
use super::gpt2::{ALIASES, set_common_block};
use super::llama::{ATTENTION, BASE, GGUF, HF};
use super::tensor_names::{StoredTensor, TensorNames, one};
use crate::config::{Bias, RopeDefaults, head_is_tied, read_activation, read_rope, read_window, shortest};
use crate::weight_id::WeightKind::{Down, Up};

const MLP: &[StoredTensor] = &[one("{model}layers.{}.mlp.c_fc", &[Up]), one("{model}layers.{}.mlp.c_proj", &[Down])];

const FILE_ALIASES: &[Alias] = &[("c_fc", &[Up]), ("c_proj", &[Down])];

pub(super) static STARCODER2: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "StarCoder2",
        model_type: "starcoder2",
        class: "Starcoder2ForCausalLM",
        tensor_names: &TensorNames { matrices: &[ATTENTION, MLP], ..HF },
        aliases: &[ALIASES, FILE_ALIASES],
    },
    default_sizes: &[("num_key_value_heads", 2)],
    set_block: set_common_block,
    read_config_json: |keys, c| {
        let biased = keys.flag_or("use_bias", true)?;
        keys.only_text("norm_type", "layer_norm")?;
        c.bias = Bias { qkv: biased, o: biased, mlp: biased, router: false };
        c.norm_eps = keys.number_or("norm_epsilon", 1e-5)?;
        c.mlp.activation = read_activation(keys, "hidden_act", "gelu_pytorch_tanh")?;
        c.head.tied = head_is_tied(keys, true)?;
        c.attention.ropes = vec![read_rope(keys, c, RopeDefaults::USUAL)?];
        read_window(keys, c, None)
    },
    gguf: Some(GgufFormat {
        name: "starcoder2",
        read_metadata: |_, _| Ok(()),
        write_metadata: |_| Vec::new(),
        tensor_names: &GGUF,
    }),
    write_config_json: Some(|c| match c.bias {
        Bias { qkv, o, mlp, .. } if qkv == o && o == mlp => Ok(json!({
            "use_bias": qkv,
            "norm_epsilon": shortest(c.norm_eps),
            "hidden_act": "gelu_pytorch_tanh",
            "sliding_window": c.attention.layers[0].window,
            "head_dim": null,
            "rms_norm_eps": null,
        })),
        _ => Err("the same for all matrices".into()),
    }),
    ..BASE
};
