//! Models within models with images, and weights that another tool has quantised.

use crate::altered::{Altered, Stored};
use safetensors::tensor::Dtype;
use serde_json::{Value, json};

/// A golden as the text part of a model with images: its keys in `text_config`, its names changed by `rename`.
fn within(name: &str, wrapper: &str, rename: impl Fn(&str) -> String) -> Altered {
    let mut copy = Altered::of(name).renamed(rename);
    let text = Value::from(std::mem::take(&mut copy.config));
    copy.with("model_type", wrapper)
        .with("text_config", text)
        .with("vision_config", json!({"model_type": "clip_vision_model", "hidden_size": 8}))
        .with_tensor("vision_tower.vision_model.post_layernorm.weight", Stored::filled(&[8], 0.5))
        .with_tensor("multi_modal_projector.linear_1.weight", Stored::filled(&[8, 8], 0.5))
}

#[test]
fn the_text_part_of_a_model_with_images_runs_in_either_form_of_names() {
    for (name, prefix) in [
        ("tiny/llama-gqa-untied", "model."),
        ("tiny/mistral-window", "model."),
        ("tiny/qwen2-bias", "model."),
        ("families/opt", "model."),
        ("families/phi3", "model."),
        ("families/gemma2", "model."),
        ("families/ministral3", "model."),
    ] {
        let plain = Altered::of(name);
        let older = within(name, "llava", |name| format!("language_model.{name}"));
        let newer = within(name, "llava", |name| match name.strip_prefix(prefix) {
            Some(rest) => format!("model.language_model.{rest}"),
            None => name.to_owned(),
        });
        for copy in [older, newer] {
            let notes = copy.notes().join("; ");
            assert!(
                notes.contains("a llava model: only its text part") && notes.contains("vision_tower."),
                "{name}: {notes}"
            );
            assert_eq!(copy.logits(), plain.logits(), "{name}");
        }
    }
}

#[test]
fn a_model_with_images_may_keep_the_keys_of_its_text_part_beside_its_own() {
    for (name, model_type) in [
        ("tiny/llama-gqa-untied", "llava_llama"),
        ("tiny/mistral-window", "llava_mistral"),
        ("tiny/qwen2-bias", "qwen2_vl"),
    ] {
        let plain = Altered::of(name);
        let copy = plain.clone().with("model_type", model_type);
        let copy = copy.with_tensor("model.mm_projector.0.weight", Stored::filled(&[4, 4], 0.5));
        let copy = copy.with_tensor("visual.patch_embed.proj.weight", Stored::filled(&[4, 4], 0.5));
        assert!(copy.notes().join("; ").contains(&format!("a {model_type} model")), "{:?}", copy.notes());
        assert_eq!(copy.logits(), plain.logits(), "{name}");
    }
    // The text part of a Qwen3-VL has a name of its own, and is a Qwen3.
    let mut copy = within("families/qwen3", "qwen3_vl", |name| match name.strip_prefix("model.") {
        Some(rest) => format!("model.language_model.{rest}"),
        None => name.to_owned(),
    });
    copy.config["text_config"]["model_type"] = json!("qwen3_vl_text");
    copy.config["text_config"]["rope_scaling"] =
        json!({"mrope_interleaved": true, "mrope_section": [2, 1, 1], "rope_type": "default"});
    assert_eq!(copy.logits(), Altered::of("families/qwen3").logits());
    // Positions of images do not matter for texts.
    let scaling = json!({"type": "mrope", "mrope_section": [1, 1, 2]});
    let copy = Altered::of("tiny/qwen2-bias").with("model_type", "qwen2_vl").with("rope_scaling", scaling);
    assert_eq!(copy.logits(), Altered::of("tiny/qwen2-bias").logits());
}

#[test]
fn sizes_that_a_llava_leaves_out_are_those_of_the_class() {
    // The text part of the published LLaVA 1.5; a folder with it has no such tensors here.
    let text = json!({"model_type": "llama", "vocab_size": 32064, "max_position_embeddings": 4096});
    let config = json!({"model_type": "llava", "text_config": text}).to_string();
    let c = laser_model::ModelConfig::from_hf("config.json", &config).expect("complete");
    assert_eq!((c.d_model, c.n_layers, c.n_heads, c.d_mlp, c.vocab_size), (4096, 32, 32, 11_008, 32_064));
    // A model of its own must say them.
    let error =
        laser_model::ModelConfig::from_hf("config.json", "{\"model_type\": \"llama\"}").expect_err("incomplete");
    assert!(error.to_string().contains("`hidden_size`"), "{error}");
}

