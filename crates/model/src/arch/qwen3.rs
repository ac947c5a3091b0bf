//! Qwen3: Llama with RMS norms of each head's queries and keys, and heads of a width of their own.

use serde_json::json;

use super::llama::{BASE, GGUF, read};
use super::{Architecture, Gguf};
use crate::config::{Bias, QkNorm};

pub(super) static QWEN3: Architecture = Architecture {
    name: "Qwen3",
    model_type: "qwen3",
    class: "Qwen3ForCausalLM",
    defaults: &[("head_dim", 128)],
    block: |c| c.attention.qk_norm = Some(QkNorm::Head),
    hf: |keys, c| {
        let biased = keys.flag_or("attention_bias", false)?;
        (c.bias.qkv, c.bias.o) = (biased, biased);
        read(keys, c, true)
    },
    gguf: Some(Gguf { name: "qwen3", read: |_, _| Ok(()), names: &GGUF }),
    to_hf: Some(|c| match c.bias == Bias::default() {
        true => Ok(json!({"attention_bias": false, "use_sliding_window": false})),
        false => Err("none".into()),
    }),
    ..BASE
};
