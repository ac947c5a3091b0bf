//! gpt-oss: both forms of its configuration, and its experts in blocks of MXFP4.

use candle_core::{DType, Device};
use laser_model::ModelConfig;
use laser_model::config::Residual;
use laser_model::load::ModelFiles;
use laser_model::rope::RopeScaling;
use laser_model::weight_id::WeightId;
use serde_json::{Map, Value, json};

use crate::altered::{Altered, golden, logits, logits_within};

/// The published `config.json` of gpt-oss-20b, without what no model reads.
fn published() -> Map<String, Value> {
    let value = json!({
        "architectures": ["GptOssForCausalLM"], "attention_bias": true, "attention_dropout": 0.0,
        "eos_token_id": 200_002, "experts_per_token": 4, "head_dim": 64, "hidden_act": "silu", "hidden_size": 2880,
        "initial_context_length": 4096, "intermediate_size": 2880,
        "layer_types": (0..24).map(|l| ["sliding_attention", "full_attention"][l % 2]).collect::<Vec<_>>(),
        "max_position_embeddings": 131_072, "model_type": "gpt_oss", "num_attention_heads": 64,
        "num_experts_per_tok": 4, "num_hidden_layers": 24, "num_key_value_heads": 8, "num_local_experts": 32,
        "output_router_logits": false, "pad_token_id": 199_999,
        "quantization_config": {"modules_to_not_convert": ["model.layers.*.self_attn"], "quant_method": "mxfp4"},
        "rms_norm_eps": 1e-5,
        "rope_scaling": {
            "beta_fast": 32.0, "beta_slow": 1.0, "factor": 32.0, "original_max_position_embeddings": 4096,
            "rope_type": "yarn", "truncate": false,
        },
        "rope_theta": 150_000, "router_aux_loss_coef": 0.9, "sliding_window": 128, "swiglu_limit": 7.0,
        "tie_word_embeddings": false, "use_cache": true, "vocab_size": 201_088,
    });
    value.as_object().expect("an object").clone()
}

fn read(config: &Map<String, Value>) -> Result<ModelConfig, laser_model::Error> {
    ModelConfig::from_hf("config.json", &Value::from(config.clone()).to_string())
}

#[test]
fn the_published_configuration_is_read() {
    let c = read(&published()).expect("reads");
    assert_eq!(c.notes, [""; 0]);
    let experts = c.mlp.experts.expect("experts");
    assert_eq!((experts.count, experts.per_token, experts.d_expert, experts.normalised), (32, 4, 2880, true));
    assert_eq!((c.d_head, c.n_heads, c.n_kv_heads, c.residual), (64, 64, 8, Residual::PreNorm));
    assert_eq!(c.attention.layers.iter().filter(|layer| layer.window == Some(128)).count(), 12);
    assert_eq!((c.attention.layers[0].window, c.attention.layers[1].window), (Some(128), None));
    assert!(c.attention.sinks && c.bias.qkv && c.bias.o && c.bias.mlp && c.bias.router);
    let bounds = c.mlp.bounds.expect("bounds");
    assert_eq!((bounds.limit, bounds.up_offset), (7.0, 1.0));
    let RopeScaling::Yarn { factor, truncate, attention_factor, .. } = c.attention.ropes[0].scaling else {
        panic!("{:?}", c.attention.ropes)
    };
    assert_eq!((factor, truncate), (32.0, false));
    assert!((attention_factor - (0.1 * 32f64.ln() + 1.0)).abs() < 1e-12);
}

#[test]
fn what_transformers_writes_and_what_the_class_adds_mean_the_same() {
    let expected = read(&published()).expect("reads");
    let mut five = published();
    let mut parameters = five.remove("rope_scaling").expect("a scaling");
    parameters["rope_theta"] = five.remove("rope_theta").expect("a base");
    five.insert("rope_parameters".into(), parameters);
    five.insert("swiglu_alpha".into(), json!(1.702));
    let mut bare = published();
    for key in [
        "rope_scaling",
        "rope_theta",
        "layer_types",
        "sliding_window",
        "swiglu_limit",
        "attention_bias",
        "head_dim",
        "num_key_value_heads",
        "num_experts_per_tok",
        "rms_norm_eps",
        "hidden_act",
    ] {
        bare.remove(key);
    }
    for config in [five, bare] {
        let found = read(&config).expect("reads");
        assert_eq!(found.attention, expected.attention);
        assert_eq!(expected.difference(&found), None);
        assert_eq!(found.notes, [""; 0]);
    }
}

