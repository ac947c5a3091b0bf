//! Granite: Llama with four factors: on embeddings, attention scores, outputs of attention and MLP, and logits.

use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::Family;
use super::llama::{BASE, GGUF_PAIRS};
use crate::config::{ModelConfig, number, shortest};

pub(super) static GRANITE: FamilyDefinition = FamilyDefinition {
    family: Family { name: "Granite", model_type: "granite", class: "GraniteForCausalLM", ..BASE.family },
    read_config_json: |keys, c| {
        (BASE.read_config_json)(keys, c)?;
        let factor = |key| keys.number_or(key, 1.0);
        set_factors(
            c,
            [
                factor("embedding_multiplier")?,
                factor("attention_multiplier")?,
                factor("residual_multiplier")?,
                factor("logits_scaling")?,
            ],
        );
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "granite",
        read_metadata: |keys, c| {
            let attention = keys.number_or("attention.scale", c.attention.scale)?;
            let factor = |key| keys.number_or(key, 1.0);
            set_factors(c, [factor("embedding_scale")?, attention, factor("residual_scale")?, factor("logit_scale")?]);
            Ok(())
        },
        write_metadata: |c| {
            vec![
                number("attention.scale", c.attention.scale),
                number("embedding_scale", c.embedding.scale),
                number("residual_scale", c.residual_scale),
                number("logit_scale", 1.0 / c.head.scale),
            ]
        },
        tensor_names: &GGUF_PAIRS,
    }),
    write_config_json: Some(|c| {
        Ok(json!({
            "attention_multiplier": shortest(c.attention.scale),
            "embedding_multiplier": shortest(c.embedding.scale),
            "residual_multiplier": shortest(c.residual_scale),
            "logits_scaling": shortest(1.0 / c.head.scale),
            "attention_bias": c.bias.qkv,
            "mlp_bias": c.bias.mlp,
        }))
    }),
    ..BASE
};

/// Sets the four factors; the last one is a divisor of the logits.
fn set_factors(c: &mut ModelConfig, [embedding, attention, residual, logits]: [f64; 4]) {
    c.embedding.scale = embedding;
    c.attention.scale = attention;
    c.residual_scale = residual;
    c.head.scale = 1.0 / logits;
}
