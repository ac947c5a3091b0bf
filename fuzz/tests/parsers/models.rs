//! Configurations with tiny weights, and whole GGUF models: opened, loaded, and run on one sequence.

use std::path::{Path, PathBuf};

use laser::model::ModelFiles;
use laser::model::candle::{DType, Device};
use laser_fuzz::damage::Damaged;
use laser_fuzz::target::Target;

use crate::support::{NEXT_PART, folder, golden, goldens, parts, write};

/// Keys and values of configurations of several families.
const WORDS: &[&str] = &[
    "\"model_type\"",
    "\"hidden_size\"",
    "\"num_attention_heads\"",
    "\"num_key_value_heads\"",
    "\"head_dim\"",
    "\"vocab_size\"",
    "\"num_hidden_layers\"",
    "\"intermediate_size\"",
    "\"rope_theta\"",
    "\"rope_scaling\"",
    "{\"type\":\"linear\",\"factor\":2.0}",
    "{\"rope_type\":\"yarn\",\"factor\":4.0}",
    "{\"rope_type\":\"dynamic\",\"factor\":2.0}",
    "{\"rope_type\":\"llama3\",\"factor\":8.0}",
    "\"partial_rotary_factor\"",
    "\"sliding_window\"",
    "\"layer_types\"",
    "\"max_position_embeddings\"",
    "\"rms_norm_eps\"",
    "\"tie_word_embeddings\"",
    "\"num_experts\"",
    "\"num_experts_per_tok\"",
    "\"n_head\"",
    "\"n_embd\"",
    "\"attention_multiplier\"",
    "\"hidden_act\"",
    "\"gelu_new\"",
    "\"relu\"",
    "null",
    "true",
    "false",
    "[]",
    "{}",
    "\"\"",
    "NaN",
    "Infinity",
    "[1,2]",
    "\"llama\"",
    "\"gemma2\"",
    "\"qwen3\"",
    "\"gpt2\"",
    "1e999",
];

/// Opens and loads a model and runs it; whether it can be opened.
fn run(path: &Path) -> bool {
    let Ok(files) = ModelFiles::open(path) else { return false };
    if let Ok(model) = files.load(&Device::Cpu, DType::F32, 1) {
        // Fails for models that read no tokens, and where a sequence is too long.
        let _ = model.trace(&[1, 2, 3]);
        let _ = model.greedy(&[0, 1], 2);
        // Tokens that the embedding does not have.
        let _ = model.trace(&[u32::MAX, 0]);
    }
    true
}

/// Golden models whose weights are at most `largest` bytes, by path below the goldens.
fn small_models(largest: u64) -> Vec<String> {
    let mut found = Vec::new();
    for group in ["tiny", "families"] {
        for entry in std::fs::read_dir(goldens().join(group)).expect("goldens") {
            let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
            let weights = goldens().join(group).join(&name).join("model.safetensors");
            if weights.metadata().is_ok_and(|file| file.len() <= largest) {
                found.push(format!("{group}/{name}"));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn configurations_with_weights() {
    let home = folder();
    let models = small_models(100_000);
    assert!(models.len() > 10, "goldens are missing");
    let mut seeds = Vec::new();
    let mut folders: Vec<PathBuf> = Vec::new();
    for (i, model) in models.iter().enumerate() {
        let folder = home.path().join(i.to_string());
        std::fs::create_dir(&folder).expect("creates");
        write(&folder.join("model.safetensors"), &golden(&format!("{model}/model.safetensors")));
        folders.push(folder);
        // The first part says whose weights belong to the configuration.
        let mut seed = format!("{i}{NEXT_PART}").into_bytes();
        seed.extend(golden(&format!("{model}/config.json")));
        seeds.push(seed);
    }
    let inputs = Damaged { seeds, words: WORDS };
    Target { name: "config", other_bytes: 100_000, executions: 1200, inputs }.run(bolero::check!(), |input| {
        let mut parts = parts(input);
        let which: usize = parts.next().and_then(|part| std::str::from_utf8(part).ok()?.parse().ok()).unwrap_or(0);
        let folder = &folders[which % folders.len()];
        write(&folder.join("config.json"), parts.next().unwrap_or(input));
        run(folder)
    });
}

#[test]
fn gguf_models() {
    let folder = folder();
    let path = folder.path().join("model.gguf");
    let names = ["gemma", "stablelm-parallel", "gptneox-serial", "falcon", "qwen3moe", "qwen2moe", "phi3-longrope"];
    let seeds = names.iter().map(|name| golden(&format!("gguf/{name}.gguf"))).collect();
    let words = &["llama", "gemma", ".attention.head_count_kv", ".rope.freq_base", ".block_count", "blk.0.", ".weight"];
    let inputs = Damaged { seeds, words };
    Target { name: "gguf-model", other_bytes: 0, executions: 1000, inputs }.run(bolero::check!(), |input| {
        write(&path, input);
        run(&path)
    });
}
