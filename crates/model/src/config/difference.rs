//! Two configurations → the first option in which the models differ: whether one format can say what another says.

use super::{Experts, ModelConfig};
use crate::rope::Rope;

/// Largest relative difference of numbers that count as equal: GGUF stores 32 bits.
const TOLERANCE: f64 = 1e-6;

impl ModelConfig {
    /// The first option in which a model of this configuration computes something else than one of `other`, with both
    /// values; `None` if there is none. Families and remarks do not count, nor do tokens that end a text.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let (a, b) = (self, other);
        let only_experts = !a.mlp.expert_layers.is_empty() && a.mlp.expert_layers.iter().all(|has| *has);
        let texts = |c: &Self| {
            let (e, at, head) = (&c.embedding, &c.attention, &c.head);
            [
                ("sizes", format!("{:?}", [c.vocab_size, c.d_model, c.n_layers, c.n_heads, c.n_kv_heads, c.d_head])),
                ("width of the MLP", if only_experts { String::new() } else { c.d_mlp.to_string() }),
                ("context", c.max_positions.to_string()),
                ("norm", format!("{:?} {:?}", c.norm, c.norm_parameters)),
                ("positions", format!("{:?}", e.position_offset)),
                ("segments", e.token_types.to_string()),
                ("norm of the embedding", e.normed.to_string()),
                ("inputs", format!("{:?}", e.trajectory)),
                ("residual stream", format!("{:?}", c.residual)),
                ("mixers", format!("{:?}", (0..c.n_layers).map(|layer| c.mixer(layer)).collect::<Vec<_>>())),
                ("ALiBi", format!("{:?} {}", at.slopes, at.coarse_slopes)),
                ("attention to later tokens", (!at.causal).to_string()),
                ("latent attention", format!("{:?}", at.latent)),
                ("norm of the first block", at.normed_in_first.to_string()),
                ("norm of queries and keys", format!("{:?} {}", at.qk_norm, at.rotated_before_norm)),
                ("attention sinks", at.sinks.to_string()),
                ("windows", format!("{:?}", at.layers.iter().map(|layer| layer.window).collect::<Vec<_>>())),
                ("activation", format!("{:?} {:?}", c.mlp.activation, c.mlp.xielu)),
                ("gate of the MLP", c.mlp.gated.to_string()),
                (
                    "experts",
                    format!("{:?} {:?}", c.mlp.experts.map(|e| Experts { scale: 1.0, ..e }), c.mlp.expert_layers),
                ),
                ("biases", format!("{:?}", c.bias)),
                (
                    "head",
                    format!("{} {:?} {} {} {}", head.normed, head.transform, head.transform_bias, head.tied, head.bias),
                ),
            ]
        };
        let numbers = |c: &Self| {
            [
                ("ε of the norms", Some(c.norm_eps)),
                ("ε of the embedding's norm", c.embedding.norm_eps),
                ("scale of the embedding", Some(c.embedding.scale)),
                ("scale of the residual stream", Some(c.residual_scale)),
                ("scale of attention", Some(c.attention.scale)),
                ("scale of the experts", c.mlp.experts.map(|experts| experts.scale)),
                ("soft cap of attention", c.attention.softcap),
                ("bound of queries, keys and values", c.attention.clamp),
                ("attention temperature", c.attention.temperature.map(|t| t.scale)),
                ("length of the attention temperature", c.attention.temperature.map(|t| t.length as f64)),
                ("bound of gates", c.mlp.bounds.map(|bounds| f64::from(bounds.limit))),
                ("number added to gated values", c.mlp.bounds.map(|bounds| f64::from(bounds.up_offset))),
                ("scale of the logits", Some(c.head.scale)),
                ("soft cap of the logits", c.head.softcap),
            ]
        };
        let said = |name: &str, one: String, other: String| format!("{name}: {one} and {other}");
        let of_texts = texts(a).into_iter().zip(texts(b)).find(|((_, one), (_, other))| one != other);
        if let Some(((name, one), (_, other))) = of_texts {
            return Some(said(name, one, other));
        }
        let of_numbers = numbers(a).into_iter().zip(numbers(b)).find(|((_, one), (_, other))| match (one, other) {
            (Some(one), Some(other)) => !close(*one, *other),
            (one, other) => one.is_some() != other.is_some(),
        });
        if let Some(((name, one), (_, other))) = of_numbers {
            return Some(said(name, format!("{one:?}"), format!("{other:?}")));
        }
        let ropes = (0..a.n_layers).map(|layer| (a.rope_of(layer), b.rope_of(layer)));
        let differs = |(one, other): &(Option<&Rope>, Option<&Rope>)| match (one, other) {
            (Some(one), Some(other)) => !rotate_alike(one, other, a.max_positions),
            (one, other) => one.is_some() != other.is_some(),
        };
        let (layer, (one, other)) = ropes.enumerate().find(|(_, pair)| differs(pair))?;
        Some(said(&format!("rotary positions of layer {layer}"), format!("{one:?}"), format!("{other:?}")))
    }

    /// The rotary positions of a layer.
    fn rope_of(&self, layer: usize) -> Option<&Rope> {
        self.attention.layers[layer].rope.map(|index| &self.attention.ropes[index])
    }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= TOLERANCE * a.abs().max(b.abs())
}

/// True if both rotate alike in passes of one token and of the longest context.
fn rotate_alike(a: &Rope, b: &Rope, context: usize) -> bool {
    [1, context].into_iter().all(|sequence| {
        let ((one, factor), (other, other_factor)) = (a.inverse_frequencies(sequence), b.inverse_frequencies(sequence));
        // The divisors are rounded, and so are the results.
        let alike = |(one, other): (&f64, &f64)| (one - other).abs() <= 10.0 * TOLERANCE * one.abs();
        one.len() == other.len() && one.iter().zip(&other).all(alike) && close(factor, other_factor)
    })
}

#[cfg(test)]
mod tests {
    use crate::config::ModelConfig;

    const CONFIG: &str = r#"{"model_type": "llama", "vocab_size": 96, "hidden_size": 32, "intermediate_size": 48,
        "num_hidden_layers": 2, "num_attention_heads": 4, "rms_norm_eps": 1e-5, "rope_theta": 10000.0}"#;

    #[test]
    fn the_differing_option_is_named() {
        let config = |text: &str| ModelConfig::from_hf("config.json", text).unwrap();
        let base = config(CONFIG);
        assert_eq!(base.difference(&base), None);
        assert_eq!(base.difference(&config(&CONFIG.replace("1e-5", "9.999999747378752e-06"))), None);
        for (from, to, name) in [
            ("48", "64", "width of the MLP: 48 and 64"),
            ("1e-5", "1e-6", "ε of the norms"),
            ("10000.0", "500000.0", "rotary positions of layer 0"),
            (r#""llama""#, r#""mistral", "sliding_window": 7"#, "windows: [None, None] and [Some(7), Some(7)]"),
            (r#""llama""#, r#""llama", "attention_bias": true"#, "biases"),
        ] {
            let found = base.difference(&config(&CONFIG.replace(from, to))).unwrap();
            assert!(found.contains(name), "{found}");
        }
    }
}
