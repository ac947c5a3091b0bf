//! OPT: learned positions from the third row of their table on, ReLU; norms before attention and MLP, in one model
//! (350M) after them.

use super::definition::FamilyDefinition;
use super::family::Family;
use super::gpt2::{ALIASES, learned_positions, read_common_keys, set_common_block};
use super::llama::{BASE, HF as LLAMA};
use super::tensor_names::{TensorNames, TensorRole, one};
use crate::config::{Bias, Residual};
use crate::weight_id::WeightKind::{Down, K, O, Q, Up, V};

const NAMES: TensorNames = TensorNames {
    prefixes: &["model.decoder.", "decoder."],
    roles: &[&[
        (TensorRole::Embedding, "{model}embed_tokens"),
        (TensorRole::Positions, "{model}embed_positions"),
        (TensorRole::AttentionNorm, "{model}layers.{}.self_attn_layer_norm"),
        (TensorRole::MlpNorm, "{model}layers.{}.final_layer_norm"),
        (TensorRole::AttentionPostNorm, "{model}layers.{}.self_attn_layer_norm"),
        (TensorRole::MlpPostNorm, "{model}layers.{}.final_layer_norm"),
        (TensorRole::FinalNorm, "{model}final_layer_norm"),
        (TensorRole::Head, "lm_head"),
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

pub(super) static OPT: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "OPT",
        model_type: "opt",
        class: "OPTForCausalLM",
        tensor_names: &NAMES,
        aliases: &[ALIASES, &[("fc1", &[Up]), ("fc2", &[Down])]],
    },
    equal_heads: true,
    set_block: |c| {
        set_common_block(c);
        learned_positions(c, 2);
    },
    read_config_json: |keys, c| {
        read_common_keys(keys, c, "activation_function", "relu")?;
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
    gguf: None,
    write_config_json: None,
    ..BASE
};
