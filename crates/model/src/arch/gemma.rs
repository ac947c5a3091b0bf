//! Gemma 1, 2 and 3: scaled embeddings, norms that store w − 1, a tanh-approximated GELU gate. Gemma 2 adds norms
//! before and after attention and MLP, soft caps, and a window in every second layer. Gemma 3 replaces the soft caps by
//! norms of queries and keys, and has two rotary bases.

use serde_json::{Value, json};

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::Family;
use super::llama::{BASE, GGUF, GGUF_POST, HF, POST_NORMS, ROLES};
use super::tensor_names::{TensorNames, TensorRole};
use crate::config::{
    Activation, HfKeys, ModelConfig, QkNorm, Residual, RopeDefaults, count, head_is_tied, layer_types, number,
    read_activation, read_layer_types, read_rope, read_rope_from, shortest,
};
use crate::error::Result;
use crate::rope::{Rope, RopeScaling};

const NAMES: TensorNames = TensorNames { norm_offset: 1.0, ..HF };

const SANDWICH_NAMES: TensorNames = TensorNames {
    roles: &[&[(TensorRole::MlpNorm, "{model}layers.{}.pre_feedforward_layernorm")], POST_NORMS, ROLES],
    norm_offset: 1.0,
    ..HF
};

pub(super) static GEMMA: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "Gemma",
        model_type: "gemma",
        class: "GemmaForCausalLM",
        tensor_names: &NAMES,
        ..BASE.family
    },
    default_sizes: &[("head_dim", 256)],
    set_block: |c| {
        c.embedding.scale = f64::from((c.d_model as f64).sqrt() as f32); // rounded to 32 bits, as in the reference
        // Configurations say `gelu` although the models use the approximation.
        c.mlp.activation = Activation::GeluTanh;
    },
    read_config_json: |keys, c| {
        let named = read_activation(keys, "hidden_act", "gelu_pytorch_tanh")?;
        if !matches!(named, Activation::Gelu | Activation::GeluTanh) {
            return Err(keys.wrong("hidden_act", "gelu or gelu_pytorch_tanh", format!("{named:?}")));
        }
        read_gemma_keys(keys, c)?;
        c.attention.ropes = vec![read_rope(keys, c, RopeDefaults::USUAL)?];
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "gemma",
        read_metadata: |_, _| Ok(()),
        write_metadata: |_| Vec::new(),
        tensor_names: &GGUF,
    }),
    write_config_json: Some(|c| Ok(gemma_keys(c))),
    ..BASE
};

pub(super) static GEMMA2: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "Gemma 2",
        model_type: "gemma2",
        class: "Gemma2ForCausalLM",
        tensor_names: &SANDWICH_NAMES,
        ..GEMMA.family
    },
    set_block: |c| {
        (GEMMA.set_block)(c);
        c.residual = Residual::Sandwich;
    },
    read_config_json: |keys, c| {
        c.mlp.activation = read_activation(keys, "hidden_activation", "gelu_pytorch_tanh")?;
        read_gemma_keys(keys, c)?;
        c.attention.ropes = vec![read_rope(keys, c, RopeDefaults::USUAL)?];
        // A key with the value null switches a cap off; a missing key means the default of transformers' class.
        c.attention.softcap = soft_cap(keys, "attn_logit_softcapping", 50.0)?;
        c.head.softcap = soft_cap(keys, "final_logit_softcapping", 30.0)?;
        c.attention.scale = keys.number_or("query_pre_attn_scalar", 256.0)?.powf(-0.5);
        let local = match read_layer_types(keys, c.n_layers)? {
            Some(local) => local,
            None => (0..c.n_layers).map(|layer| layer % 2 == 0).collect(),
        };
        set_windows(c, keys.count_or("sliding_window", 4096)?, &local, 0);
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "gemma2",
        read_metadata: |keys, c| {
            c.attention.softcap = Some(keys.number_or("attn_logit_softcapping", 50.0)?);
            c.head.softcap = Some(keys.number_or("final_logit_softcapping", 30.0)?);
            scale_of_27b(c, 46);
            let local: Vec<bool> = (0..c.n_layers).map(|layer| layer % 2 == 0).collect();
            set_windows(c, keys.count_or_none("attention.sliding_window")?.unwrap_or(4096), &local, 0);
            Ok(())
        },
        write_metadata: soft_caps,
        tensor_names: &GGUF_POST,
    }),
    write_config_json: Some(|c| Ok(windowed_keys(c))),
    ..GEMMA
};

