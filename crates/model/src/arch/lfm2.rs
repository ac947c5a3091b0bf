//! LFM2: most layers have a gated short convolution in place of attention; the others have attention with norms of queries
//! and keys. The MLP is Llama's.

use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::{Alias, Family};
use super::llama::{BASE, GGUF, GGUF_ATTENTION, GGUF_MLP, GGUF_ROLES, HF};
use super::tensor_names::{StoredTensor, TensorNames, TensorRole, one};
use crate::config::{
    GgufKeys, HfKeys, Mixer, ModelConfig, QkNorm, RopeDefaults, ShortConvolution, count, head_is_tied, read_rope,
    shortest,
};
use crate::error::Result;
use crate::weight_id::WeightKind::{ConvIn, ConvOut, Down, Gate, K, O, Q, Qkv, Up, V};

const ROLES: &[(TensorRole, &str)] = &[
    (TensorRole::Embedding, "{model}embed_tokens"),
    (TensorRole::AttentionNorm, "{model}layers.{}.operator_norm"),
    (TensorRole::MlpNorm, "{model}layers.{}.ffn_norm"),
    (TensorRole::QueryNorm, "{model}layers.{}.self_attn.q_layernorm"),
    (TensorRole::KeyNorm, "{model}layers.{}.self_attn.k_layernorm"),
    (TensorRole::ConvolutionKernel, "{model}layers.{}.conv.conv"),
    (TensorRole::FinalNorm, "{model}embedding_norm"),
    (TensorRole::Head, "lm_head"),
];

const MATRICES: &[StoredTensor] = &[
    one("{model}layers.{}.self_attn.q_proj", &[Q]),
    one("{model}layers.{}.self_attn.k_proj", &[K]),
    one("{model}layers.{}.self_attn.v_proj", &[V]),
    one("{model}layers.{}.self_attn.out_proj", &[O]),
    one("{model}layers.{}.conv.in_proj", &[ConvIn]),
    one("{model}layers.{}.conv.out_proj", &[ConvOut]),
    one("{model}layers.{}.feed_forward.w1", &[Gate]),
    one("{model}layers.{}.feed_forward.w3", &[Up]),
    one("{model}layers.{}.feed_forward.w2", &[Down]),
];

const GGUF_CONVOLUTION: &[StoredTensor] =
    &[one("blk.{}.shortconv.in_proj", &[ConvIn]), one("blk.{}.shortconv.out_proj", &[ConvOut])];

/// The paper's names, of which `all` includes the matrices of convolutions, and the files' own. `out_proj` stays the paper's
/// name for the output of attention, although files call that of a convolution so too.
const ALIASES: &[Alias] = &[
    ("fc_in", &[Gate]),
    ("fc_up", &[Up]),
    ("fc_out", &[Down]),
    ("out_proj", &[O]),
    ("mlp", &[Gate, Up, Down]),
    ("attn", &[Q, K, V, O]),
    ("short_conv", &[ConvIn, ConvOut]),
    ("all", &[Q, K, V, O, ConvIn, ConvOut, Gate, Up, Down]),
    ("qkv_proj", &[Qkv]),
    ("w1", &[Gate]),
    ("w3", &[Up]),
    ("w2", &[Down]),
];

/// Value of `layer_types` for a layer with a convolution.
const CONVOLUTION: &str = "conv";
/// Value of `layer_types` for a layer with attention.
const ATTENTION: &str = "full_attention";

