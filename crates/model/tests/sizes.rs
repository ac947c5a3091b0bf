//! Numbers of a configuration that its files cannot hold: each is an error that names the key, before anything is
//! allocated by it.

use std::time::{Duration, Instant};

use crate::altered::{Altered, Stored, golden};
use serde_json::{Value, json};

/// A value that would take terabytes, yet passes every check of a single number.
const HUGE: u64 = 1_000_000_000_000;

/// Checks that a golden with one key changed is refused at once, with an error that contains `named`.
fn refuses(name: &str, key: &str, value: &Value, named: &str) {
    let start = Instant::now();
    let error = Altered::of(name).with(key, value.clone()).error();
    assert!(error.contains(named), "{name}: {key} {value}: {error}");
    assert!(error.contains("config.json") || error.contains("tensor `"), "{name}: {key} {value}: {error}");
    assert!(start.elapsed() < Duration::from_secs(5), "{name}: {key} {value} took {:?}", start.elapsed());
}

#[test]
fn huge_sizes_are_refused_before_they_are_used() {
    for (name, key, named) in [
        ("tiny/llama-gqa-untied", "hidden_size", "`hidden_size`"),
        ("tiny/llama-gqa-untied", "intermediate_size", "`intermediate_size`"),
        ("tiny/llama-gqa-untied", "vocab_size", "`vocab_size`"),
        ("tiny/llama-gqa-untied", "head_dim", "head_dim`"),
        ("tiny/llama-gqa-untied", "num_attention_heads", "`num_attention_heads`"),
        ("tiny/llama-gqa-untied", "num_hidden_layers", "`num_hidden_layers`"),
        ("tiny/llama-gqa-untied", "num_key_value_heads", "`num_key_value_heads`"),
        ("families/gpt2", "n_embd", "`hidden_size`"),
        ("families/gpt2", "n_positions", "`max_position_embeddings`"),
        ("families/gpt2-bare", "n_inner", "`intermediate_size`"),
        ("families/opt", "max_position_embeddings", "`max_position_embeddings`"),
        ("families/bert", "type_vocab_size", "`type_vocab_size`"),
        ("families/roberta", "max_position_embeddings", "`max_position_embeddings`"),
        ("families/mixtral", "num_local_experts", "`num_experts`"),
        ("families/mixtral", "intermediate_size", "intermediate_size`"),
        ("families/qwen2_moe", "moe_intermediate_size", "`moe_intermediate_size`"),
        ("families/qwen2_moe", "shared_expert_intermediate_size", "`shared_expert_intermediate_size`"),
        ("families/decision_transformer", "max_ep_len", "`max_ep_len`"),
        ("families/decision_transformer", "state_dim", "`state_dim`"),
        ("families/falcon-new", "ffn_hidden_size", "`intermediate_size`"),
        ("families/bloom", "n_embed", "`hidden_size`"),
    ] {
        for value in [json!(HUGE), json!(1u64 << 39)] {
            refuses(name, key, &value, named);
        }
        refuses(name, key, &json!(u64::MAX), key);
    }
}

#[test]
fn products_of_sizes_are_refused_too() {
    // Each number by itself is one that some model has.
    for (layers, experts) in [(4096, 4), (2, 4096), (60, 90)] {
        let copy = Altered::of("families/qwen3_moe").with("num_hidden_layers", layers).with("num_experts", experts);
        let error = copy.error();
        assert!(error.contains("`num_hidden_layers`") || error.contains("num_experts"), "{layers} {experts}: {error}");
    }
    refuses("families/mixtral", "num_local_experts", &json!(90), "block_sparse_moe");
    refuses("tiny/llama-gqa-untied", "num_attention_heads", &json!(4095), "4095 attention heads");
    let heads = Altered::of("tiny/llama-gqa-untied").with("num_attention_heads", 4095).with("head_dim", 4);
    assert!(heads.error().contains("`num_attention_heads × head_dim`"), "{}", heads.error());
    refuses("tiny/llama-gqa-untied", "num_hidden_layers", &json!(4000), "`num_hidden_layers`");
}

#[test]
fn empty_tensors_do_not_make_a_size_plausible() {
    let claim = Stored { dtype: safetensors::tensor::Dtype::F32, shape: vec![1 << 39, 0], bytes: vec![] };
    let error = Altered::of("tiny/llama-gqa-untied").with_tensor("x", claim).with("hidden_size", 9u64 << 32).error();
    assert!(error.contains("`hidden_size`") && error.contains("at most 96"), "{error}");
}

#[test]
fn other_numbers_out_of_range_are_errors_that_name_the_key() {
    for (name, key, value) in [
        ("tiny/llama-gqa-untied", "rms_norm_eps", json!(-1.0)),
        ("families/granite", "logits_scaling", json!(0.0)),
        ("families/granite", "attention_multiplier", json!(0.0)),
        ("families/gemma2", "query_pre_attn_scalar", json!(0)),
        ("families/gemma2", "query_pre_attn_scalar", json!(-4)),
        ("families/gemma2", "final_logit_softcapping", json!(0.0)),
        ("families/gemma2", "attn_logit_softcapping", json!(-1.0)),
        ("families/roberta", "pad_token_id", json!(u64::MAX)),
        ("families/mixtral", "num_experts_per_tok", json!(HUGE)),
    ] {
        let named = if key == "pad_token_id" { "max_position_embeddings" } else { key };
        refuses(name, key, &value, named);
    }
    // A long list with many repetitions is refused when it is longer than the model.
    let repeated: Vec<Value> = (0..10_000).map(|_| json!([["global", "local"], HUGE])).collect();
    refuses("families/gpt_neo", "attention_types", &json!(repeated), "`attention_types`");
}

#[test]
fn a_shape_that_disagrees_is_still_named_by_its_tensor() {
    let error = Altered::of("tiny/llama-gqa-untied").with("intermediate_size", 40).error();
    assert!(error.contains("tensor `") && error.contains("40"), "{error}");
    assert!(golden("tiny/llama-gqa-untied").is_dir());
}
