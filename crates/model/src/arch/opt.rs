//! OPT: learned positions from the third row on, ReLU; the norms stand before the branches, in one model (350M) after.

use super::gpt2::{ALIASES, block, learned_positions, read};
use super::llama::{BASE, HF as LLAMA};
use super::{Architecture, Names, Role, one};
use crate::config::{Bias, Residual};
use crate::weight_id::WeightKind::{Down, K, O, Q, Up, V};

const NAMES: Names = Names {
    prefixes: &["model.decoder.", "decoder."],
    roles: &[&[
        (Role::Embedding, "{model}embed_tokens"),
        (Role::Positions, "{model}embed_positions"),
        (Role::AttentionNorm, "{model}layers.{}.self_attn_layer_norm"),
        (Role::MlpNorm, "{model}layers.{}.final_layer_norm"),
        (Role::AttentionPostNorm, "{model}layers.{}.self_attn_layer_norm"),
        (Role::MlpPostNorm, "{model}layers.{}.final_layer_norm"),
        (Role::FinalNorm, "{model}final_layer_norm"),
        (Role::Head, "lm_head"),
    ]],
    matrices: &[&[
        one("{model}layers.{}.self_attn.q_proj", &[Q]),
        one("{model}layers.{}.self_attn.k_proj", &[K]),
        one("{model}layers.{}.self_attn.v_proj", &[V]),
        one("{model}layers.{}.self_attn.out_proj", &[O]),
        one("{model}layers.{}.fc1", &[Up]),
        one("{model}layers.{}.fc2", &[Down]),
    ]],
    ..LLAMA
};

pub(super) static OPT: Architecture = Architecture {
    name: "OPT",
    model_type: "opt",
    class: "OPTForCausalLM",
    block: |c| {
        block(c);
        learned_positions(c, 2);
    },
    hf: |keys, c| {
        read(keys, c, "relu")?;
        if !keys.flag_or("do_layer_norm_before", true)? {
            c.residual = Residual::PostNorm;
            c.head.normed = false;
        }
        if keys.flag_or("_remove_final_layer_norm", false)? {
            c.head.normed = false;
        }
        if !keys.flag_or("enable_bias", true)? {
            c.bias = Bias::default();
        }
        keys.only("layer_norm_elementwise_affine", true)?;
        let width = keys.count_or("word_embed_proj_dim", c.d_model)?;
        if width == c.d_model {
            return Ok(());
        }
        let expected = format!("{}, as hidden_size: projected embeddings are not implemented", c.d_model);
        Err(keys.wrong("word_embed_proj_dim", expected, width))
    },
    names: &NAMES,
    gguf: None,
    to_hf: None,
    aliases: &[ALIASES, &[("fc1", &[Up]), ("fc2", &[Down])]],
    ..BASE
};
