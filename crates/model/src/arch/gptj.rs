//! GPT-J: attention and MLP in parallel with one norm, partly rotated heads with rotated rows in pairs, and biases of
//! the MLP and the output head only.

use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::Family;
use super::gpt2::{ALIASES, ROLES, read_common_keys, set_common_block};
use super::llama::{BASE, GGUF_PAIRS, HF as LLAMA};
use super::tensor_names::{TensorNames, one};
use crate::config::{Bias, Residual, shortest};
use crate::rope::{Rope, RopeScaling};
use crate::weight_id::WeightKind::{Down, K, O, Q, Up, V};

const NAMES: TensorNames = TensorNames {
    prefixes: &["transformer."],
    roles: &[ROLES],
    matrices: &[&[
        one("{model}h.{}.attn.q_proj", &[Q]),
        one("{model}h.{}.attn.k_proj", &[K]),
        one("{model}h.{}.attn.v_proj", &[V]),
        one("{model}h.{}.attn.out_proj", &[O]),
        one("{model}h.{}.mlp.fc_in", &[Up]),
        one("{model}h.{}.mlp.fc_out", &[Down]),
    ]],
    rotary_pairs: true,
    ignored: &[".attn.bias", ".attn.masked_bias"],
    ..LLAMA
};

pub(super) static GPTJ: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "GPT-J",
        model_type: "gptj",
        class: "GPTJForCausalLM",
        tensor_names: &NAMES,
        aliases: &[ALIASES],
    },
    mlp_ratio: Some(4),
    equal_heads: true,
    set_block: |c| {
        set_common_block(c);
        c.residual = Residual::Parallel { one_norm: true };
        c.bias = Bias { mlp: true, ..Bias::default() };
        (c.head.tied, c.head.bias) = (false, true);
    },
    read_config_json: |keys, c| {
        read_common_keys(keys, c, "activation_function", "gelu_new")?;
        // The reference gives null another meaning than a missing key: frequencies from the width of the model.
        if keys.is_null("rotary_dim") {
            return Err(keys.wrong("rotary_dim", "a number of dimensions", "null"));
        }
        let dim = keys.count_or("rotary_dim", 64)?;
        c.attention.ropes = vec![Rope { theta: 10_000.0, dim, scaling: RopeScaling::Default }];
        Ok(())
    },
    // gguf-py defines these names, but no converter writes such files yet. llama.cpp rotates rows in pairs.
    gguf: Some(GgufFormat {
        name: "gptj",
        read_metadata: |_, _| Ok(()),
        write_metadata: |_| Vec::new(),
        tensor_names: &GGUF_PAIRS,
    }),
    write_config_json: Some(|c| {
        Ok(json!({
            "n_embd": c.d_model,
            "n_layer": c.n_layers,
            "n_head": c.n_heads,
            "n_inner": c.d_mlp,
            "n_positions": c.max_positions,
            "activation_function": "gelu_new",
            "layer_norm_epsilon": shortest(c.norm_eps),
            "rotary_dim": c.attention.ropes[0].dim,
            "hidden_size": null,
            "num_hidden_layers": null,
            "num_attention_heads": null,
            "num_key_value_heads": null,
            "intermediate_size": null,
            "max_position_embeddings": null,
            "head_dim": null,
            "hidden_act": null,
            "rms_norm_eps": null,
            "rope_theta": null,
        }))
    }),
    ..BASE
};
