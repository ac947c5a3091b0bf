//! The tiny model: seeded weights as a Hugging Face folder in several shards and as a GGUF file, with a byte-level
//! vocabulary that says letters and digits only.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use laser::checkpoint::{Array, Dtype, Metadata, NewTensor, Value, gguf, safetensors};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

pub(crate) const LAYERS: usize = 3;
pub(crate) const D_MODEL: usize = 32;
pub(crate) const D_MLP: usize = 64;

/// Sizes of the model, and the element type of its matrices.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) layers: usize,
    pub(crate) d_model: usize,
    pub(crate) d_mlp: usize,
    pub(crate) dtype: Dtype,
    /// Most bytes of a shard: there are several.
    pub(crate) shard_bytes: usize,
}

const TINY: Sizes = Sizes { layers: LAYERS, d_model: D_MODEL, d_mlp: D_MLP, dtype: Dtype::F32, shard_bytes: 100_000 };
pub(crate) const HEADS: usize = 4;
pub(crate) const KV_HEADS: usize = 2;
pub(crate) const CONTEXT: usize = 64;
/// Characters that the model can generate.
const SPOKEN: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
const END: &str = "<|end|>";

/// Names of a format's tensors without `.weight`; `{}` is the layer.
struct Names {
    embedding: &'static str,
    norms: [&'static str; 2],
    /// In the order of the forward pass.
    matrices: [&'static str; 7],
    final_norm: &'static str,
    head: &'static str,
}

const HF: Names = Names {
    embedding: "model.embed_tokens",
    norms: ["model.layers.{}.input_layernorm", "model.layers.{}.post_attention_layernorm"],
    matrices: [
        "model.layers.{}.self_attn.q_proj",
        "model.layers.{}.self_attn.k_proj",
        "model.layers.{}.self_attn.v_proj",
        "model.layers.{}.self_attn.o_proj",
        "model.layers.{}.mlp.gate_proj",
        "model.layers.{}.mlp.up_proj",
        "model.layers.{}.mlp.down_proj",
    ],
    final_norm: "model.norm",
    head: "lm_head",
};

const GGUF: Names = Names {
    embedding: "token_embd",
    norms: ["blk.{}.attn_norm", "blk.{}.ffn_norm"],
    matrices: [
        "blk.{}.attn_q",
        "blk.{}.attn_k",
        "blk.{}.attn_v",
        "blk.{}.attn_output",
        "blk.{}.ffn_gate",
        "blk.{}.ffn_up",
        "blk.{}.ffn_down",
    ],
    final_norm: "output_norm",
    head: "output",
};

impl Sizes {
    /// `[out, in]` of the matrices.
    fn shapes(self) -> [[usize; 2]; 7] {
        let (d, mlp, kv) = (self.d_model, self.d_mlp, KV_HEADS * self.d_model / HEADS);
        [[d, d], [kv, d], [kv, d], [d, d], [mlp, d], [mlp, d], [d, mlp]]
    }
}

/// The model as a folder: `config.json`, shards with their index, `tokenizer.json`.
pub(crate) fn write_folder(folder: &Path) {
    write_folder_of(folder, TINY);
}

/// The same with other sizes.
pub(crate) fn write_folder_of(folder: &Path, sizes: Sizes) {
    let shards = safetensors::write_folder(folder, tensors(&HF, sizes), &BTreeMap::new(), sizes.shard_bytes);
    assert!(shards.expect("writes").len() > 2, "several shards and an index");
    let tokens = tokens();
    let config = json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": tokens.len(),
        "hidden_size": sizes.d_model, "intermediate_size": sizes.d_mlp, "num_hidden_layers": sizes.layers,
        "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "rms_norm_eps": 1e-5,
        "max_position_embeddings": CONTEXT, "rope_theta": 10000.0, "tie_word_embeddings": false,
        "eos_token_id": tokens.len() - 1, "torch_dtype": "float32",
    });
    let vocabulary: BTreeMap<&str, usize> =
        tokens.iter().map(String::as_str).zip(0..).filter(|(token, _)| *token != END).collect();
    let byte_level = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null,
        "added_tokens": [{"id": tokens.len() - 1, "content": END, "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": true}],
        "pre_tokenizer": byte_level, "post_processor": null, "decoder": byte_level,
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": vocabulary, "merges": merges().map(|(a, b)| [a, b]).collect::<Vec<_>>()},
    });
    for (name, value) in [("config.json", config), ("tokenizer.json", tokenizer)] {
        std::fs::write(folder.join(name), format!("{value:#}\n")).expect("writes");
    }
}

