//! Names of tensors: with and without the prefix of the base model, in wrappers of tools, beside tensors that the text
//! model does not use.

use std::path::Path;

use crate::altered::{Altered, Stored, all, logits};
use laser_model::ModelFiles;

/// Prefix of the base model in the goldens of each family.
const PREFIXES: &[&str] =
    &["model.decoder.", "model.", "transformer.", "gpt_neox.", "bert.", "roberta.", "distilbert.", "encoder."];

fn has_tokens(name: &str) -> bool {
    name != "families/decision_transformer"
}

#[test]
fn the_prefix_of_the_base_model_may_be_absent() {
    let mut without = 0;
    for name in all() {
        let copy = Altered::of(&name);
        // Gemma 3 with images has another wrapper, which the text part is tested with below.
        let Some(prefix) = PREFIXES.iter().find(|prefix| copy.tensors.keys().any(|name| name.starts_with(**prefix)))
        else {
            continue;
        };
        let bare = copy.clone().renamed(|name| name.strip_prefix(prefix).unwrap_or(name).to_owned());
        let files = bare.open().unwrap_or_else(|e| panic!("{name} without {prefix}: {e}"));
        // Without the prefix, it shows no more that the other head belongs to BERT.
        assert!(files.notes().all(|note| note.contains("pooler.")), "{name}: {:?}", files.notes().collect::<Vec<_>>());
        if has_tokens(&name) {
            assert_eq!(logits(&files), copy.logits(), "{name}");
        }
        without += 1;
    }
    assert!(without > 30, "{without}");
}

#[test]
fn the_prefix_of_the_base_model_may_be_present_where_it_usually_is_not() {
    // Goldens whose names have no prefix.
    for (name, prefix) in [("families/gpt2-bare", "transformer."), ("families/bloom", "transformer.")] {
        let copy = Altered::of(name);
        let full = copy.clone().renamed(|name| match name.starts_with("lm_head") {
            true => name.to_owned(),
            false => format!("{prefix}{name}"),
        });
        assert_eq!(full.logits(), copy.logits(), "{name}");
    }
}

#[test]
fn wrappers_of_tools_are_stripped_with_a_remark() {
    for name in all().into_iter().filter(|name| name != "families/gemma3") {
        let copy = Altered::of(&name);
        for wrapper in ["_orig_mod.", "module.", "base_model.model.", "module._orig_mod.", "pretrained_model."] {
            let wrapped = copy.clone().renamed(|name| format!("{wrapper}{name}"));
            let files = wrapped.open().unwrap_or_else(|e| panic!("{name} in {wrapper}: {e}"));
            let notes: Vec<&str> = files.notes().collect();
            assert!(notes.len() == 1 && notes[0].contains(&format!("`{wrapper}`")), "{name} in {wrapper}: {notes:?}");
            if has_tokens(&name) {
                assert_eq!(logits(&files), copy.logits(), "{name} in {wrapper}");
            }
            // The names stay those of the file, which an edited copy keeps.
            let id = files.config().stored(0)[0];
            assert!(files.tensor_names(id)[0].starts_with(wrapper), "{name}: {:?}", files.tensor_names(id));
        }
    }
}

#[test]
fn tensors_that_the_text_model_does_not_use_are_left_out_with_a_remark() {
    for name in ["tiny/llama-gqa-untied", "tiny/llama-tied", "families/gpt2", "families/gpt_neox", "families/opt"] {
        let copy = Altered::of(name);
        for extra in [
            "v_head.summary.weight",
            "v_head.summary.bias",
            "score.weight",
            "mtp.layers.0.input_proj.weight",
            "model.mtp_layers.0.self_attn.q_proj.weight",
            "vision_tower.vision_model.embeddings.position_embedding.weight",
            "multi_modal_projector.linear_1.weight",
            "audio_tower.layers.0.fc1.weight",
            "reward_statistics.mean",
        ] {
            let more = copy.clone().with_tensor(extra, Stored::filled(&[2, 3], 0.5));
            let notes = more.notes().join("; ");
            assert!(notes.contains(extra) && notes.contains("not read"), "{name}: {extra}: {notes}");
            assert_eq!(more.logits(), copy.logits(), "{name}: {extra}");
        }
        let empty = copy.clone().with_tensor("model.layers.0.mlp.placeholder", Stored::filled(&[0, 8], 0.5));
        assert!(empty.notes().join("; ").contains("placeholder"), "{name}");
        let buffer =
            copy.clone().with_tensor("model.layers.0.self_attn.rotary_emb.inv_freq", Stored::filled(&[4], 0.5));
        assert_eq!(buffer.logits(), copy.logits(), "{name}");
    }
    // Layers that predict further tokens, after the last one.
    let copy = Altered::of("tiny/llama-gqa-untied");
    let extra = "model.layers.3.eh_proj.weight";
    let more = copy.clone().with_tensor(extra, Stored::filled(&[2, 3], 0.5)).with("num_nextn_predict_layers", 1);
    assert!(more.notes().join("; ").contains(extra), "{:?}", more.notes());
    assert_eq!(more.logits(), copy.logits());
}

