//! GPT-Neo: GPT-2 with plain matrices, products of queries and keys that are not scaled, and a window in some layers.

use super::gpt2::{ALIASES, GPT2, ROLES, block, learned_positions, read};
use super::llama::HF as LLAMA;
use super::{Architecture, Names, one};
use crate::config::Keys;
use crate::error::Result;
use crate::weight_id::WeightKind::{Down, K, O, Q, Up, V};

const NAMES: Names = Names {
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

pub(super) static GPT_NEO: Architecture = Architecture {
    name: "GPT-Neo",
    model_type: "gpt_neo",
    class: "GPTNeoForCausalLM",
    block: |c| {
        block(c);
        learned_positions(c, 0);
        c.bias.qkv = false;
        c.attention.scale = 1.0;
    },
    hf: |keys, c| {
        let window = keys.count_or("window_size", 256)?;
        let local = local_layers(keys, c.n_layers)?;
        for (layer, local) in c.attention.layers.iter_mut().zip(local) {
            layer.window = local.then_some(window);
        }
        read(keys, c, "gelu_new")
    },
    names: &NAMES,
    gguf: None,
    aliases: &[ALIASES, &[("c_fc", &[Up]), ("c_proj", &[Down])]],
    ..GPT2
};

/// Whether each layer has a window: `attention_types` lists kinds of layers and how often they repeat.
fn local_layers(keys: &Keys<'_>, n_layers: usize) -> Result<Vec<bool>> {
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
        for _ in 0..times.min(n_layers as u64 + 1) {
            for kind in kinds {
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
