//! SmolLM3: Llama with layers whose queries know no positions.

use super::llama::{BASE, GGUF_PAIRS};
use super::{Architecture, Gguf};
use crate::config::ModelConfig;

pub(super) static SMOLLM3: Architecture = Architecture {
    name: "SmolLM3",
    model_type: "smollm3",
    class: "SmolLM3ForCausalLM",
    defaults: &[("num_key_value_heads", 4)],
    hf: |keys, c| {
        (BASE.hf)(keys, c)?;
        c.head.tied = keys.flag_or("tie_word_embeddings", true)?;
        if !keys.has("rope_theta") && !keys.has("rope_parameters") {
            c.attention.ropes[0].theta = 2e6;
        }
        let turned = keys.ids_or_none("no_rope_layers")?; // 1: the layer has positions
        if !turned.is_empty() && turned.len() != c.n_layers {
            return Err(keys.wrong("no_rope_layers", format!("{} entries", c.n_layers), turned.len()));
        }
        let interval = keys.count_or("no_rope_layer_interval", 4)?;
        without_positions(c, |layer| match turned.get(layer) {
            Some(turned) => *turned == 0,
            None => (layer + 1).is_multiple_of(interval),
        });
        // Windows belong to the layers without positions.
        if keys.flag_or("use_sliding_window", false)? && !keys.has("layer_types") {
            let window = keys.count_or_none("sliding_window")?;
            c.attention.layers.iter_mut().for_each(|l| l.window = window.filter(|_| l.rope.is_none()));
        } else if !keys.flag_or("use_sliding_window", false)? {
            c.attention.layers.iter_mut().for_each(|l| l.window = None);
        }
        Ok(())
    },
    gguf: Some(Gguf {
        name: "smollm3",
        read: |_, c| {
            without_positions(c, |layer| (layer + 1).is_multiple_of(4)); // llama.cpp takes no other interval
            Ok(())
        },
        names: &GGUF_PAIRS,
    }),
    to_hf: None,
    ..BASE
};

fn without_positions(c: &mut ModelConfig, of: impl Fn(usize) -> bool) {
    for (l, layer) in c.attention.layers.iter_mut().enumerate() {
        layer.rope = (!of(l)).then_some(0);
    }
}
