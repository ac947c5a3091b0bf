//! GPT-J: both branches read one norm, heads are partly rotated, in pairs, and only the MLP and the head have biases.

use super::gpt2::{ALIASES, ROLES, block, read};
use super::llama::{BASE, GGUF_PAIRS, HF as LLAMA};
use super::{Architecture, Gguf, Names, one};
use crate::config::{Bias, Residual};
use crate::rope::{Rope, RopeScaling};
use crate::weight_id::WeightKind::{Down, K, O, Q, Up, V};

const NAMES: Names = Names {
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

pub(super) static GPTJ: Architecture = Architecture {
    name: "GPT-J",
    model_type: "gptj",
    class: "GPTJForCausalLM",
    mlp_ratio: Some(4),
    block: |c| {
        block(c);
        c.residual = Residual::Parallel { one_norm: true };
        c.bias = Bias { mlp: true, ..Bias::default() };
        (c.head.tied, c.head.bias) = (false, true);
    },
    hf: |keys, c| {
        read(keys, c, "gelu_new")?;
        // Where the key is null, the reference takes frequencies from the width of the model.
        if keys.is_null("rotary_dim") {
            return Err(keys.wrong("rotary_dim", "a number of dimensions", "null"));
        }
        let dim = keys.count_or("rotary_dim", 64)?;
        c.attention.ropes = vec![Rope { theta: 10_000.0, dim, scaling: RopeScaling::Default }];
        Ok(())
    },
    names: &NAMES,
    // gguf-py names the tensors; no converter writes such files yet. llama.cpp would turn the rows as they are, in pairs.
    gguf: Some(Gguf { name: "gptj", read: |_, _| Ok(()), names: &GGUF_PAIRS }),
    to_hf: None,
    aliases: &[ALIASES],
    ..BASE
};
