//! EXAONE 4: Llama with norms of the outputs of attention and MLP instead of their inputs, and norms of each head's
//! queries and keys. In models with windows, only the layers with a window have positions.

use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::Family;
use super::llama::{BASE, GGUF_POST, read_common_keys};
use super::olmo2::OLMO2;
use crate::config::{
    Bias, HfKeys, ModelConfig, QkNorm, Residual, layer_types, read_layer_windows, read_window_pattern, window_pattern,
};
use crate::error::Result;

/// Number of layers from one without a window to the next.
const PERIOD: usize = 4;

pub(super) static EXAONE4: FamilyDefinition = FamilyDefinition {
    family: Family { name: "EXAONE 4", model_type: "exaone4", class: "Exaone4ForCausalLM", ..OLMO2.family },
    default_sizes: &[("num_key_value_heads", 32)],
    set_block: |c| {
        c.residual = Residual::BranchNorm;
        c.attention.qk_norm = Some(QkNorm::Head);
    },
    read_config_json: |keys, c| {
        read_common_keys(keys, c)?;
        c.norm_eps = keys.number_or("rms_norm_eps", 1e-5)?;
        read_windows(keys, c)
    },
    gguf: Some(GgufFormat {
        name: "exaone4",
        read_metadata: |keys, c| {
            if c.attention.layers[0].window.is_some() {
                read_window_pattern(keys, c, PERIOD)?;
                c.rotate_only_windows();
            }
            Ok(())
        },
        write_metadata: |c| has_windows(c).then(|| window_pattern(c)).into_iter().collect(),
        tensor_names: &GGUF_POST,
    }),
    write_config_json: Some(|c| {
        if c.bias != Bias::default() {
            return Err("none".into());
        }
        let window = c.attention.layers.iter().find_map(|layer| layer.window);
        Ok(json!({"sliding_window": window, "layer_types": layer_types(c)}))
    }),
    ..BASE
};

/// Reads windows, and with them which layers have positions. Without `layer_types`, `sliding_window_pattern` is the
/// distance of layers without a window, or a text of `L` for a layer with a window and `G` for one without.
fn read_windows(keys: &HfKeys<'_>, c: &mut ModelConfig) -> Result<()> {
    if keys.is_null("sliding_window") {
        return Ok(());
    }
    const KEY: &str = "sliding_window_pattern";
    let text = keys.text_or_none(KEY);
    if let Some(text) = text.as_deref().filter(|text| text.is_empty() || text.chars().any(|c| !"LG".contains(c))) {
        return Err(keys.wrong(KEY, "a number of layers, or a text of L and G", text));
    }
    let period = if text.is_some() { PERIOD } else { keys.count_or(KEY, PERIOD)? };
    read_layer_windows(keys, c, Some(4096), |layer| match &text {
        Some(text) => text.as_bytes()[layer % text.len()] == b'L',
        None => !(layer + 1).is_multiple_of(period),
    })?;
    c.rotate_only_windows();
    Ok(())
}

fn has_windows(c: &ModelConfig) -> bool {
    c.attention.layers.iter().any(|layer| layer.window.is_some())
}
