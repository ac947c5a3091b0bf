//! Granite: Llama with four factors: on embeddings, attention scores, branches and logits.

use super::llama::{BASE, GGUF_PAIRS};
use super::{Architecture, Gguf};
use crate::config::ModelConfig;

pub(super) static GRANITE: Architecture = Architecture {
    name: "Granite",
    model_type: "granite",
    class: "GraniteForCausalLM",
    hf: |keys, c| {
        (BASE.hf)(keys, c)?;
        let factor = |key| keys.number_or(key, 1.0);
        factors(
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
    gguf: Some(Gguf {
        name: "granite",
        read: |keys, c| {
            let attention = keys.number_or("attention.scale", c.attention.scale)?;
            let factor = |key| keys.number_or(key, 1.0);
            factors(c, [factor("embedding_scale")?, attention, factor("residual_scale")?, factor("logit_scale")?]);
            Ok(())
        },
        names: &GGUF_PAIRS,
    }),
    to_hf: None,
    ..BASE
};

/// The last is what logits are divided by.
fn factors(c: &mut ModelConfig, [embedding, attention, residual, logits]: [f64; 4]) {
    c.embedding.scale = embedding;
    c.attention.scale = attention;
    c.residual_scale = residual;
    c.head.scale = 1.0 / logits;
}