#[test]
fn what_is_not_implemented_is_an_error_that_names_key_and_value() {
    for (key, value, words) in [
        ("swiglu_alpha", json!(1.5), "expected 1.702, found 1.5"),
        ("swiglu_limit", json!(0.0), "found 0"),
        ("swiglu_limit", json!("seven"), "seven"),
        ("hidden_act", json!("gelu"), "expected silu, found gelu"),
        ("layer_types", json!(["chunked_attention"]), "24 entries"),
        ("num_experts_per_tok", json!(33), "33 of 32"),
    ] {
        let mut config = published();
        config.insert(key.into(), value);
        let error = read(&config).expect_err(key).to_string();
        assert!(error.contains(&format!("`{key}`")) && error.contains(words), "{error}");
    }
}

/// The experts of a tiny checkpoint as published: in blocks of MXFP4.
const PACKED: &str = "families/gpt_oss-mxfp4";

#[test]
fn experts_in_safetensors_and_in_gguf_have_the_same_values() {
    let open = |path: &str| ModelFiles::open(&golden(path)).expect(path);
    let (folder, gguf) = (open(PACKED), open("gguf/gpt-oss-mxfp4.gguf"));
    let config = folder.config();
    assert_eq!(config.difference(gguf.config()), None);
    assert_eq!(folder.notes().count(), 0, "{:?}", folder.notes().collect::<Vec<_>>());
    let ids: Vec<WeightId> = (0..config.n_layers).flat_map(|layer| config.stored(layer)).collect();
    let mut packed = 0;
    for id in ids {
        let values = folder.matrix_values(id).expect("reads");
        assert_eq!(values, gguf.matrix_values(id).expect("reads"), "{id}");
        assert!(values.iter().any(|value| *value != 0.0), "{id}");
        let names = folder.tensor_names(id);
        packed += usize::from(names[0].ends_with("_blocks+_scales"));
        if config.has_bias(id) {
            assert_eq!(folder.bias_values(id).expect("reads"), gguf.bias_values(id).expect("reads"), "{id}");
        }
    }
    assert_eq!(packed, 2 * 3 * 3, "two layers, three experts, gate, up and down");
    assert_eq!(folder.n_parameters(), gguf.n_parameters());
    folder.check_values().expect("numbers");
    assert_eq!(logits(&folder), logits(&gguf));
}

#[test]
fn experts_that_stay_in_the_files_give_the_same_bits() {
    for path in [PACKED, "families/gpt_oss", "gguf/gpt-oss-mxfp4.gguf"] {
        let files = ModelFiles::open(&golden(path)).expect(path);
        let whole = logits(&files);
        for bound in [Some(0), Some(20_000)] {
            assert_eq!(logits_within(&files, bound), whole, "{path}: {bound:?}");
        }
    }
}

#[test]
fn blocks_without_their_exponents_or_of_other_shapes_are_refused() {
    let name = "model.layers.1.mlp.experts.down_proj";
    let (blocks, scales) = (format!("{name}_blocks"), format!("{name}_scales"));
    let mut copy = Altered::of(PACKED);
    copy.tensors.remove(&scales);
    let error = copy.error();
    assert!(error.contains("`quantization_config`") && error.contains("MXFP4"), "{error}");
    let error = copy.without("quantization_config").error();
    assert!(error.contains(&blocks) && error.contains("MXFP4"), "{error}");

    // One row less of both.
    let mut copy = Altered::of(PACKED);
    for part in [&blocks, &scales] {
        let stored = copy.tensors.get_mut(part).expect("is there");
        let row: usize = stored.shape[2..].iter().product();
        stored.shape[1] -= 1;
        stored.bytes.truncate(stored.bytes.len() - stored.shape[0] * row);
    }
    let error = copy.error();
    assert!(error.contains(&format!("{blocks}+_scales")) && error.contains("[3, 31, 32]"), "{error}");

    // An exponent that is no number.
    let mut copy = Altered::of(PACKED);
    let stored = copy.tensors.get_mut(&blocks).expect("is there");
    stored.bytes[0] = 7 << 4; // six times the factor
    copy.tensors.get_mut(&scales).expect("is there").bytes[0] = 255;
    let files = copy.open().expect("opens");
    let error = files.load(&Device::Cpu, DType::F32, 1).expect_err("no number").to_string();
    assert!(error.contains(&blocks), "{error}");
}

#[test]
fn blocks_of_mxfp4_in_a_family_without_them_are_refused_by_name() {
    let of = Altered::of(PACKED);
    let mut copy = Altered::of("tiny/llama-gqa-untied").with("quantization_config", json!({"quant_method": "mxfp4"}));
    for part in ["blocks", "scales"] {
        let stored = of.tensors[&format!("model.layers.0.mlp.experts.down_proj_{part}")].clone();
        copy = copy.with_tensor(&format!("model.layers.0.mlp.experts.down_proj_{part}"), stored);
    }
    let error = copy.error();
    assert!(error.contains("MXFP4") && error.contains("quantised"), "{error}");
    let error = copy.without("quantization_config").error();
    assert!(error.contains("MXFP4") && error.contains("down_proj_blocks"), "{error}");
}
