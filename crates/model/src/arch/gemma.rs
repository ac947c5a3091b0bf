//! Gemma 1, 2 and 3: scaled embeddings, norms that store w − 1, a tanh-approximated GELU gate. Gemma 2 has norms on both
//! sides of each branch, soft-caps and a window in every other layer; Gemma 3 norms of queries and keys instead of the
//! soft-caps, and two rotary bases.

use super::llama::{BASE, GGUF, GGUF_POST_NORMS, GGUF_ROLES, HF, POST_NORMS, ROLES};
use super::{Architecture, Gguf, Names, Role};
use crate::config::{Activation, Keys, ModelConfig, QkNorm, Residual, activation, layer_types, rope, rope_of};
use crate::error::Result;
use crate::rope::{Rope, RopeScaling};

const NAMES: Names = Names { norm_offset: 1.0, ..HF };

/// What stands in front of the text model's names, alone or beside a vision model (two layouts of the wrapper).
const PREFIXES: &[&str] = &["model.", "language_model.model.", "model.language_model."];

const SANDWICH_NAMES: Names = Names {
    prefixes: PREFIXES,
    roles: &[&[(Role::MlpNorm, "{model}layers.{}.pre_feedforward_layernorm")], POST_NORMS, ROLES],
    norm_offset: 1.0,
    ignored: &["vision_tower.", "multi_modal_projector."],
    ..HF
};

const SANDWICH_GGUF: Names = Names { roles: &[GGUF_POST_NORMS, GGUF_ROLES], ..GGUF };

pub(super) static GEMMA: Architecture = Architecture {
    name: "Gemma",
    model_type: "gemma",
    class: "GemmaForCausalLM",
    defaults: &[("head_dim", 256)],
    block: |c| {
        c.embedding.scale = f64::from((c.d_model as f64).sqrt() as f32); // the reference holds it in 32 bits
        // Its configurations say `gelu` and mean the approximation.
        c.mlp.activation = Activation::GeluTanh;
    },
    hf: |keys, c| {
        let named = activation(keys, "gelu_pytorch_tanh")?;
        if !matches!(named, Activation::Gelu | Activation::GeluTanh) {
            return Err(keys.wrong("hidden_act", "gelu or gelu_pytorch_tanh", format!("{named:?}")));
        }
        common(keys, c)?;
        c.attention.ropes = vec![rope(keys, c, 1.0)?];
        Ok(())
    },
    names: &NAMES,
    gguf: Some(Gguf { name: "gemma", read: |_, _| Ok(()), names: &GGUF }),
    to_hf: None,
    ..BASE
};

pub(super) static GEMMA2: Architecture = Architecture {
    name: "Gemma 2",
    model_type: "gemma2",
    class: "Gemma2ForCausalLM",
    block: |c| {
        (GEMMA.block)(c);
        c.residual = Residual::Sandwich;
    },
    hf: |keys, c| {
        c.mlp.activation = activation(keys, "gelu_pytorch_tanh")?;
        common(keys, c)?;
        c.attention.ropes = vec![rope(keys, c, 1.0)?];
        // A key that is null switches a cap off; one that is not there has the class's default.
        c.attention.softcap = cap(keys, "attn_logit_softcapping", 50.0)?;
        c.head.softcap = cap(keys, "final_logit_softcapping", 30.0)?;
        c.attention.scale = keys.number_or("query_pre_attn_scalar", 256.0)?.powf(-0.5);
        let local = match layer_types(keys, c.n_layers)? {
            Some(local) => local,
            None => (0..c.n_layers).map(|layer| layer % 2 == 0).collect(),
        };
        windows(c, keys.count_or("sliding_window", 4096)?, &local, 0);
        Ok(())
    },
    names: &SANDWICH_NAMES,
    gguf: Some(Gguf {
        name: "gemma2",
        read: |keys, c| {
            c.attention.softcap = Some(keys.number_or("attn_logit_softcapping", 50.0)?);
            c.head.softcap = Some(keys.number_or("final_logit_softcapping", 30.0)?);
            scale_of_27b(c, 46);
            let local: Vec<bool> = (0..c.n_layers).map(|layer| layer % 2 == 0).collect();
            windows(c, keys.count_or_none("attention.sliding_window")?.unwrap_or(4096), &local, 0);
            Ok(())
        },
        names: &SANDWICH_GGUF,
    }),
    ..GEMMA
};

