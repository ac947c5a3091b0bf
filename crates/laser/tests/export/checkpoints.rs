//! Checkpoints made for the tests: GGUF files from the tiny goldens, and a folder whose rows are long enough for every
//! quantised type.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use laser::model::config::ModelConfig;
use laser::model::load::ModelFiles;
use laser::model::rope::{Rope, RopeScaling};
use laser_checkpoint::{Array, Checkpoint, Dtype, Metadata, NewTensor, Value, gguf, safetensors};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Llama's tensor names in Hugging Face files and in GGUF; `{}` is the layer.
const EMBEDDING: (&str, &str) = ("model.embed_tokens.weight", "token_embd.weight");
const FINAL_NORM: (&str, &str) = ("model.norm.weight", "output_norm.weight");
const HEAD: (&str, &str) = ("lm_head.weight", "output.weight");
const NORMS: [(&str, &str); 2] = [
    ("model.layers.{}.input_layernorm.weight", "blk.{}.attn_norm.weight"),
    ("model.layers.{}.post_attention_layernorm.weight", "blk.{}.ffn_norm.weight"),
];
/// Llama's matrices in the order of the forward pass, without `.weight` or `.bias`.
const MATRICES: [(&str, &str); 7] = [
    ("model.layers.{}.self_attn.q_proj", "blk.{}.attn_q"),
    ("model.layers.{}.self_attn.k_proj", "blk.{}.attn_k"),
    ("model.layers.{}.self_attn.v_proj", "blk.{}.attn_v"),
    ("model.layers.{}.self_attn.o_proj", "blk.{}.attn_output"),
    ("model.layers.{}.mlp.gate_proj", "blk.{}.ffn_gate"),
    ("model.layers.{}.mlp.up_proj", "blk.{}.ffn_up"),
    ("model.layers.{}.mlp.down_proj", "blk.{}.ffn_down"),
];

/// The name with its layer filled in.
fn at(name: &str, layer: usize) -> String {
    name.replace("{}", &layer.to_string())
}

/// Path of a tiny checkpoint in the repository.
pub(crate) fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/tiny").join(name)
}

/// Names of a folder's entries, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("lists");
    let mut names: Vec<_> = entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Writes a Llama of two layers with random values, uniform in ±0.1 (norms around 1). Rows have 256 values, one block
/// of GGUF's K types.
pub(crate) fn random_folder(folder: &Path, seed: u64) -> PathBuf {
    fs::create_dir_all(folder).expect("creates");
    let config = serde_json::json!({
        "model_type": "llama", "vocab_size": 64, "hidden_size": 256, "intermediate_size": 256,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "rms_norm_eps": 1e-5, "tie_word_embeddings": true,
    });
    fs::write(folder.join("config.json"), config.to_string()).expect("writes");
    let config = ModelConfig::from_hf("config.json", &config.to_string()).expect("is complete");
    let mut shapes = vec![(EMBEDDING.0.to_owned(), vec![64, 256]), (FINAL_NORM.0.to_owned(), vec![256])];
    for layer in 0..2 {
        shapes.extend(NORMS.map(|(norm, _)| (at(norm, layer), vec![256])));
        for ((name, _), id) in MATRICES.iter().zip(config.stored(layer)) {
            shapes.push((format!("{}.weight", at(name, layer)), config.shape(id).to_vec()));
        }
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut tensors = Vec::new();
    for (name, shape) in &shapes {
        let centre = if shape.len() == 1 { 1.0 } else { 0.0 };
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| centre + rng.random_range(-0.1f32..0.1)).collect();
        tensors.push(NewTensor::new(name, Dtype::F32, shape, move || Ok(values)));
    }
    safetensors::write_folder(folder, tensors, &BTreeMap::new(), usize::MAX).expect("writes");
    folder.to_owned()
}

/// Writes the model in `folder` as a GGUF file at `path`: matrices in the data type `dtype(name)`, norms and biases in
/// F32, and the vocabulary if the folder has one.
pub(crate) fn gguf_of(folder: &Path, path: &Path, dtype: impl Fn(&str) -> Dtype) -> PathBuf {
    write(folder, path, dtype, None)
}

