//! Apertus: Llama with norms of each head's queries and keys, and an MLP without a gate whose activation, xIELU, has learned
//! parameters in every layer.

use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::Family;
use super::gpt2::ALIASES;
use super::llama::{BASE, GGUF, HF, ROLES};
use super::tensor_names::{TensorNames, TensorRole};
use crate::config::{
    QkNorm, RopeDefaults, Xielu, head_is_tied, read_activation, read_gguf_xielu, read_rope, rope_parameters,
};
use crate::rope::{Rope, RopeScaling};

/// The base of the rotary frequencies in files without it.
const THETA: f64 = 12_000_000.0;

/// The rotary scaling in files without parameters of one, whatever base they have.
const SCALING: RopeScaling =
    RopeScaling::Llama3 { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_context: 8192 };

pub(super) static APERTUS: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "Apertus",
        model_type: "apertus",
        class: "ApertusForCausalLM",
        tensor_names: &TensorNames {
            roles: &[
                ROLES,
                &[
                    (TensorRole::AttentionNorm, "{model}layers.{}.attention_layernorm"),
                    (TensorRole::MlpNorm, "{model}layers.{}.feedforward_layernorm"),
                ],
            ],
            xielu: Some("{model}layers.{}.mlp.act_fn"),
            ..HF
        },
        aliases: &[ALIASES],
    },
    default_sizes: &[("max_position_embeddings", 65536)],
    set_block: |c| {
        c.mlp.gated = false;
        c.attention.qk_norm = Some(QkNorm::Head);
    },
    read_config_json: |keys, c| {
        let biased = keys.flag_or("attention_bias", false)?;
        (c.bias.qkv, c.bias.o) = (biased, biased);
        // Keys of the published files that the class does not read.
        keys.only("qk_norm", true)?;
        keys.only("post_norm", false)?;
        keys.only("mlp_bias", false)?;
        match keys.string_or("hidden_act", "xielu")?.as_str() {
            // The values of the model's tensors take their place.
            "xielu" => c.mlp.xielu = vec![Xielu::INITIAL; c.n_layers],
            _ => c.mlp.activation = read_activation(keys, "hidden_act", "xielu")?,
        }
        c.norm_eps = keys.number_or("rms_norm_eps", 1e-5)?;
        c.head.tied = head_is_tied(keys, false)?;
        c.attention.ropes = vec![match rope_parameters(keys)? {
            Some(_) => read_rope(keys, c, RopeDefaults { theta: THETA, ..RopeDefaults::USUAL })?,
            None => Rope { theta: THETA, dim: c.d_head, scaling: SCALING },
        }];
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "apertus",
        read_metadata: read_gguf_xielu,
        write_metadata: |_| Vec::new(),
        tensor_names: &GGUF,
    }),
    write_config_json: Some(|c| match c.bias.qkv == c.bias.o {
        true => {
            let mut keys = json!({"hidden_act": "xielu", "attention_bias": c.bias.qkv});
            if c.attention.ropes[0].scaling == RopeScaling::Default {
                // Without parameters, the class has a scaling.
                keys["rope_parameters"] = json!({"rope_type": "default", "rope_theta": c.attention.ropes[0].theta});
            }
            Ok(keys)
        }
        false => Err("attention_bias: the same for q, k, v and o".into()),
    }),
    ..BASE
};