/// A model of the same shapes as a GGUF file in F32. (Its query and key rows are in GGUF's order, so it is not the
/// folder's model.)
pub(crate) fn write_gguf(path: &Path) {
    let tokens = tokens();
    let end = tokens.len() - 1;
    let types = (0..tokens.len()).map(|id| if id == end { 3 } else { 1 }).collect();
    let count = |n: usize| Value::U32(u32::try_from(n).expect("tiny"));
    let text = |text: &str| Value::String(text.into());
    let pairs = [
        ("general.architecture", text("llama")),
        ("llama.block_count", count(LAYERS)),
        ("llama.context_length", count(CONTEXT)),
        ("llama.embedding_length", count(D_MODEL)),
        ("llama.feed_forward_length", count(D_MLP)),
        ("llama.attention.head_count", count(HEADS)),
        ("llama.attention.head_count_kv", count(KV_HEADS)),
        ("llama.attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
        ("llama.rope.freq_base", Value::F32(10_000.0)),
        ("llama.rope.dimension_count", count(D_MODEL / HEADS)),
        ("tokenizer.ggml.model", text("gpt2")),
        ("tokenizer.ggml.pre", text("gpt-2")),
        ("tokenizer.ggml.tokens", Value::Array(Array::Strings(tokens))),
        ("tokenizer.ggml.token_type", Value::Array(Array::I32(types))),
        ("tokenizer.ggml.merges", Value::Array(Array::Strings(merges().map(|(a, b)| format!("{a} {b}")).collect()))),
        ("tokenizer.ggml.eos_token_id", count(end)),
    ];
    let metadata = Metadata::from_pairs(pairs.map(|(key, value)| (key.to_owned(), value)).to_vec());
    gguf::write(path, &metadata.expect("the keys differ"), tensors(&GGUF, TINY)).expect("writes");
}

/// The weights under the names of a format: uniform, scaled so that every matrix matters.
fn tensors(names: &Names, sizes: Sizes) -> Vec<NewTensor<'static>> {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut tensors = Vec::new();
    let vocabulary = tokens();
    // Large models have small weights, so that states do not grow.
    let scale = (D_MODEL as f32 / sizes.d_model as f32).sqrt();
    let mut add = |name: &str, layer: usize, shape: &[usize], centre: f32, spread: f32| {
        let count: usize = shape.iter().product();
        // Random values are slow to draw: those of large matrices repeat, with a period that no row has.
        let drawn: Vec<f32> = (0..count.min(99_991)).map(|_| centre + rng.random_range(-spread..spread)).collect();
        let values: Vec<f32> = drawn.iter().copied().cycle().take(count).collect();
        let name = format!("{}.weight", name.replace("{}", &layer.to_string()));
        let dtype = if shape.len() == 1 { Dtype::F32 } else { sizes.dtype };
        tensors.push(NewTensor::new(name, dtype, shape, move || Ok(values)));
    };
    add(names.embedding, 0, &[vocabulary.len(), sizes.d_model], 0.0, 1.0);
    for layer in 0..sizes.layers {
        for norm in names.norms {
            add(norm, layer, &[sizes.d_model], 1.0, 0.1);
        }
        for (name, shape) in names.matrices.into_iter().zip(sizes.shapes()) {
            add(name, layer, &shape, 0.0, 0.5 * scale);
        }
    }
    add(names.final_norm, 0, &[sizes.d_model], 1.0, 0.1);
    let head = head(&vocabulary, sizes.d_model, &mut rng);
    let shape = [vocabulary.len(), sizes.d_model];
    tensors.push(NewTensor::new(format!("{}.weight", names.head), sizes.dtype, &shape, move || Ok(head)));
    tensors
}

/// The output head: rows of zeros for what the model does not speak, so that each prediction is a letter or digit.
fn head(vocabulary: &[String], d_model: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let spoken: BTreeSet<String> = SPOKEN.chars().flat_map(|c| [c.to_string(), format!("Ġ{c}")]).collect();
    let row = |token: &String| -> Vec<f32> {
        let spread = if spoken.contains(token) { 0.5 } else { 0.0 };
        (0..d_model).map(|_| spread * rng.random_range(-1.0f32..1.0)).collect()
    };
    vocabulary.iter().flat_map(row).collect()
}

/// All bytes in the alphabet of byte-level vocabularies, a merged token for a blank and each spoken character, and
/// the end of text.
fn tokens() -> Vec<String> {
    let mut unprintable = 256;
    let byte = |byte: u32| match byte {
        33..=126 | 161..=172 | 174..=255 => byte,
        _ => {
            unprintable += 1;
            unprintable - 1
        }
    };
    let bytes: Vec<u32> = (0..256).map(byte).collect();
    let bytes = bytes.into_iter().map(|c| char::from_u32(c).expect("below the surrogates").to_string());
    bytes.chain(merges().map(|(a, b)| a + &b)).chain([END.to_owned()]).collect()
}

fn merges() -> impl Iterator<Item = (String, String)> {
    SPOKEN.chars().map(|c| ("Ġ".to_owned(), c.to_string()))
}
