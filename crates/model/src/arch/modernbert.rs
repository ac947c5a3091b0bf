//! ModernBERT: a masked model with rotary positions, a gated MLP and pre-norms without biases, in which most blocks attend
//! to the tokens nearby only, and the first has no norm before attention.

use super::definition::FamilyDefinition;
use super::family::Family;
use super::llama::{ALIASES, BASE, HF as LLAMA};
use super::tensor_names::{StoredTensor, TensorNames, TensorRole, fused, one};
use crate::config::{
    HfKeys, LayerAttention, ModelConfig, NormKind, NormParameters, RopeDefaults, head_is_tied, read_activation,
    read_layer_types, read_rope_from,
};
use crate::error::Result;
use crate::weight_id::WeightKind::{Down, Gate, GateUp, K, O, Q, Qkv, Up, V};

const ROLES: &[(TensorRole, &str)] = &[
    (TensorRole::Embedding, "{model}embeddings.tok_embeddings"),
    (TensorRole::EmbeddingNorm, "{model}embeddings.norm"),
    (TensorRole::AttentionNorm, "{model}layers.{}.attn_norm"),
    (TensorRole::MlpNorm, "{model}layers.{}.mlp_norm"),
    (TensorRole::FinalNorm, "{model}final_norm"),
    (TensorRole::HeadTransform, "head.dense"),
    (TensorRole::HeadTransformNorm, "head.norm"),
    (TensorRole::Head, "decoder"),
    (TensorRole::HeadBias, "decoder"),
];

const MATRICES: &[StoredTensor] = &[
    fused("{model}layers.{}.attn.Wqkv", &[Q, K, V]),
    one("{model}layers.{}.attn.Wo", &[O]),
    // The activation is applied to the first half.
    fused("{model}layers.{}.mlp.Wi", &[Gate, Up]),
    one("{model}layers.{}.mlp.Wo", &[Down]),
];

pub(super) static MODERNBERT: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "ModernBERT",
        model_type: "modernbert",
        class: "ModernBertForMaskedLM",
        tensor_names: &TensorNames { roles: &[ROLES], matrices: &[MATRICES], ..LLAMA },
        aliases: &[ALIASES, &[("Wqkv", &[Qkv]), ("Wi", &[GateUp])]],
    },
    default_sizes: &[("max_position_embeddings", 8192)],
    equal_heads: true,
    set_block: |c| {
        c.norm = NormKind::Layer;
        c.attention.causal = false;
        c.attention.normed_in_first = false;
        c.embedding.normed = true;
    },
    read_config_json: |keys, c| {
        let biased = keys.flag_or("attention_bias", false)?;
        (c.bias.qkv, c.bias.o, c.bias.mlp) = (biased, biased, keys.flag_or("mlp_bias", false)?);
        if keys.flag_or("norm_bias", false)? {
            c.norm_parameters = NormParameters::WeightAndBias;
        }
        c.norm_eps = keys.number_or("norm_eps", 1e-5)?;
        c.mlp.activation = read_activation(keys, "hidden_activation", "gelu")?;
        c.head.transform = Some(read_activation(keys, "classifier_activation", "gelu")?);
        c.head.transform_bias = keys.flag_or("classifier_bias", false)?;
        c.head.bias = keys.flag_or("decoder_bias", true)?;
        c.head.tied = head_is_tied(keys, true)?;
        read_layers(keys, c)
    },
    gguf: None, // llama.cpp has the model without its head
    write_config_json: None,
    ..BASE
};

/// Reads windows and rotary positions of all layers: layers with a window have one base, the others another.
fn read_layers(keys: &HfKeys<'_>, c: &mut ModelConfig) -> Result<()> {
    // A key of older files, which list no kinds of layers.
    let period = keys.count_or("global_attn_every_n_layers", 3)?;
    let local = match read_layer_types(keys, c.n_layers)? {
        Some(local) => local,
        None => (0..c.n_layers).map(|layer| !layer.is_multiple_of(period)).collect(),
    };
    // The tokens on both sides of a query, and the query itself.
    let window = keys.count_or("local_attention", 128)? / 2 + 1;
    c.attention.layers = local
        .into_iter()
        .map(|local| match local {
            true => LayerAttention { window: Some(window), rope: Some(1) },
            false => LayerAttention { window: None, rope: Some(0) },
        })
        .collect();
    let global_base = keys.number_or("global_rope_theta", 160_000.0)?;
    let local_base = match keys.is_null("local_rope_theta") {
        true => global_base,
        false => keys.number_or("local_rope_theta", 10_000.0)?,
    };
    let both = keys.object_or_none("rope_parameters")?;
    let rope = |kind: &str, theta: f64| {
        let own = both.as_ref().map_or(Ok(None), |both| both.object_or_none(kind))?;
        // A scaling in the older form applies to both kinds of layers.
        let parameters = match keys.object_or_none("rope_scaling")?.filter(|scaling| !scaling.is_empty()) {
            Some(scaling) => Some(scaling),
            None => own,
        };
        read_rope_from(keys, parameters, c, RopeDefaults { theta, partial: None })
    };
    c.attention.ropes = vec![rope("full_attention", global_base)?, rope("sliding_attention", local_base)?];
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::config::ModelConfig;

    fn read(changes: &Value) -> ModelConfig {
        let mut config = json!({
            "model_type": "modernbert", "vocab_size": 96, "hidden_size": 36, "intermediate_size": 44,
            "num_hidden_layers": 5, "num_attention_heads": 3, "local_attention": 6,
        });
        for (key, value) in changes.as_object().expect("an object") {
            config[key] = value.clone();
        }
        ModelConfig::from_hf("config.json", &config.to_string()).expect("reads")
    }

    #[test]
    fn both_forms_of_layers_and_positions_mean_the_same() {
        let old = read(&json!({
            "global_attn_every_n_layers": 2, "global_rope_theta": 700.0, "local_rope_theta": 50.0,
            "position_embedding_type": "absolute", "layer_norm_eps": 1e-5,
        }));
        let (full, sliding) = ("full_attention", "sliding_attention");
        let new = read(&json!({
            "layer_types": [full, sliding, full, sliding, full],
            "rope_parameters": {
                full: {"rope_type": "default", "rope_theta": 700.0},
                sliding: {"rope_type": "default", "rope_theta": 50.0},
            },
        }));
        assert_eq!(old.difference(&new), None);
        assert_eq!((&old.notes, &new.notes), (&vec![], &vec![]));
        let windows: Vec<_> = old.attention.layers.iter().map(|layer| layer.window).collect();
        assert_eq!(windows, [None, Some(4), None, Some(4), None]);
        assert_eq!([old.attention.ropes[0].theta, old.attention.ropes[1].theta], [700.0, 50.0]);
    }

    #[test]
    fn without_keys_every_third_layer_is_global() {
        let c = read(&json!({"local_rope_theta": null}));
        let global: Vec<_> = c.attention.layers.iter().map(|layer| layer.window.is_none()).collect();
        assert_eq!(global, [true, false, false, true, false]);
        assert_eq!([c.attention.ropes[0].theta, c.attention.ropes[1].theta], [160_000.0; 2]);
    }
}
