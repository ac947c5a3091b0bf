//! LoRA adapters: settings and tensors, opened, attached to a tiny model and merged into it.

use laser::model::candle::{DType, Device};
use laser::model::{Adapter, ModelFiles};
use laser_fuzz::damage::Damaged;
use laser_fuzz::target::Target;

use crate::support::{NEXT_PART, folder, golden, goldens, parts, write};

/// Keys and values of settings, and parts of tensor names.
const WORDS: &[&str] = &[
    "\"peft_type\"",
    "\"LORA\"",
    "\"r\"",
    "\"lora_alpha\"",
    "\"rank_pattern\"",
    "\"alpha_pattern\"",
    "{\"(a*)*b\":3}",
    "{\"layers\\\\.(0|1)\\\\..*\":2}",
    "{\"(\":1}",
    "\"use_dora\"",
    "\"use_rslora\"",
    "\"ensure_weight_tying\"",
    "\"init_lora_weights\"",
    "true",
    "false",
    "null",
    "NaN",
    "1e999",
    "-1",
    "0",
    ".lora_A.weight",
    ".lora_B.weight",
    ".lora_B.bias",
    ".lora_magnitude_vector",
    ".lora_embedding_A",
    ".base_layer.weight",
    "base_model.model.model.embed_tokens",
    "base_model.model.model.layers.0.self_attn.q_proj",
    "base_model.model.lm_head",
    "base_model.model.model.norm.weight",
];

#[test]
fn adapters() {
    let home = folder();
    let seeds = ["llama", "llama-rslora-patterns", "llama-dora", "llama-embeddings", "llama-embedding-dora"];
    let seeds = seeds.map(|name| {
        let mut seed = golden(&format!("adapters/{name}/adapter_config.json"));
        seed.extend(NEXT_PART.bytes());
        seed.extend(golden(&format!("adapters/{name}/adapter_model.safetensors")));
        seed
    });
    let inputs = Damaged { seeds: seeds.to_vec(), words: WORDS };
    let base = goldens().join("tiny/llama-gqa-untied");
    Target { name: "adapter", other_bytes: 200_000, executions: 500, inputs }.run(bolero::check!(), |input| {
        let mut parts = parts(input);
        write(&home.path().join("adapter_config.json"), parts.next().unwrap_or(input));
        write(&home.path().join("adapter_model.safetensors"), parts.next().unwrap_or_default());
        let Ok(adapter) = Adapter::open(home.path()) else { return false };
        let Ok(files) = ModelFiles::open(&base).and_then(|files| files.with_adapters(vec![adapter])) else {
            return false;
        };
        files.load(&Device::Cpu, DType::F32, 1).is_ok()
    });
}