#[test]
fn an_unknown_text_part_is_named_with_its_wrapper() {
    let mut copy = within("tiny/llama-gqa-untied", "internvl_chat", |name| format!("language_model.{name}"));
    let text = copy.config.remove("text_config").expect("the text part");
    let copy = copy.with("llm_config", text);
    assert!(copy.notes().join("; ").contains("a internvl_chat model"), "{:?}", copy.notes());
    let mut text = copy.config["llm_config"].clone();
    text["model_type"] = json!("internlm2");
    let error = copy.with("llm_config", text).error();
    assert!(error.contains("`llm_config.model_type`") && error.contains("internlm2"), "{error}");
    assert!(error.contains("internvl_chat"), "{error}");
    let error = Altered::of("tiny/llama-gqa-untied").with("model_type", "qwen2_audio").error();
    assert!(error.contains("`model_type`") && error.contains("qwen2_audio"), "{error}");
}

#[test]
fn the_flag_of_a_tied_head_may_be_in_either_place() {
    let mut copy = within("tiny/llama-tied", "llava", |name| format!("language_model.{name}"));
    let expected = Altered::of("tiny/llama-tied").logits();
    assert_eq!(copy.clone().with("tie_word_embeddings", false).logits(), expected);
    copy.config["text_config"]["tie_word_embeddings"] = json!(false);
    assert_eq!(copy.clone().with("tie_word_embeddings", true).logits(), expected);
    let error = copy.error();
    assert!(error.contains("missing tensor `language_model.lm_head.weight`"), "{error}");
}

/// A quantised matrix in place of one of the golden's.
fn quantised(config: Value, suffix: &str, dtype: Dtype) -> Altered {
    let mut copy = Altered::of("tiny/llama-gqa-untied").with("quantization_config", config);
    let stem = "model.layers.0.self_attn.q_proj";
    copy.tensors.remove(&format!("{stem}.weight"));
    copy.with_tensor(
        &format!("{stem}{suffix}"),
        Stored { dtype, shape: vec![4, 8], bytes: vec![1; 32 * dtype.bitsize() / 8] },
    )
}

#[test]
fn quantised_weights_are_refused_by_the_name_of_the_method() {
    for (config, suffix, dtype, method) in [
        (json!({"quant_method": "gptq", "bits": 4, "group_size": 128}), ".qweight", Dtype::I32, "GPTQ, 4 bits"),
        (json!({"quant_method": "awq", "bits": 4}), ".qweight", Dtype::I32, "AWQ, 4 bits"),
        (json!({"quant_method": "fp8", "weight_block_size": [128, 128]}), ".weight", Dtype::F8_E4M3, "FP8"),
        (json!({"quant_method": "bitsandbytes", "load_in_4bit": true}), ".weight", Dtype::U8, "bitsandbytes, 4 bits"),
        (json!({"load_in_8bit": true}), ".weight", Dtype::I8, "bitsandbytes, 8 bits"),
        (json!({"quant_method": "compressed-tensors"}), ".weight_packed", Dtype::I32, "compressed-tensors"),
    ] {
        let error = quantised(config, suffix, dtype).error();
        assert!(error.contains("config.json: `quantization_config`") && error.contains(method), "{error}");
        // Without the key, by the tensor.
        let error = quantised(Value::Null, suffix, dtype).error();
        assert!(error.contains("quantised by") && error.contains("q_proj"), "{method}: {error}");
    }
    // In the text part of a model with images, and in its older place.
    let mut copy = within("tiny/llama-gqa-untied", "llava", |name| format!("language_model.{name}"));
    copy.config["text_config"]["quantization_config"] = json!({"quant_method": "awq", "bits": 4});
    let error = copy.with_tensor("language_model.x.qweight", Stored::filled(&[2], 0.5)).error();
    assert!(error.contains("AWQ"), "{error}");
}

#[test]
fn weights_that_are_not_quantised_run_whatever_the_key_says() {
    for config in
        [json!({"quant_method": "bitsandbytes", "load_in_4bit": true}), json!({"quant_method": "gptq", "bits": 4})]
    {
        let copy = Altered::of("tiny/llama-gqa-untied").with("quantization_config", config);
        let notes = copy.notes().join("; ");
        assert!(notes.contains("`quantization_config`") && notes.contains("not quantised"), "{notes}");
        assert_eq!(copy.logits(), Altered::of("tiny/llama-gqa-untied").logits());
    }
}

#[test]
fn a_file_that_cannot_be_read_is_explained_by_its_quantisation() {
    let copy = Altered::of("tiny/llama-gqa-untied").with("quantization_config", json!({"quant_method": "awq"}));
    let folder = copy.write();
    std::fs::rename(folder.path().join("model.safetensors"), folder.path().join("model.pt")).expect("renamed");
    let error = laser_model::ModelFiles::open(folder.path()).expect_err("a pickle").to_string();
    assert!(error.contains("AWQ"), "{error}");
}
