//! Writes `config.json` for a model from a GGUF file: the inverse of reading a `config.json`.

use laser_checkpoint::Dtype;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use laser_model::config::{ModelConfig, shortest};
use laser_model::rope::{Rope, RopeScaling};

/// Special tokens that `config.json` and `generation_config.json` name, by their ids.
#[derive(Debug, Default)]
pub(super) struct SpecialTokens {
    pub(super) bos: Option<u32>,
    pub(super) eos: Vec<u32>,
}

impl SpecialTokens {
    /// The end-of-text tokens as JSON: null if there is none, one id, or a list of ids.
    pub(super) fn eos_json(&self) -> Value {
        match self.eos[..] {
            [] => Value::Null,
            [one] => one.into(),
            _ => self.eos.clone().into(),
        }
    }
}

/// The content of `config.json` for weights stored as `dtype`. `file` names the source in errors.
///
/// # Errors
/// A family whose configuration cannot be written, or biases or rotary scalings that Hugging Face's class of the family
/// has no keys for.
pub(super) fn hf_config(file: &str, c: &ModelConfig, special: &SpecialTokens, dtype: Dtype) -> Result<Value> {
    let wrong = |key: &str, expected: String, found: String| Error::Config {
        file: file.into(),
        key: key.into(),
        expected,
        found,
    };
    let architecture = c.family;
    let Some(to_hf) = laser_model::arch::config_json_writer(architecture) else {
        let expected = "a family whose Hugging Face configuration can be written".into();
        let found = format!("{}; write a .gguf file instead", architecture.name);
        return Err(wrong("general.architecture", expected, found));
    };
    let family_keys = to_hf(c).map_err(|expected| wrong("biases", expected, format!("{:?}", c.bias)))?;
    let mut config = json!({
        "architectures": [architecture.class],
        "model_type": architecture.model_type,
        "vocab_size": c.vocab_size,
        "hidden_size": c.d_model,
        "intermediate_size": c.d_mlp,
        "num_hidden_layers": c.n_layers,
        "num_attention_heads": c.n_heads,
        "num_key_value_heads": c.n_kv_heads,
        "head_dim": c.d_head,
        "hidden_act": "silu",
        "max_position_embeddings": c.max_positions,
        "rms_norm_eps": shortest(c.norm_eps),
        "tie_word_embeddings": c.head.tied,
        "bos_token_id": special.bos,
        "eos_token_id": special.eos_json(),
        "torch_dtype": match dtype {
            Dtype::F16 => "float16",
            Dtype::BF16 => "bfloat16",
            _ => "float32",
        },
    });
    // Layers with windows may have positions of another base, for which the families have keys of their own.
    if let Some(rope) = c.attention.ropes.first() {
        config["rope_theta"] = shortest(rope.theta).into();
        config["rope_scaling"] = rope_scaling(rope)
            .ok_or_else(|| wrong("rope_freqs.weight", "divisors of Llama 3's formula".into(), "others".into()))?;
    }
    if let (Some(config), Value::Object(family_keys)) = (config.as_object_mut(), family_keys) {
        for (key, value) in family_keys {
            match (config.get_mut(&key), value) {
                // The keys of an object are added to those that the object has.
                (Some(Value::Object(common)), Value::Object(own)) => common.extend(own),
                (Some(_), Value::Null) => _ = config.remove(&key),
                (_, value) => _ = config.insert(key, value),
            }
        }
    }
    Ok(config)
}

/// The value of the key `rope_scaling`; `None` if no kind of scaling gives these frequencies.
fn rope_scaling(rope: &Rope) -> Option<Value> {
    match &rope.scaling {
        RopeScaling::Default => Some(Value::Null),
        RopeScaling::Linear { factor } => Some(json!({"rope_type": "linear", "factor": shortest(*factor)})),
        RopeScaling::Yarn { factor, original_context, beta_fast, beta_slow, attention_factor, truncate } => {
            Some(json!({
                "rope_type": "yarn",
                "factor": shortest(*factor),
                "original_max_position_embeddings": original_context,
                "beta_fast": beta_fast,
                "beta_slow": beta_slow,
                "attention_factor": attention_factor,
                "truncate": truncate,
            }))
        }
        RopeScaling::Divisors(divisors) => {
            let (factor, original_context) = llama3(rope, divisors)?;
            Some(json!({
                "rope_type": "llama3",
                "factor": factor,
                "low_freq_factor": LOW,
                "high_freq_factor": HIGH,
                "original_max_position_embeddings": original_context,
            }))
        }
        // The context before, and the attention factor that follows from it, are keys of the family that has this kind.
        RopeScaling::LongRope { short, long, .. } => {
            let numbers = |list: &[f64]| list.iter().copied().map(shortest).collect::<Vec<_>>();
            Some(json!({"type": "longrope", "short_factor": numbers(short), "long_factor": numbers(long)}))
        }
        // Only read from a `config.json`, never from GGUF.
        RopeScaling::Dynamic { .. } | RopeScaling::Llama3 { .. } => None,
    }
}

/// `low_freq_factor` of Llama 3.1 and later models.
const LOW: f64 = 1.0;
/// `high_freq_factor` of Llama 3.1 and later models.
const HIGH: f64 = 4.0;

/// The parameters with which Llama 3's formula gives these divisors of the rotary frequencies: `factor`, the largest
/// divisor, and `original_max_position_embeddings`, found by trying powers of two. GGUF stores only the divisors.
fn llama3(rope: &Rope, divisors: &[f64]) -> Option<(f64, usize)> {
    let factor = divisors.iter().copied().fold(0.0, f64::max);
    let plain = Rope { scaling: RopeScaling::Default, ..rope.clone() }.inverse_frequencies(1).0;
    (6..24).map(|exponent| 1usize << exponent).find_map(|original_context| {
        let scaling = RopeScaling::Llama3 { factor, low_freq_factor: LOW, high_freq_factor: HIGH, original_context };
        let (scaled, _) = Rope { scaling, ..rope.clone() }.inverse_frequencies(1);
        let fits = |((plain, scaled), divisor): ((&f64, &f64), &f64)| (plain / scaled / divisor - 1.0).abs() < 1e-5;
        plain.iter().zip(&scaled).zip(divisors).all(fits).then_some((factor, original_context))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rope(scaling: RopeScaling) -> Rope {
        Rope { theta: 500_000.0, dim: 64, scaling }
    }

    fn divisors(factor: f64, original_context: usize) -> Vec<f64> {
        let scaling = RopeScaling::Llama3 { factor, low_freq_factor: LOW, high_freq_factor: HIGH, original_context };
        let (scaled, _) = rope(scaling).inverse_frequencies(1);
        let (plain, _) = rope(RopeScaling::Default).inverse_frequencies(1);
        plain.iter().zip(scaled).map(|(p, s)| f64::from((p / s) as f32)).collect()
    }

    #[test]
    fn llama3_parameters_are_found_from_the_divisors() {
        for (factor, context) in [(8.0, 8192), (32.0, 8192), (4.0, 64)] {
            let divisors = divisors(factor, context);
            assert_eq!(llama3(&rope(RopeScaling::Default), &divisors), Some((factor, context)));
        }
        let mut other = divisors(8.0, 8192);
        other[20] *= 1.001;
        assert_eq!(rope_scaling(&rope(RopeScaling::Divisors(other))), None);
    }
}