pub(super) static LFM2: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "LFM2",
        model_type: "lfm2",
        class: "Lfm2ForCausalLM",
        tensor_names: &TensorNames { roles: &[ROLES], matrices: &[MATRICES], ..HF },
        aliases: &[ALIASES],
    },
    default_sizes: &[("num_key_value_heads", 8), ("intermediate_size", 12288), ("max_position_embeddings", 128_000)],
    set_block: |c| c.attention.qk_norm = Some(QkNorm::Head),
    read_config_json: |keys, c| {
        c.norm_eps = keys.number_or("norm_eps", 1e-5)?;
        c.attention.ropes = vec![read_rope(keys, c, RopeDefaults { theta: 1e6, ..RopeDefaults::USUAL })?];
        let tied = head_is_tied(keys, true)?;
        c.head.tied = keys.flag_or("tie_embedding", tied)?; // the older key, which wins in the reference too
        c.d_mlp = read_mlp_width(keys, c.d_mlp)?;
        let convolution =
            ShortConvolution { width: keys.count_or("conv_L_cache", 3)?, biased: keys.flag_or("conv_bias", false)? };
        let attends = read_attention_layers(keys, c.n_layers)?;
        c.mixers = attends.into_iter().map(|attends| mixer(attends, convolution)).collect();
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "lfm2",
        read_metadata: read_gguf_mixers,
        write_metadata: |c| {
            c.convolution().map(|convolution| count("shortconv.l_cache", convolution.width)).into_iter().collect()
        },
        tensor_names: &TensorNames {
            roles: &[
                GGUF_ROLES,
                &[
                    (TensorRole::ConvolutionKernel, "blk.{}.shortconv.conv"),
                    // The final norm has the name that other families' norm of the embedding has.
                    (TensorRole::FinalNorm, "token_embd_norm"),
                ],
            ],
            matrices: &[GGUF_ATTENTION, GGUF_CONVOLUTION, GGUF_MLP],
            ..GGUF
        },
    }),
    write_config_json: Some(|c| {
        let kinds = (0..c.n_layers).map(|layer| match c.mixer(layer) {
            Mixer::Attention => ATTENTION,
            Mixer::Convolution(_) => CONVOLUTION,
        });
        let convolution = c.convolution();
        Ok(json!({
            "layer_types": kinds.collect::<Vec<_>>(),
            "conv_L_cache": convolution.map_or(3, |convolution| convolution.width),
            "conv_bias": convolution.is_some_and(|convolution| convolution.biased),
            "block_auto_adjust_ff_dim": false,
            "norm_eps": shortest(c.norm_eps),
            "rms_norm_eps": null,
            "hidden_act": null,
        }))
    }),
    ..BASE
};

/// The mixer of a layer.
fn mixer(attends: bool, convolution: ShortConvolution) -> Mixer {
    if attends { Mixer::Attention } else { Mixer::Convolution(convolution) }
}

/// Reads whether each layer has attention: from `layer_types`, or, in older files, from the list `full_attn_idxs` of such
/// layers. Without either, all have.
fn read_attention_layers(keys: &HfKeys<'_>, n_layers: usize) -> Result<Vec<bool>> {
    let listed = match keys.array_or_none("full_attn_idxs")? {
        Some(_) => Some(keys.ids_or_none("full_attn_idxs")?),
        None => None,
    };
    let Some(types) = keys.strings_or_none("layer_types")? else {
        let attends = |layer: usize| listed.as_ref().is_none_or(|ids| ids.iter().any(|id| *id as usize == layer));
        return Ok((0..n_layers).map(attends).collect());
    };
    if types.len() != n_layers {
        return Err(keys.wrong("layer_types", format!("{n_layers} entries"), types.len()));
    }
    let attends = |kind: &String| match kind.as_str() {
        ATTENTION => Ok(true),
        CONVOLUTION => Ok(false),
        other => Err(keys.wrong("layer_types", format!("{ATTENTION} or {CONVOLUTION}"), other)),
    };
    types.iter().map(attends).collect()
}

/// Reads the width of the MLP. Older files call it `block_ff_dim`, and by default it is not the width itself: two thirds of
/// it are, times a factor and rounded up to a multiple.
fn read_mlp_width(keys: &HfKeys<'_>, intermediate: usize) -> Result<usize> {
    let given = keys.count_or("block_ff_dim", intermediate)?;
    let factor = match keys.is_null("block_ffn_dim_multiplier") {
        true => None,
        false => Some(keys.number_or("block_ffn_dim_multiplier", 1.0)?),
    };
    let multiple = keys.count_or("block_multiple_of", 256)?;
    if !keys.flag_or("block_auto_adjust_ff_dim", true)? {
        return Ok(given);
    }
    let two_thirds = 2 * given / 3;
    let Some(factor) = factor else { return Ok(two_thirds) };
    let width = (factor * two_thirds as f64) as usize;
    let rounded = width.checked_next_multiple_of(multiple).filter(|width| *width > 0);
    rounded.ok_or_else(|| keys.wrong("block_ffn_dim_multiplier", "a factor that gives a width of the MLP", factor))
}

/// Reads from the tensors of a GGUF file which layers have a convolution.
fn read_gguf_mixers(keys: &GgufKeys<'_>, c: &mut ModelConfig) -> Result<()> {
    let has_kernel = |layer: usize| keys.has_tensor(&format!("blk.{layer}.shortconv.conv.weight"));
    let kernels: Vec<bool> = (0..c.n_layers).map(has_kernel).collect();
    if kernels.contains(&true) {
        let convolution = ShortConvolution { width: keys.count("shortconv.l_cache")?, biased: false };
        c.mixers = kernels.into_iter().map(|kernel| mixer(!kernel, convolution)).collect();
    }
    Ok(())
}
