//! Rotary positions in the spellings of transformers 4 and 5, over all families that have them.

use crate::altered::{Altered, all};
use laser_model::ModelConfig;
use serde_json::{Map, Value, json};

fn read(config: &Map<String, Value>) -> Result<ModelConfig, laser_model::Error> {
    ModelConfig::from_hf("config.json", &Value::from(config.clone()).to_string())
}

/// Scalings with their parameters; lists of divisors have one entry for each pair of rotated dimensions.
fn scalings(pairs: usize) -> Vec<Value> {
    let divisors = |step: f64| (0..pairs).map(|i| 1.0 + step * i as f64).collect::<Vec<_>>();
    vec![
        json!({"rope_type": "default"}),
        json!({"rope_type": "linear", "factor": 4.0}),
        json!({"rope_type": "dynamic", "factor": 2.0}),
        json!({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}),
        json!({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 16}),
        json!({"rope_type": "longrope", "factor": 4.0, "original_max_position_embeddings": 16,
            "short_factor": divisors(0.1), "long_factor": divisors(1.0)}),
    ]
}

#[test]
fn both_spellings_mean_the_same() {
    let mut families = 0;
    for name in all() {
        let mut config = Altered::of(&name).config;
        // GPT-J and the old Phi have a fixed base and no scaling; Gemma 3 and ModernBERT have a set of parameters for each
        // kind of layer.
        let fixed =
            ["families/gptj", "families/phi-msft", "families/gemma3", "families/gemma3_text", "families/modernbert"];
        let ropes = read(&config).expect(&name).attention.ropes;
        if ropes.is_empty() || fixed.contains(&name.as_str()) {
            continue;
        }
        families += 1;
        let keys =
            ["rope_theta", "rope_scaling", "rope_parameters", "rotary_emb_base", "original_max_position_embeddings"];
        keys.iter().for_each(|key| drop(config.remove(*key)));
        for scaling in scalings(ropes[0].dim / 2) {
            let spell = |change: &dyn Fn(&mut Map<String, Value>)| {
                let mut config = config.clone();
                change(&mut config);
                read(&config).unwrap_or_else(|e| panic!("{name}: {scaling}: {e}"))
            };
            let set = |config: &mut Map<String, Value>, key: &str, value: Value| drop(config.insert(key.into(), value));
            let old_kind = || {
                let mut old = scaling.clone();
                let kind = old.as_object_mut().and_then(|map| map.remove("rope_type")).expect("a kind");
                old["type"] = kind;
                old
            };
            let with_theta = || {
                let mut new = scaling.clone();
                new["rope_theta"] = json!(700.0);
                new
            };
            let four = spell(&|config| {
                set(config, "rope_theta", json!(700.0));
                set(config, "rope_scaling", scaling.clone());
            });
            assert_eq!(four.attention.ropes[0].theta, 700.0, "{name}: {scaling}");
            assert_eq!(four.attention.ropes[0].dim, ropes[0].dim, "{name}: {scaling}");
            assert_eq!(four.notes, [""; 0], "{name}: {scaling}");
            let early = spell(&|config| {
                set(config, "rope_theta", json!(700.0));
                set(config, "rope_scaling", old_kind());
            });
            let five = spell(&|config| set(config, "rope_parameters", with_theta()));
            let both = spell(&|config| {
                set(config, "rope_parameters", with_theta());
                set(config, "rope_theta", json!(700.0));
                set(config, "rope_scaling", json!({}));
            });
            for other in [early, five, both] {
                assert_eq!(other.attention.ropes, four.attention.ropes, "{name}: {scaling}");
                assert_eq!(other.notes, [""; 0], "{name}: {scaling}");
            }
        }
    }
    assert!(families > 15, "{families}");
}

#[test]
fn the_rotated_part_of_a_head_may_be_in_either_place() {
    for name in ["families/phi", "families/stablelm", "families/phi3", "families/gpt_neox"] {
        let mut config = Altered::of(name).config;
        ["rope_scaling", "rotary_pct", "partial_rotary_factor"].iter().for_each(|key| drop(config.remove(*key)));
        let with = |key: &str, value: Value| {
            let mut config = config.clone();
            config.insert(key.into(), value);
            let config = read(&config).expect(name);
            (config.attention.ropes[0].dim, config.d_head)
        };
        let (outer, d_head) = with("partial_rotary_factor", json!(0.5));
        let (inner, _) = with("rope_parameters", json!({"rope_type": "default", "partial_rotary_factor": 0.5}));
        assert_eq!((outer, inner), (d_head / 2, d_head / 2), "{name}");
    }
}

#[test]
fn gemma_3_has_parameters_for_each_kind_of_layer_in_either_spelling() {
    let mut config = Altered::of("families/gemma3_text").config;
    ["rope_theta", "rope_scaling", "rope_local_base_freq"].iter().for_each(|key| drop(config.remove(*key)));
    let mut four = config.clone();
    four.extend([
        ("rope_theta".into(), json!(700.0)),
        ("rope_local_base_freq".into(), json!(50.0)),
        ("rope_scaling".into(), json!({"type": "linear", "factor": 8.0})),
    ]);
    let mut five = config;
    let full = json!({"rope_type": "linear", "factor": 8.0, "rope_theta": 700.0});
    let sliding = json!({"rope_type": "default", "rope_theta": 50.0});
    five.insert("rope_parameters".into(), json!({"full_attention": full, "sliding_attention": sliding}));
    let (four, five) = (read(&four).expect("4"), read(&five).expect("5"));
    assert_eq!(four.attention.ropes, five.attention.ropes);
    assert_eq!(four.attention.ropes[1].theta, 50.0);
    assert_eq!((four.notes.len(), five.notes.len()), (0, 0));
}

#[test]
fn parameters_that_give_no_frequencies_are_errors() {
    for change in [
        json!({"rope_theta": 0.0}),
        json!({"rope_theta": -10000.0}),
        json!({"rope_scaling": {"rope_type": "linear", "factor": 0.0}}),
        json!({"rope_scaling": {"rope_type": "longrope", "factor": 4.0, "original_max_position_embeddings": 1,
            "short_factor": [1.0, 1.0], "long_factor": [1.0, 1.0]}}),
        json!({"rope_scaling": {"rope_type": "no-such"}}),
    ] {
        let mut copy = Altered::of("tiny/llama-gqa-untied");
        copy.config.extend(change.as_object().expect("an object").clone());
        let error = copy.error();
        assert!(error.contains("config.json") && error.contains("rope"), "{change}: {error}");
    }
}
