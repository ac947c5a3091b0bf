//! Metadata of GGUF files that contradict the file: every number is compared with the tensors before it is used, sizes
//! may be given for each layer, and every refusal names file and key.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::support::{self, goldens};
use candle_core::{DType, Device};
use laser_checkpoint::{Array, Checkpoint, Metadata, NewTensor, Value, gguf};
use laser_model::load::ModelFiles;
use tempfile::TempDir;

type Pairs = Vec<(String, Value)>;

/// The file in `goldens/gguf/` with changed metadata, and its folder.
struct Changed {
    _folder: TempDir,
    path: PathBuf,
}

impl Changed {
    fn new(name: &str, change: impl FnOnce(&mut Pairs)) -> Self {
        let source = Checkpoint::open(&goldens().join(format!("gguf/{name}.gguf"))).expect("a golden");
        let mut pairs: Pairs = source
            .gguf_metadata()
            .expect("a GGUF file")
            .iter()
            .map(|(key, value)| (key.to_owned(), value.clone()))
            .collect();
        change(&mut pairs);
        let tensor = |name: &str| source.tensor(name).expect("is there").to_f32();
        let tensors =
            source.tensors().map(|info| NewTensor::new(&info.name, info.dtype, &info.shape, || tensor(&info.name)));
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("changed.gguf");
        gguf::write(&path, &Metadata::from_pairs(pairs).expect("distinct keys"), tensors.collect()).expect("writes");
        Self { _folder: folder, path }
    }

    /// The file with another value of one key, which it need not have had.
    fn with(name: &str, key: &str, value: Value) -> Self {
        Self::new(name, |pairs| {
            pairs.retain(|(found, _)| found != key);
            pairs.push((key.to_owned(), value));
        })
    }

    fn open(&self) -> Result<ModelFiles, laser_model::Error> {
        ModelFiles::open(&self.path)
    }

    /// The message of the refusal.
    fn refusal(&self) -> String {
        match self.open().and_then(|files| files.tokenizer()) {
            Ok(_) => panic!("was accepted"),
            Err(error) => error.to_string(),
        }
    }
}

fn logits(files: &ModelFiles) -> Vec<f32> {
    let model = files.load(&Device::Cpu, DType::F32, 1).expect("loads");
    model.trace(&[3, 1, 4, 1, 5]).expect("runs").logits.flatten_all().and_then(|t| t.to_vec1()).expect("values")
}

/// Number of blocks of a golden, and a size in it.
fn sizes(name: &str, key: &str) -> (usize, u32) {
    let source = Checkpoint::open(&goldens().join(format!("gguf/{name}.gguf"))).expect("a golden");
    let metadata = source.gguf_metadata().expect("a GGUF file");
    let family = metadata.str("general.architecture").expect("a text").expect("is there");
    let number = |key: &str| metadata.u64(&format!("{family}.{key}")).expect("a number").expect(key);
    (usize::try_from(number("block_count")).expect("tiny"), u32::try_from(number(key)).expect("tiny"))
}

#[test]
fn sizes_of_each_layer_are_read_where_they_agree() {
    for (name, family) in [("llama", "llama"), ("qwen2", "qwen2"), ("gemma2", "gemma2"), ("mixtral", "llama")] {
        let expected = logits(&Changed::new(name, |_| ()).open().expect("opens"));
        for key in ["attention.head_count", "attention.head_count_kv", "feed_forward_length"] {
            let (layers, size) = sizes(name, key);
            let full = format!("{family}.{key}");
            let signed = i32::try_from(size).expect("tiny");
            for list in [Array::U32(vec![size; layers]), Array::I32(vec![signed; layers])] {
                let files = Changed::with(name, &full, Value::Array(list));
                assert_eq!(logits(&files.open().expect(key)), expected, "{name}: {key}");
            }
        }
    }
}

#[test]
fn sizes_that_differ_between_layers_are_refused_by_file_and_key() {
    let (layers, _) = sizes("llama", "attention.head_count_kv");
    assert_eq!(layers, 3);
    let refusal = |key: &str, list: Array| {
        let message = Changed::with("llama", &format!("llama.{key}"), Value::Array(list)).refusal();
        assert!(message.contains("changed.gguf") && message.contains(&format!("llama.{key}")), "{message}");
        message
    };
    for key in ["attention.head_count", "attention.head_count_kv"] {
        let message = refusal(key, Array::I32(vec![3, 3, 9]));
        assert!(message.contains("not supported") && message.contains("3 in layer 0 and 9 in layer 2"), "{message}");
        // A 0 stands for a layer without attention.
        assert!(refusal(key, Array::I32(vec![3, 0, 9])).contains("3 in layer 0 and 9 in layer 2"));
        assert!(refusal(key, Array::I32(vec![0; 3])).contains("expected a count"));
        for list in [Array::I32(vec![3, 3]), Array::I32(vec![3; 4]), Array::I32(vec![])] {
            assert!(refusal(key, list).contains("one value for each of 3 layers"));
        }
        for list in [Array::I32(vec![3, -3, 3]), Array::Strings(vec!["3".into(); 3]), Array::F32(vec![3.0; 3])] {
            assert!(refusal(key, list).contains("array of non-negative integers"));
        }
        refusal(key, Array::U64(vec![u64::MAX; 3]));
    }
    // A key that llama.cpp never has in this form.
    refusal("block_count", Array::U32(vec![3; 3]));
    refusal("embedding_length", Array::U32(vec![3; 3]));
}