#[test]
fn tensors_that_may_belong_to_the_model_are_errors() {
    for (name, extra) in [
        ("tiny/llama-gqa-untied", "model.layers.0.self_attn.q_proj.bias"),
        ("tiny/llama-gqa-untied", "model.layers.0.self_attn.q_norm.weight"),
        ("tiny/llama-gqa-untied", "model.layers.0.post_feedforward_layernorm.weight"),
        ("tiny/llama-gqa-untied", "model.layers.3.self_attn.q_proj.weight"),
        ("tiny/llama-gqa-untied", "model.embed_positions.weight"),
        ("tiny/llama-gqa-untied", "lm_head.bias"),
        ("tiny/llama-tied", "lm_head.bias"),
        ("tiny/mistral-window", "model.norm.bias"),
        ("families/gpt2", "lm_head.bias"),
        ("families/gpt2", "transformer.h.0.attn.q_norm.weight"),
        ("families/gpt2-bare", "embedding_projection.weight"),
        ("families/bert", "cls.predictions.extra.weight"),
    ] {
        let error = Altered::of(name).with_tensor(extra, Stored::filled(&[2], 0.5)).error();
        assert!(error.contains("surplus") && error.contains(extra), "{name}: {extra}: {error}");
    }
}

/// Opens a folder with an index of two shards, of which `change` alters the index.
fn sharded(change: impl Fn(&mut serde_json::Value)) -> Result<ModelFiles, laser_model::Error> {
    let copy = Altered::of("tiny/llama-gqa-untied");
    let folder = copy.write();
    std::fs::remove_file(folder.path().join("model.safetensors")).expect("removed");
    let names = ["a.safetensors", "b.safetensors"];
    let mut map = serde_json::Map::new();
    for (i, shard) in names.iter().enumerate() {
        let mut part = copy.clone();
        part.tensors = copy.tensors.iter().skip(i).step_by(2).map(|(n, t)| (n.clone(), t.clone())).collect();
        part.write_weights(&folder.path().join(shard));
        map.extend(part.tensors.keys().map(|name| (name.clone(), (*shard).into())));
    }
    let mut index = serde_json::json!({"metadata": {"total_size": 1}, "weight_map": map});
    change(&mut index);
    std::fs::write(folder.path().join("model.safetensors.index.json"), index.to_string()).expect("written");
    ModelFiles::open(folder.path())
}

#[test]
fn an_index_may_be_incomplete_where_nobody_reads_it() {
    let expected = Altered::of("tiny/llama-gqa-untied").logits();
    let metadata: [fn(&mut serde_json::Value); 4] = [
        |index| drop(index.as_object_mut().and_then(|map| map.remove("metadata"))),
        |index| index["metadata"] = serde_json::json!({}),
        |index| index["metadata"] = serde_json::json!({"total_size": "12 GB", "format": null}),
        |index| index["metadata"] = serde_json::json!(null),
    ];
    for change in metadata {
        assert_eq!(logits(&sharded(change).expect("opens")), expected);
    }
    let name = "model.norm.weight";
    let missing = sharded(|index| index["weight_map"]["model.layers.9.x"] = "c.safetensors".into());
    assert!(missing.expect_err("missing").to_string().contains("c.safetensors"));
    let stale = sharded(|index| drop(index["weight_map"].as_object_mut().and_then(|map| map.remove(name))));
    assert!(stale.expect_err("stale").to_string().contains(name));
    let moved = sharded(|index| {
        let shard = &mut index["weight_map"][name];
        *shard = if *shard == "a.safetensors" { "b.safetensors".into() } else { "a.safetensors".into() };
    });
    assert!(moved.expect_err("moved").to_string().contains(name));
}

/// Writes a safetensors file with this header entry in front of the others.
fn with_header_entry(path: &Path, entry: &str) {
    let bytes = std::fs::read(path).expect("the file");
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes"));
    let (header, data) = bytes[8..].split_at(usize::try_from(length).expect("a length"));
    let header = String::from_utf8(header.to_vec()).expect("JSON").replacen('{', &format!("{{{entry},"), 1);
    let mut all = (header.len() as u64).to_le_bytes().to_vec();
    all.extend_from_slice(header.as_bytes());
    all.extend_from_slice(data);
    std::fs::write(path, all).expect("written");
}

#[test]
fn metadata_of_a_safetensors_file_may_be_odd() {
    let copy = Altered::of("tiny/llama-gqa-untied");
    for value in ["{}", "null", "{\"format\": \"pt\"}", "{\"format\": \"tf\", \"\": \"\\u0000\", \"ü\": \"x\"}"] {
        let folder = copy.write();
        with_header_entry(&folder.path().join("model.safetensors"), &format!("\"__metadata__\": {value}"));
        let files = ModelFiles::open(folder.path()).unwrap_or_else(|e| panic!("{value}: {e}"));
        assert_eq!((logits(&files), files.notes().count()), (copy.logits(), 0), "{value}");
    }
    for value in ["{\"format\": 3}", "[]", "\"pt\""] {
        let folder = copy.write();
        with_header_entry(&folder.path().join("model.safetensors"), &format!("\"__metadata__\": {value}"));
        let error = ModelFiles::open(folder.path()).expect_err(value).to_string();
        assert!(error.contains("model.safetensors"), "{value}: {error}");
    }
}

#[test]
fn files_without_the_head_are_said_to_be_that() {
    // What the class without a head saves, of a model whose head is not tied.
    let mut copy = Altered::of("tiny/llama-gqa-untied");
    copy.tensors.remove("lm_head.weight");
    let error = copy.renamed(|name| name.strip_prefix("model.").unwrap_or(name).to_owned()).error();
    assert!(error.contains("missing tensor `lm_head.weight`") && error.contains("without its head"), "{error}");
}