/// Like [`gguf_of`] in F32, with these divisors of the rotary frequencies.
pub(crate) fn gguf_with_divisors(folder: &Path, path: &Path, divisors: &[f32]) -> PathBuf {
    write(folder, path, |_| Dtype::F32, Some(divisors.to_vec()))
}

/// Splits a GGUF file into `count` parts in `folder`, as llama.cpp's `gguf-split` does: the metadata are in the first.
pub(crate) fn split(whole: &Path, folder: &Path, count: u16) -> Vec<PathBuf> {
    let checkpoint = Checkpoint::open(whole).expect("opens");
    let all: Vec<_> = checkpoint.tensors().collect();
    let write = |number: u16| {
        let path = folder.join(format!("part-{:05}-of-{count:05}.gguf", number + 1));
        let mut pairs = Vec::new();
        if number == 0 {
            let metadata = checkpoint.gguf_metadata().expect("a GGUF file");
            pairs.extend(metadata.iter().map(|(key, value)| (key.to_owned(), value.clone())));
        }
        pairs.push(("split.no".to_owned(), Value::U16(number)));
        pairs.push(("split.count".to_owned(), Value::U16(count)));
        pairs.push(("split.tensors.count".to_owned(), Value::I32(i32::try_from(all.len()).expect("tiny"))));
        // Every type of tensor in every part.
        let own = all.iter().skip(usize::from(number)).step_by(usize::from(count));
        let tensors = own.map(|info| {
            NewTensor::new(&info.name, info.dtype, &info.shape, || checkpoint.tensor(&info.name)?.to_f32())
        });
        gguf::write(&path, &Metadata::from_pairs(pairs).expect("the keys differ"), tensors.collect()).expect("writes");
        path
    };
    (0..count).map(write).collect()
}

fn write(folder: &Path, path: &Path, dtype: impl Fn(&str) -> Dtype, divisors: Option<Vec<f32>>) -> PathBuf {
    let files = ModelFiles::open(folder).expect("opens");
    let (config, checkpoint) = (files.config(), files.checkpoint());
    // llama.cpp has no architecture of its own for Mistral.
    let name = if config.family.model_type == "qwen2" { "qwen2" } else { "llama" };
    let mut tensors = Vec::new();
    let mut add = |from: String, to: String, heads: Option<usize>| {
        let Some(info) = checkpoint.info(&from) else {
            return;
        };
        let dtype = if info.shape.len() == 1 { Dtype::F32 } else { dtype(&to) };
        let values = move || {
            let values = checkpoint.tensor(&from)?.to_f32()?;
            Ok(heads.map_or(values.clone(), |heads| interleave(&values, heads, config.d_head)))
        };
        tensors.push(NewTensor::new(to, dtype, &info.shape, values));
    };
    for (from, to) in [EMBEDDING, FINAL_NORM, HEAD] {
        add(from.into(), to.into(), None);
    }
    for layer in 0..config.n_layers {
        for (from, to) in NORMS {
            add(at(from, layer), at(to, layer), None);
        }
        for (i, (from, to)) in MATRICES.into_iter().enumerate() {
            let heads = [Some(config.n_heads), Some(config.n_kv_heads)].get(i).copied().flatten();
            let heads = heads.filter(|_| name == "llama");
            for suffix in ["weight", "bias"] {
                add(format!("{}.{suffix}", at(from, layer)), format!("{}.{suffix}", at(to, layer)), heads);
            }
        }
    }
    if let Some(divisors) = divisors.or_else(|| llama3_divisors(&config.attention.ropes[0])) {
        let shape = [divisors.len()];
        tensors.push(NewTensor::new("rope_freqs.weight", Dtype::F32, &shape, move || Ok(divisors)));
    }
    let mut pairs = metadata(name, config);
    pairs.extend(vocabulary(folder));
    let metadata = Metadata::from_pairs(pairs).expect("the keys differ");
    gguf::write(path, &metadata, tensors).expect("writes");
    Checkpoint::open(path).expect("opens");
    path.to_owned()
}

/// Rows of a query or key matrix in llama.cpp's order: within each head, row `i` of the first half, then row `i` of the
/// second half.
fn interleave(values: &[f32], heads: usize, d_head: usize) -> Vec<f32> {
    let width = values.len() / (heads * d_head);
    let mut out = Vec::new();
    for head in 0..heads {
        for i in 0..d_head / 2 {
            for half in 0..2 {
                let row = head * d_head + half * d_head / 2 + i;
                out.extend_from_slice(&values[row * width..(row + 1) * width]);
            }
        }
    }
    out
}

