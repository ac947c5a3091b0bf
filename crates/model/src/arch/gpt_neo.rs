//! GPT-Neo: GPT-2 with separate matrices stored `[out, in]`, attention scores without a scale, and a window in some
//! layers.

use super::definition::FamilyDefinition;
use super::family::Family;
use super::gpt2::{ALIASES, GPT2, ROLES, learned_positions, read_common_keys, set_common_block};
use super::llama::HF as LLAMA;
use super::tensor_names::{TensorNames, one};
use crate::config::HfKeys;
use crate::error::Result;
use crate::weight_id::WeightKind::{Down, K, O, Q, Up, V};

const NAMES: TensorNames = TensorNames {
    prefixes: &["transformer.", ""],
    roles: &[ROLES],
    matrices: &[&[
        one("{model}h.{}.attn.attention.q_proj", &[Q]),
        one("{model}h.{}.attn.attention.k_proj", &[K]),
        one("{model}h.{}.attn.attention.v_proj", &[V]),
        one("{model}h.{}.attn.attention.out_proj", &[O]),
        one("{model}h.{}.mlp.c_fc", &[Up]),
        one("{model}h.{}.mlp.c_proj", &[Down]),
    ]],
    ignored: &[".attn.attention.bias", ".attn.attention.masked_bias"],
    ..LLAMA
};

pub(super) static GPT_NEO: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "GPT-Neo",
        model_type: "gpt_neo",
        class: "GPTNeoForCausalLM",
        tensor_names: &NAMES,
        aliases: &[ALIASES, &[("c_fc", &[Up]), ("c_proj", &[Down])]],
    },
    set_block: |c| {
        set_common_block(c);
        learned_positions(c, 0);
        c.bias.qkv = false;
        c.attention.scale = 1.0;
    },
    read_config_json: |keys, c| {
        let window = keys.count_or("window_size", 256)?;
        let local = local_layers(keys, c.n_layers)?;
        for (layer, local) in c.attention.layers.iter_mut().zip(local) {
            layer.window = local.then_some(window);
        }
        read_common_keys(keys, c, "activation_function", "gelu_new")
    },
    gguf: None,
    ..GPT2
};

/// Reads from `attention_types` whether each layer has a window. The key holds lists of layer kinds, each with a number
/// of repetitions: `[[["global", "local"], 12]]`.
fn local_layers(keys: &HfKeys<'_>, n_layers: usize) -> Result<Vec<bool>> {
    let expected = format!("lists of global and local with their repetitions, {n_layers} layers in all");
    let wrong = |found: String| keys.wrong("attention_types", &expected, found);
    let Some(types) = keys.array_or_none("attention_types")? else {
        return Ok((0..n_layers).map(|layer| layer % 2 == 1).collect());
    };
    let mut local = Vec::new();
    for entry in types {
        let (kinds, times) = match entry.as_array().map(Vec::as_slice) {
            Some([kinds, times]) => (kinds.as_array(), times.as_u64()),
            _ => (None, None),
        };
        let (Some(kinds), Some(times)) = (kinds, times) else { return Err(wrong(entry.to_string())) };
        // Bounded, because a damaged file may contain any number of repetitions.
        for _ in 0..times.min(n_layers as u64 + 1) {
            for kind in kinds {
                if local.len() > n_layers {
                    return Err(wrong(format!("more than {n_layers} layers")));
                }
                match kind.as_str() {
                    Some("global") => local.push(false),
                    Some("local") => local.push(true),
                    _ => return Err(wrong(kind.to_string())),
                }
            }
        }
    }
    if local.len() == n_layers { Ok(local) } else { Err(wrong(format!("{} layers", local.len()))) }
}
