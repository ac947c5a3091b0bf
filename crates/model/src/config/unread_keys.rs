//! Names the keys of `config.json` that would change the arithmetic of some model but are not applied, because the family
//! has no such setting.
//!
//! The reference ignores such keys too, so that they are no errors; but whoever wrote one into the file expects an effect.

use serde_json::Value;

use super::hf_keys::HfKeys;
use super::{Activation, ModelConfig};

/// Parts of names of keys that change the arithmetic: windows, positions, biases, norms, factors, caps, activations,
/// experts.
const PARTS: &[&str] = &[
    "window",
    "layer_types",
    "attention_types",
    "rope",
    "rotary",
    "alibi",
    "position_embedding_type",
    "bias",
    "norm",
    "multiplier",
    "scale",
    "scaling",
    "softcap",
    "clip",
    "temperature_tuning",
    "hidden_act",
    "activation",
    "parallel_attn",
    "parallel_residual",
    "multi_query",
    "decoder_architecture",
    "bidirectional",
    "is_decoder",
    "causal",
    "expert",
    "head_dim",
    "key_value_heads",
    "kv_heads",
    "head_kv",
    "softmax_scale",
    "dense_replace",
    "mlp_only_layers",
    "decoder_sparse_step",
    "tie_weights",
    "query_pre_attn",
];

/// Parts of names of keys that contain one of [`PARTS`], but change nothing in a forward pass: settings of training, of
/// other heads, of the implementation, and of values that follow from the rest of the file.
const HARMLESS: &[&str] = &[
    "dropout",
    "drop",
    "initializer",
    "init_",
    "_init",
    "aux",
    "jitter",
    "router_logits",
    "summary_",
    "fused",
    "fusion",
    "flash",
    "skip_bias",
    "offset_alibi",
    "_in_fp32",
    "upcast",
    "classifier",
    "cache",
    "problem_type",
    "norm_type_for",
    "max_window_layers",
    "quant",
    "implementation",
    "torch",
    "num_nextn",
    "image",
    "vision",
    "audio",
];

/// Keys whose effect is the usual one if the value is `true`.
const USUALLY_TRUE: &[&str] = &[
    "enable_bias",
    "scale_attn_weights",
    "do_layer_norm_before",
    "layer_norm_elementwise_affine",
    "rotary",
    "is_causal",
    "causal",
    "norm_topk_prob",
    "tie_weights_",
];

/// A sentence for each key that was not read although it would change the arithmetic of some model.
pub(crate) fn unread_keys_note(keys: &HfKeys<'_>, c: &ModelConfig) -> Vec<String> {
    let named =
        |key: &str| PARTS.iter().any(|part| key.contains(part)) && !HARMLESS.iter().any(|part| key.contains(part));
    let unread = keys.unread().into_iter().filter(|(key, value)| named(key) && !changes_nothing(key, value, c));
    let mut notes: Vec<String> = unread.map(|(key, value)| note(keys, key, value, c)).collect();
    for (key, value) in keys.entries().filter(|(key, _)| ["rope_scaling", "rope_parameters"].contains(key)) {
        let Ok(Some(inner)) = keys.object_or_none(key) else { continue };
        let unread = inner.unread();
        if !unread.is_empty() && unread.len() == inner.entries().count() {
            notes.push(note(keys, key, value, c)); // parameters in another form than the family's
        } else if let Some((key, value)) = unread.into_iter().find(|(key, _)| *key == "partial_rotary_factor") {
            notes.extend((value.as_f64() != Some(1.0)).then(|| note(&inner, key, value, c)));
        }
    }
    notes
}

fn note(keys: &HfKeys<'_>, key: &str, value: &Value, c: &ModelConfig) -> String {
    let mut shown: String = value.to_string();
    if shown.chars().count() > 60 {
        shown = shown.chars().take(59).chain(['…']).collect();
    }
    let (file, path, family) = (keys.file(), keys.path(key), c.family.name);
    format!("{file}: `{path}` {shown} is not applied: {family} models have no such setting")
}

/// Whether a key has the value that stands for no effect, or one that agrees with the configuration.
fn changes_nothing(key: &str, value: &Value, c: &ModelConfig) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => *value == USUALLY_TRUE.contains(&key),
        Value::Number(number) => {
            let is = |size: usize| number.as_u64() == Some(size as u64);
            let value = number.as_f64().unwrap_or(f64::NAN);
            match key {
                _ if key.contains("norm") && key.contains("eps") => value == c.norm_eps,
                "head_dim" => is(c.d_head),
                "experts_per_token" => c.mlp.experts.is_some_and(|experts| is(experts.per_token)),
                _ if key.contains("kv") || key.contains("key_value") => is(c.n_kv_heads),
                _ => value == 0.0 || (value == 1.0 && !key.contains("window")),
            }
        }
        Value::String(text) => {
            let activation = key.contains("act") && Activation::from_name(text) == Some(c.mlp.activation);
            activation || text.is_empty() || ["none", "default", "absolute", "rope", "rotary"].contains(&text.as_str())
        }
        Value::Array(list) => list.iter().all(|entry| entry == "full_attention"),
        Value::Object(map) => map.is_empty(),
    }
}