/// Divisors of the rotary frequencies, which GGUF stores for Llama 3's scaling; `None` for other scalings.
fn llama3_divisors(rope: &Rope) -> Option<Vec<f32>> {
    let RopeScaling::Llama3 { .. } = rope.scaling else {
        return None;
    };
    let plain = Rope { scaling: RopeScaling::Default, ..rope.clone() }.inverse_frequencies(1).0;
    let scaled = rope.inverse_frequencies(1).0;
    Some(plain.iter().zip(scaled).map(|(p, s)| (p / s) as f32).collect())
}

/// Metadata of a Llama-like model.
fn metadata(name: &str, c: &ModelConfig) -> Vec<(String, Value)> {
    let count = |n: usize| Value::U32(u32::try_from(n).expect("tiny"));
    let mut pairs = vec![("general.architecture".to_owned(), Value::String(name.into()))];
    pairs.push(("general.license".to_owned(), Value::String("mit".into())));
    for (key, value) in [
        ("block_count", c.n_layers),
        ("context_length", c.max_positions),
        ("embedding_length", c.d_model),
        ("feed_forward_length", c.d_mlp),
        ("attention.head_count", c.n_heads),
        ("attention.head_count_kv", c.n_kv_heads),
        ("attention.key_length", c.d_head),
        ("attention.value_length", c.d_head),
        ("rope.dimension_count", c.d_head),
    ] {
        pairs.push((format!("{name}.{key}"), count(value)));
    }
    pairs.push((format!("{name}.attention.layer_norm_rms_epsilon"), Value::F32(c.norm_eps as f32)));
    pairs.push((format!("{name}.rope.freq_base"), Value::F32(c.attention.ropes[0].theta as f32)));
    if let Some(window) = c.attention.layers[0].window {
        pairs.push((format!("{name}.attention.sliding_window"), count(window)));
    }
    if let RopeScaling::Linear { factor } = c.attention.ropes[0].scaling {
        pairs.push((format!("{name}.rope.scaling.type"), Value::String("linear".into())));
        pairs.push((format!("{name}.rope.scaling.factor"), Value::F32(factor as f32)));
    }
    pairs
}

/// Metadata of a byte-level vocabulary, from the folder's `tokenizer.json`; empty without one.
fn vocabulary(folder: &Path) -> Vec<(String, Value)> {
    let Ok(text) = fs::read_to_string(folder.join("tokenizer.json")) else {
        return Vec::new();
    };
    let json: serde_json::Value = serde_json::from_str(&text).expect("is JSON");
    let mut tokens = BTreeMap::new();
    for (token, id) in json["model"]["vocab"].as_object().expect("a vocabulary") {
        tokens.insert(id.as_u64().expect("an id"), (token.clone(), 1));
    }
    for added in json["added_tokens"].as_array().expect("added tokens") {
        let content = added["content"].as_str().expect("a text").to_owned();
        tokens.insert(added["id"].as_u64().expect("an id"), (content, 3));
    }
    let merges = json["model"]["merges"].as_array().expect("merges").iter().map(|pair| {
        let part = |i: usize| pair[i].as_str().expect("a token");
        format!("{} {}", part(0), part(1))
    });
    let (texts, types) = tokens.into_values().unzip();
    let pairs = [
        ("tokenizer.ggml.model", Value::String("gpt2".into())),
        ("tokenizer.ggml.pre", Value::String("gpt-2".into())),
        ("tokenizer.ggml.tokens", Value::Array(Array::Strings(texts))),
        ("tokenizer.ggml.token_type", Value::Array(Array::I32(types))),
        ("tokenizer.ggml.merges", Value::Array(Array::Strings(merges.collect()))),
        ("tokenizer.ggml.bos_token_id", Value::U32(262)),
        ("tokenizer.ggml.eos_token_id", Value::U32(263)),
        ("tokenizer.chat_template", Value::String("{{ messages }}".into())),
    ];
    pairs.map(|(key, value)| (key.to_owned(), value)).to_vec()
}