#[test]
fn sizes_beyond_the_file_are_refused_by_file_and_key() {
    for (name, key, value) in [
        ("llama", "llama.block_count", 1_000_000_000_000),
        ("llama", "llama.block_count", 4096),
        ("llama", "llama.block_count", 4),
        ("llama", "llama.embedding_length", 1_000_000_000_000),
        ("llama", "llama.embedding_length", 8),
        ("llama", "llama.attention.head_count", 1_000_000_000_000),
        ("llama", "llama.attention.head_count", 0),
        ("llama", "llama.attention.head_count_kv", u64::MAX),
        ("llama", "llama.attention.key_length", 1 << 40),
        ("llama", "llama.attention.key_length", u64::MAX),
        ("llama", "llama.attention.key_length", 60), // times nine heads
        ("llama", "llama.context_length", 1 << 40),
        ("llama", "llama.rope.dimension_count", 1 << 40),
        ("llama", "llama.attention.sliding_window", u64::MAX),
        ("mixtral", "llama.expert_count", 1 << 40),
        ("mixtral", "llama.feed_forward_length", 1 << 40),
        ("qwen2moe", "qwen2moe.expert_count", 4096),
        ("qwen2moe", "qwen2moe.expert_feed_forward_length", 1 << 40),
        ("qwen3moe", "qwen3moe.expert_used_count", 1 << 40),
        ("gemma3", "gemma3.attention.sliding_window", 1 << 40),
        ("gemma3", "gemma3.attention.sliding_window_pattern", 1 << 40),
        ("gpt2", "gpt2.embedding_length", 1 << 50),
        ("gpt2", "gpt2.context_length", u64::MAX),
    ] {
        let message = Changed::with(name, key, Value::U64(value)).refusal();
        assert!(message.contains("changed.gguf") && message.contains(key), "{key} = {value}: {message}");
    }
}

#[test]
fn no_number_of_any_key_panics_and_every_refusal_names_the_file() {
    let index = support::json(&goldens().join("gguf/index.json"));
    // Most keys are read by the same code for all families.
    const FAMILIES: usize = 4;
    let mut tested: BTreeMap<(String, String), usize> = BTreeMap::new();
    for name in index.as_object().expect("files by name").keys() {
        let mut keys = Vec::new();
        let _ = Changed::new(name, |pairs| keys = pairs.clone());
        let architecture = keys.iter().find(|(key, _)| key == "general.architecture").map(|(_, value)| value.clone());
        let Some(Value::String(architecture)) = architecture else { panic!("{name}: no architecture") };
        for (key, value) in keys {
            let common = key.replacen(&architecture, "", 1);
            let replacements = match value {
                Value::U32(_) | Value::I32(_) | Value::U64(_) => {
                    vec![Value::U64(u64::MAX), Value::U64(1 << 40), Value::U32(0), Value::I32(-1), Value::Bool(true)]
                }
                Value::F32(_) => vec![Value::F32(f32::NAN), Value::F32(f32::INFINITY), Value::String("1".into())],
                _ => vec![Value::U32(7)],
            };
            for value in replacements {
                let families = tested.entry((common.clone(), format!("{value:?}"))).or_default();
                *families += 1;
                if *families > FAMILIES {
                    continue;
                }
                let changed = Changed::with(name, &key, value.clone());
                if let Err(error) = changed.open() {
                    assert!(error.to_string().contains("changed.gguf"), "{name}: {key} = {value:?}: {error}");
                } else {
                    let odd = matches!(&value, Value::F32(v) if !v.is_finite());
                    assert!(!odd || !key.contains("epsilon"), "{name}: {key} = {value:?} was accepted");
                }
            }
        }
    }
}

#[test]
fn a_vocabulary_that_does_not_fit_is_refused_by_the_name_of_the_file() {
    let rows = ModelFiles::open(&goldens().join("gguf/llama.gguf")).expect("opens").config().vocab_size;
    let vocabulary = |tokens: usize, more: Pairs| {
        let tokens: Vec<String> = (0..tokens).map(|id| format!("t{id}")).collect();
        let scores = vec![0.0; tokens.len()];
        let text = |value: &str| Value::String(value.into());
        Changed::new("llama", |pairs| {
            pairs.retain(|(key, _)| !key.starts_with("tokenizer."));
            pairs.push(("tokenizer.ggml.model".into(), text("llama")));
            pairs.push(("tokenizer.ggml.tokens".into(), Value::Array(Array::Strings(tokens))));
            pairs.push(("tokenizer.ggml.scores".into(), Value::Array(Array::F32(scores))));
            pairs.extend(more);
        })
    };
    let fits = vocabulary(rows, vec![]);
    assert_eq!(fits.open().and_then(|files| files.tokenizer()).expect("fits").vocab_size(), rows);
    let message = vocabulary(rows + 1, vec![]).refusal();
    for part in ["changed.gguf", "tokenizer.ggml.tokens", &format!("at most {rows}"), &format!("{}", rows + 1)] {
        assert!(message.contains(part), "{message}");
    }
    for (key, value) in [
        ("tokenizer.ggml.bos_token_id", Value::I32(-1)),
        ("tokenizer.ggml.token_type", Value::Array(Array::I32(vec![1; 3]))),
        ("tokenizer.ggml.add_bos_token", Value::U32(1)),
    ] {
        let message = vocabulary(rows, vec![(key.into(), value)]).refusal();
        assert!(message.contains("changed.gguf") && message.contains(key), "{message}");
    }
}