pub(super) static GEMMA3: Architecture = Architecture {
    name: "Gemma 3",
    model_type: "gemma3_text",
    class: "Gemma3ForCausalLM",
    // What the text part of the models that see images leaves out.
    defaults: &[
        ("vocab_size", 262_208),
        ("num_attention_heads", 8),
        ("num_key_value_heads", 4),
        ("head_dim", 256),
        ("max_position_embeddings", 131_072),
    ],
    block: |c| {
        (GEMMA2.block)(c);
        c.attention.qk_norm = Some(QkNorm::Head);
    },
    hf: |keys, c| {
        c.mlp.activation = activation(keys, "gelu_pytorch_tanh")?;
        common(keys, c)?;
        if keys.flag_or("use_bidirectional_attention", false)? {
            return Err(keys.wrong("use_bidirectional_attention", "false", "true"));
        }
        c.attention.softcap = keys.number_or_none("attn_logit_softcapping")?;
        c.head.softcap = keys.number_or_none("final_logit_softcapping")?;
        c.attention.scale = keys.number_or("query_pre_attn_scalar", 256.0)?.powf(-0.5);
        let pattern = keys.count_or("sliding_window_pattern", 6)?;
        let local = match layer_types(keys, c.n_layers)? {
            Some(local) => local,
            None => (0..c.n_layers).map(|layer| !(layer + 1).is_multiple_of(pattern)).collect(),
        };
        windows(c, keys.count_or("sliding_window", 4096)?, &local, 1);
        // One base for layers that see everything, another for those with a window; scaling is for the former.
        let (global, local_base) = (keys.number_or("rope_theta", 1e6)?, keys.number_or("rope_local_base_freq", 1e4)?);
        let both = keys.object_or_none("rope_parameters")?;
        let of = |kind: &str| both.as_ref().map_or(Ok(None), |both| both.object_or_none(kind));
        let (full, sliding) = (of("full_attention")?, of("sliding_attention")?);
        let full = match full {
            Some(full) => Some(full),
            None => keys.object_or_none("rope_scaling")?,
        };
        c.attention.ropes = vec![rope_of(keys, full, c, global, 1.0)?, rope_of(keys, sliding, c, local_base, 1.0)?];
        Ok(())
    },
    gguf: Some(Gguf {
        name: "gemma3",
        read: |keys, c| {
            c.head.softcap = keys.number_or_none("final_logit_softcapping")?;
            scale_of_27b(c, 62);
            let pattern = keys.count_or_none("attention.sliding_window_pattern")?.unwrap_or(6).max(1);
            let local: Vec<bool> = (0..c.n_layers).map(|layer| !(layer + 1).is_multiple_of(pattern)).collect();
            windows(c, keys.count("attention.sliding_window")?, &local, 1);
            // The metadata of most files has no base for the layers with a window.
            let theta = keys.number_or("rope.freq_base_swa", 1e4)?;
            let local = Rope { theta, dim: c.attention.ropes[0].dim, scaling: RopeScaling::Default };
            c.attention.ropes.push(local);
            Ok(())
        },
        names: &SANDWICH_GGUF,
    }),
    ..GEMMA2
};

fn common(keys: &Keys<'_>, c: &mut ModelConfig) -> Result<()> {
    let biased = keys.flag_or("attention_bias", false)?;
    (c.bias.qkv, c.bias.o) = (biased, biased);
    c.norm_eps = keys.number_or("rms_norm_eps", 1e-6)?;
    c.head.tied = keys.flag_or("tie_word_embeddings", true)?;
    Ok(())
}

/// Windows of the layers that have one, and which rotary base these take; all others take the first.
fn windows(c: &mut ModelConfig, window: usize, local: &[bool], local_rope: usize) {
    for (layer, local) in c.attention.layers.iter_mut().zip(local) {
        layer.window = local.then_some(window);
        layer.rope = Some(if *local { local_rope } else { 0 });
    }
}

/// A cap that is `default` unless the configuration names it, perhaps as null.
fn cap(keys: &Keys<'_>, key: &str, default: f64) -> Result<Option<f64>> {
    if keys.is_null(key) { Ok(None) } else { keys.number_or(key, default).map(Some) }
}

/// GGUF has no key for the scale of attention; the models of 27 B, told by their layers, divide by another width.
fn scale_of_27b(c: &mut ModelConfig, n_layers: usize) {
    if c.n_layers == n_layers {
        c.attention.scale = (c.d_model as f64 / c.n_heads as f64).powf(-0.5);
    }
}
