//! The `config.json` of a model that came from GGUF: the inverse of reading one.

use laser_checkpoint::Dtype;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use laser_model::config::ModelConfig;
use laser_model::rope::{Rope, RopeScaling};

/// Tokens that a configuration names.
#[derive(Debug, Default)]
pub(super) struct SpecialTokens {
    pub(super) bos: Option<u32>,
    pub(super) eos: Vec<u32>,
}

impl SpecialTokens {
    /// One id plainly, several as a list, none as null.
    pub(super) fn eos_json(&self) -> Value {
        match self.eos[..] {
            [] => Value::Null,
            [one] => one.into(),
            _ => self.eos.clone().into(),
        }
    }
}

/// The document for weights stored as `dtype`. `file` names the source in errors.
///
/// # Errors
/// What Hugging Face's classes of the family have no key for: some biases, some rotary scalings.
pub(super) fn hf_config(file: &str, c: &ModelConfig, special: &SpecialTokens, dtype: Dtype) -> Result<Value> {
    let wrong = |key: &str, expected: String, found: String| Error::Config {
        file: file.into(),
        key: key.into(),
        expected,
        found,
    };
    let architecture = c.architecture;
    let Some(to_hf) = architecture.to_hf else {
        let expected = "a family whose Hugging Face configuration can be written".into();
        let found = format!("{}; write a .gguf file instead", architecture.name);
        return Err(wrong("general.architecture", expected, found));
    };
    let own = to_hf(c).map_err(|expected| wrong("biases", expected, format!("{:?}", c.bias)))?;
    let [rope] = c.attention.ropes.as_slice() else {
        return Err(wrong("rope", "one kind of rotary positions".into(), c.attention.ropes.len().to_string()));
    };
    let scaling = rope_scaling(rope)
        .ok_or_else(|| wrong("rope_freqs.weight", "divisors of Llama 3's formula".into(), "others".into()))?;
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
        "rope_theta": shortest(rope.theta),
        "rope_scaling": scaling,
        "tie_word_embeddings": c.head.tied,
        "bos_token_id": special.bos,
        "eos_token_id": special.eos_json(),
        "torch_dtype": match dtype {
            Dtype::F16 => "float16",
            Dtype::BF16 => "bfloat16",
            _ => "float32",
        },
    });
    if let (Some(config), Value::Object(own)) = (config.as_object_mut(), own) {
        config.extend(own);
    }
    Ok(config)
}

/// The value of `rope_scaling`; `None` where no kind of it gives these frequencies.
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
        // Only read from a `config.json`, never from GGUF.
        RopeScaling::Dynamic { .. } | RopeScaling::LongRope { .. } | RopeScaling::Llama3 { .. } => None,
    }
}

/// Llama 3.1's and all its successors' `low_freq_factor` and `high_freq_factor`.
const LOW: f64 = 1.0;
const HIGH: f64 = 4.0;

/// Factor and trained context with which Llama 3's formula gives these divisors: the factor is that of the lowest
/// frequency, the context a power of two.
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

/// A number that GGUF stores in 32 bits, as it was before: `1e-5`, not `0.0000099999997`.
fn shortest(value: f64) -> f64 {
    let single = value as f32;
    match single.to_string().parse() {
        Ok(decimal) if f64::from(single) == value => decimal,
        _ => value,
    }
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
    fn llama3_is_recognised_by_its_divisors() {
        for (factor, context) in [(8.0, 8192), (32.0, 8192), (4.0, 64)] {
            let divisors = divisors(factor, context);
            assert_eq!(llama3(&rope(RopeScaling::Default), &divisors), Some((factor, context)));
        }
        let mut other = divisors(8.0, 8192);
        other[20] *= 1.001;
        assert_eq!(rope_scaling(&rope(RopeScaling::Divisors(other))), None);
    }

    #[test]
    fn numbers_lose_the_digits_of_their_32_bits() {
        assert_eq!(shortest(f64::from(1e-5f32)), 1e-5);
        assert_eq!(shortest(500_000.0), 500_000.0);
        assert_eq!(shortest(0.1), 0.1);
    }
}