pub(super) static GEMMA3: FamilyDefinition = FamilyDefinition {
    family: Family { name: "Gemma 3", model_type: "gemma3_text", class: "Gemma3ForCausalLM", ..GEMMA2.family },
    // Keys that `text_config` of the models with vision leaves out.
    default_sizes: &[
        ("vocab_size", 262_208),
        ("num_attention_heads", 8),
        ("num_key_value_heads", 4),
        ("head_dim", 256),
        ("max_position_embeddings", 131_072),
    ],
    set_block: |c| {
        (GEMMA2.set_block)(c);
        c.attention.qk_norm = Some(QkNorm::Head);
    },
    read_config_json: |keys, c| {
        c.mlp.activation = read_activation(keys, "hidden_activation", "gelu_pytorch_tanh")?;
        read_gemma_keys(keys, c)?;
        if keys.flag_or("use_bidirectional_attention", false)? {
            return Err(keys.wrong("use_bidirectional_attention", "false", "true"));
        }
        c.attention.softcap = keys.number_or_none("attn_logit_softcapping")?;
        c.head.softcap = keys.number_or_none("final_logit_softcapping")?;
        c.attention.scale = keys.number_or("query_pre_attn_scalar", 256.0)?.powf(-0.5);
        let pattern = keys.count_or("sliding_window_pattern", 6)?;
        let local = match read_layer_types(keys, c.n_layers)? {
            Some(local) => local,
            None => (0..c.n_layers).map(|layer| !(layer + 1).is_multiple_of(pattern)).collect(),
        };
        set_windows(c, keys.count_or("sliding_window", 4096)?, &local, 1);
        // Layers without a window have one base, layers with a window another; scaling applies to the former only.
        let (global, local_base) = (keys.number_or("rope_theta", 1e6)?, keys.number_or("rope_local_base_freq", 1e4)?);
        let both = keys.object_or_none("rope_parameters")?;
        let of = |kind: &str| both.as_ref().map_or(Ok(None), |both| both.object_or_none(kind));
        let (full, sliding) = (of("full_attention")?, of("sliding_attention")?);
        let full = match full {
            Some(full) => Some(full),
            None => keys.object_or_none("rope_scaling")?,
        };
        c.attention.ropes = [(full, global), (sliding, local_base)]
            .into_iter()
            .map(|(parameters, theta)| read_rope_from(keys, parameters, c, RopeDefaults { theta, partial: None }))
            .collect::<Result<_>>()?;
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "gemma3",
        read_metadata: |keys, c| {
            c.head.softcap = keys.number_or_none("final_logit_softcapping")?;
            scale_of_27b(c, 62);
            let pattern = keys.count_or_none("attention.sliding_window_pattern")?.unwrap_or(6).max(1);
            let local: Vec<bool> = (0..c.n_layers).map(|layer| !(layer + 1).is_multiple_of(pattern)).collect();
            set_windows(c, keys.count("attention.sliding_window")?, &local, 1);
            // The metadata of most files has no base for the layers with a window.
            let theta = keys.number_or("rope.freq_base_swa", 1e4)?;
            let local = Rope { theta, dim: c.attention.ropes[0].dim, scaling: RopeScaling::Default };
            c.attention.ropes.push(local);
            Ok(())
        },
        write_metadata: |c| {
            let mut keys = soft_caps(c);
            if let Some(local) = c.attention.ropes.get(1) {
                keys.push(number("rope.freq_base_swa", local.theta));
            }
            // The first layer without a window ends the first pattern.
            let global = c.attention.layers.iter().position(|layer| layer.window.is_none());
            keys.push(count("attention.sliding_window_pattern", global.map_or(c.n_layers + 1, |layer| layer + 1)));
            keys
        },
        tensor_names: &GGUF_POST,
    }),
    write_config_json: Some(|c| {
        let mut keys = windowed_keys(c);
        if let Some(local) = c.attention.ropes.get(1) {
            keys["rope_local_base_freq"] = shortest(local.theta).into();
        }
        Ok(keys)
    }),
    ..GEMMA2
};

/// The soft caps, in GGUF.
fn soft_caps(c: &ModelConfig) -> Vec<(String, laser_checkpoint::Value)> {
    let caps = [("attn_logit_softcapping", c.attention.softcap), ("final_logit_softcapping", c.head.softcap)];
    caps.into_iter().filter_map(|(key, cap)| Some(number(key, cap?))).collect()
}

/// The keys of `config.json` of all Gemmas.
fn gemma_keys(c: &ModelConfig) -> Value {
    json!({
        "hidden_act": "gelu_pytorch_tanh",
        "hidden_activation": "gelu_pytorch_tanh",
        "attention_bias": c.bias.qkv,
    })
}

/// The keys of `config.json` of the Gemmas with windows.
fn windowed_keys(c: &ModelConfig) -> Value {
    let mut keys = gemma_keys(c);
    keys["layer_types"] = layer_types(c);
    keys["sliding_window"] = c.attention.layers.iter().find_map(|layer| layer.window).into();
    keys["query_pre_attn_scalar"] = shortest(c.attention.scale.powi(-2)).into();
    // Null switches a cap off.
    keys["attn_logit_softcapping"] = c.attention.softcap.map(shortest).into();
    keys["final_logit_softcapping"] = c.head.softcap.map(shortest).into();
    keys
}

/// Reads the keys that all Gemmas share.
fn read_gemma_keys(keys: &HfKeys<'_>, c: &mut ModelConfig) -> Result<()> {
    let biased = keys.flag_or("attention_bias", false)?;
    (c.bias.qkv, c.bias.o) = (biased, biased);
    c.norm_eps = keys.number_or("rms_norm_eps", 1e-6)?;
    c.head.tied = head_is_tied(keys, true)?;
    Ok(())
}

/// Sets the window, in tokens, and the rotary positions (an index into `ropes`) of the local layers. The other layers
/// get no window and the first rotary positions.
fn set_windows(c: &mut ModelConfig, window: usize, local: &[bool], local_rope: usize) {
    for (layer, local) in c.attention.layers.iter_mut().zip(local) {
        layer.window = local.then_some(window);
        layer.rope = Some(if *local { local_rope } else { 0 });
    }
}

/// Reads a soft cap: `default` for a missing key, none for null.
fn soft_cap(keys: &HfKeys<'_>, key: &str, default: f64) -> Result<Option<f64>> {
    if keys.is_null(key) { Ok(None) } else { keys.number_or(key, default).map(Some) }
}

/// Corrects the scale of attention of the 27B models, for which GGUF has no key: they divide by `d_model / n_heads`
/// instead of the width of a head. Like llama.cpp, we recognise them by their number of layers.
fn scale_of_27b(c: &mut ModelConfig, n_layers: usize) {
    if c.n_layers == n_layers {
        c.attention.scale = (c.d_model as f64 / c.n_heads as f64).powf(-0.5);
    }
}
