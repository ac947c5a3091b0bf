//! Keys of `config.json` that a family does not read: they change nothing, and are named if they would elsewhere.

use crate::altered::{Altered, all};
use laser_model::ModelConfig;
use serde_json::{Value, json};

#[test]
fn the_goldens_have_no_remarks() {
    for name in all() {
        let notes = Altered::of(&name).notes();
        // The only golden of a model with images: its name, and the tensors of the images.
        let expected = if name == "families/gemma3" { 2 } else { 0 };
        assert_eq!(notes.len(), expected, "{name}: {notes:?}");
    }
}

#[test]
fn a_key_of_another_family_is_not_applied_but_named() {
    let cases: &[(&str, &str, Value)] = &[
        ("tiny/llama-gqa-untied", "sliding_window", json!(3)),
        ("tiny/llama-gqa-untied", "layer_types", json!(["sliding_attention", "full_attention", "full_attention"])),
        ("tiny/llama-gqa-untied", "attn_logit_softcapping", json!(2.0)),
        ("tiny/llama-gqa-untied", "final_logit_softcapping", json!(2.0)),
        ("tiny/llama-gqa-untied", "partial_rotary_factor", json!(0.5)),
        ("tiny/llama-gqa-untied", "embedding_multiplier", json!(12.0)),
        ("tiny/llama-gqa-untied", "qk_layernorm", json!(true)),
        ("tiny/llama-gqa-untied", "hidden_activation", json!("gelu")),
        ("tiny/llama-gqa-untied", "layer_norm_eps", json!(0.5)),
        ("families/granite", "sliding_window", json!(3)),
        ("families/olmo2", "sliding_window", json!(3)),
        ("families/stablelm", "sliding_window", json!(3)),
        ("families/smollm3", "attention_multiplier", json!(3.0)),
        ("families/gpt2", "rope_theta", json!(500.0)),
        ("families/gpt2", "hidden_act", json!("relu")),
        ("families/gpt2", "num_key_value_heads", json!(1)),
        ("families/gpt_neox", "attn_logit_softcapping", json!(2.0)),
        ("families/gemma", "query_pre_attn_scalar", json!(7.0)),
        ("families/gemma2", "hidden_act", json!("silu")),
        ("families/gemma2", "embedding_multiplier", json!(2.0)),
        ("families/phi3", "attention_bias", json!(true)),
        ("families/bert", "rotary_dim", json!(4)),
        ("families/mixtral", "layer_types", json!(["sliding_attention", "sliding_attention"])),
        ("tiny/mistral-window", "use_sliding_window", json!(true)),
        ("families/distilbert", "hidden_act", json!("relu")),
        ("families/bloom", "activation_function", json!("relu")),
        ("families/falcon", "hidden_act", json!("relu")),
        ("families/opt", "sliding_window", json!(2)),
        ("tiny/llama-gqa-untied", "use_parallel_residual", json!(true)),
        ("tiny/llama-gqa-untied", "alibi", json!(true)),
        ("families/gpt_neox", "parallel_attn", json!(true)),
    ];
    for (name, key, value) in cases {
        let plain = Altered::of(name);
        let changed = plain.clone().with(key, value.clone());
        let notes = changed.notes().join("; ");
        assert!(notes.contains(&format!("`{key}`")) && notes.contains("config.json"), "{name}: {key}: {notes}");
        assert_eq!(changed.logits(), plain.logits(), "{name}: {key}");
    }
}

