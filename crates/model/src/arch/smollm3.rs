//! SmolLM3: Llama with some layers without positions.

use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::Family;
use super::llama::{BASE, GGUF_PAIRS};
use crate::config::{ModelConfig, RopeDefaults, head_is_tied, read_layer_types, read_rope};

pub(super) static SMOLLM3: FamilyDefinition = FamilyDefinition {
    family: Family { name: "SmolLM3", model_type: "smollm3", class: "SmolLM3ForCausalLM", ..BASE.family },
    default_sizes: &[("num_key_value_heads", 4)],
    read_config_json: |keys, c| {
        (BASE.read_config_json)(keys, c)?;
        c.head.tied = head_is_tied(keys, true)?;
        c.attention.ropes = vec![read_rope(keys, c, RopeDefaults { theta: 2e6, ..RopeDefaults::USUAL })?];
        let rotated = keys.ids_or_none("no_rope_layers")?; // despite its name, 1 for layers with positions
        if !rotated.is_empty() && rotated.len() != c.n_layers {
            return Err(keys.wrong("no_rope_layers", format!("{} entries", c.n_layers), rotated.len()));
        }
        let interval = keys.count_or("no_rope_layer_interval", 4)?;
        without_positions(c, |layer| match rotated.get(layer) {
            Some(rotated) => *rotated == 0,
            None => (layer + 1).is_multiple_of(interval),
        });
        let slides = keys.flag_or("use_sliding_window", false)?;
        let window = keys.count_or_none("sliding_window")?.filter(|_| slides);
        // Without a list, the layers without positions have the window.
        let sliding = read_layer_types(keys, c.n_layers)?;
        for (l, layer) in c.attention.layers.iter_mut().enumerate() {
            let slides = sliding.as_ref().map_or(layer.rope.is_none(), |sliding| sliding[l]);
            layer.window = window.filter(|_| slides);
        }
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "smollm3",
        read_metadata: |_, c| {
            without_positions(c, |layer| (layer + 1).is_multiple_of(4)); // GGUF has no key for it; llama.cpp uses 4
            Ok(())
        },
        write_metadata: |_| Vec::new(),
        tensor_names: &GGUF_PAIRS,
    }),
    write_config_json: Some(|c| {
        let rotated = c.attention.layers.iter().map(|layer| u8::from(layer.rope.is_some()));
        Ok(json!({
            "no_rope_layers": rotated.collect::<Vec<_>>(),
            "use_sliding_window": false,
            "attention_bias": c.bias.qkv,
            "mlp_bias": c.bias.mlp,
            "head_dim": null,
        }))
    }),
    ..BASE
};

/// Removes positions from the layers for which `has_none` is true, and gives them to the others.
fn without_positions(c: &mut ModelConfig, has_none: impl Fn(usize) -> bool) {
    for (l, layer) in c.attention.layers.iter_mut().enumerate() {
        layer.rope = (!has_none(l)).then_some(0);
    }
}