#[test]
fn parameters_of_rotary_positions_in_a_foreign_form_are_named() {
    let partial = json!({"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5});
    let llama = Altered::of("tiny/llama-gqa-untied").without("rope_scaling").with("rope_parameters", partial);
    assert!(llama.notes().join("; ").contains("`rope_parameters.partial_rotary_factor`"), "{:?}", llama.notes());
    // Gemma 3 has parameters for each kind of layer.
    let flat = json!({"rope_type": "linear", "factor": 3.0});
    let gemma = Altered::of("families/gemma3_text").with("rope_parameters", flat);
    assert!(gemma.notes().join("; ").contains("`rope_parameters`"), "{:?}", gemma.notes());
    assert_eq!(gemma.logits(), Altered::of("families/gemma3_text").logits());
}

#[test]
fn kinds_of_layers_that_no_family_has_are_errors_everywhere() {
    for name in ["tiny/llama-gqa-untied", "tiny/qwen2-bias", "families/gpt2", "families/mixtral"] {
        let layers = Altered::of(name).open().expect(name).config().n_layers;
        let error = Altered::of(name).with("layer_types", vec!["linear_attention"; layers]).error();
        assert!(error.contains("`layer_types`") && error.contains("linear_attention"), "{name}: {error}");
    }
}

#[test]
fn two_numbers_of_heads_are_an_error() {
    for (name, key) in [("families/gpt2", "num_attention_heads"), ("tiny/llama-gqa-untied", "n_head")] {
        let error = Altered::of(name).with(key, 2).error();
        assert!(error.contains("n_head") && error.contains("num_attention_heads"), "{name}: {error}");
    }
    let same = Altered::of("tiny/llama-gqa-untied").with("n_head", 9);
    assert_eq!(same.notes(), [""; 0]);
}

#[test]
fn a_key_that_the_family_reads_changes_results() {
    for (name, key, value) in [
        ("tiny/mistral-window", "sliding_window", json!(2)),
        ("families/mixtral", "sliding_window", json!(2)),
        ("families/phi3", "sliding_window", json!(2)),
        ("families/gemma2", "hidden_activation", json!("silu")),
        ("families/gpt2", "activation_function", json!("relu")),
        ("families/distilbert", "activation", json!("relu")),
        ("families/falcon", "activation", json!("relu")),
        ("families/granite", "embedding_multiplier", json!(2.0)),
        ("families/gemma2", "final_logit_softcapping", json!(0.5)),
    ] {
        let mut changed = Altered::of(name).with(key, value);
        if key == "hidden_activation" {
            changed = changed.without("hidden_act"); // which would differ then
        }
        assert_eq!(changed.notes(), [""; 0], "{name}: {key}");
        assert_ne!(changed.logits(), Altered::of(name).logits(), "{name}: {key}");
    }
}

#[test]
fn values_without_effect_are_not_named() {
    for (key, value) in [
        ("sliding_window", json!(null)),
        ("use_sliding_window", json!(false)),
        ("attention_multiplier", json!(1.0)),
        ("layer_types", json!(["full_attention", "full_attention", "full_attention"])),
        ("layer_norm_eps", json!(1e-5)),
        ("hidden_activation", json!("silu")),
        ("head_dim", json!(4)),
        ("attention_dropout", json!(0.1)),
        ("initializer_range", json!(0.5)),
        ("max_window_layers", json!(28)),
        ("pretraining_tp", json!(1)),
    ] {
        assert_eq!(Altered::of("tiny/llama-gqa-untied").with(key, value).notes(), [""; 0], "{key}");
    }
}

#[test]
fn defaults_are_those_of_the_class() {
    let config = |name: &str, remove: &[&str]| {
        let mut copy = Altered::of(name);
        remove.iter().for_each(|key| drop(copy.config.remove(*key)));
        ModelConfig::from_hf("config.json", &Value::from(copy.config).to_string()).expect(name)
    };
    let mistral = config("tiny/mistral-window", &["sliding_window"]);
    assert_eq!(mistral.attention.layers[0].window, Some(4096));
    let mixtral = config("families/mixtral", &["rope_theta", "rms_norm_eps", "sliding_window"]);
    assert_eq!((mixtral.attention.ropes[0].theta, mixtral.norm_eps), (1e6, 1e-5));
    assert_eq!(mixtral.attention.layers[0].window, None);
    assert_eq!(config("families/smollm3", &["rope_theta"]).attention.ropes[0].theta, 2e6);
}

#[test]
fn numbers_that_json_lacks_matter_only_where_they_are_read() {
    let open = |text: String| {
        let folder = Altered::of("tiny/llama-gqa-untied").write();
        std::fs::write(folder.path().join("config.json"), text).expect("written");
        laser_model::ModelFiles::open(folder.path())
    };
    let text = Value::from(Altered::of("tiny/llama-gqa-untied").config).to_string();
    let with = |more: &str| text.replacen('{', &format!("{{{more},"), 1);
    for more in ["\"x\": NaN", "\"x\": [Infinity, -Infinity]", "\"x\": 1e999", "\"initializer_range\": NaN"] {
        let files = open(format!("\u{feff}{}", with(more))).unwrap_or_else(|e| panic!("{more}: {e}"));
        assert_eq!(files.notes().count(), 0, "{more}");
    }
    for (key, value) in [
        ("rms_norm_eps", "NaN"),
        ("hidden_size", "Infinity"),
        ("rope_theta", "-Infinity"),
        ("hidden_act", "NaN"),
        ("eos_token_id", "NaN"),
        ("rms_norm_eps", "1e999"),
    ] {
        let folder = Altered::of("tiny/llama-gqa-untied").without(key);
        let text = Value::from(folder.config).to_string().replacen('{', &format!("{{\"{key}\": {value},"), 1);
        let error = open(text).expect_err(key).to_string();
        assert!(error.contains(&format!("`{key}`")) && error.contains(value), "{key}: {error}");
    }
    let utf16: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let folder = Altered::of("tiny/llama-gqa-untied").write();
    std::fs::write(folder.path().join("config.json"), utf16).expect("written");
    let error = laser_model::ModelFiles::open(folder.path()).expect_err("UTF-16").to_string();
    assert!(error.contains("config.json") && error.contains("UTF-16"), "{error}");
}

#[test]
fn end_tokens_outside_the_vocabulary_are_left_out_with_a_remark() {
    for (id, kept) in
        [(json!(50256), vec![]), (json!([50256, 2]), vec![2]), (json!(-1), vec![]), (json!([2, -1]), vec![2])]
    {
        let files = Altered::of("families/gpt2").with("eos_token_id", id.clone()).open().expect("opens");
        assert_eq!(files.config().eos, kept, "{id}");
        let notes: Vec<&str> = files.notes().collect();
        assert!(notes.len() == 1 && notes[0].contains("`eos_token_id`") && notes[0].contains("96"), "{notes:?}");
    }
}
