//! Weights: safetensors files, headers that fit their length, indices with shards, and GGUF files, with all values read.

use std::path::Path;

use laser::checkpoint::{Array, Checkpoint, Dtype, Metadata, NewTensor, Value, gguf};
use laser_fuzz::damage::Damaged;
use laser_fuzz::target::Target;

use crate::support::{folder, golden, write};

const HEADER: &str = r#"{"__metadata__":{"format":"pt","x":"1"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b.weight":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]},"c":{"dtype":"F16","shape":[1,2,2],"data_offsets":[32,40]},"d":{"dtype":"F8_E4M3","shape":[],"data_offsets":[40,41]},"e":{"dtype":"I64","shape":[0,5],"data_offsets":[41,41]},"f":{"dtype":"BOOL","shape":[3],"data_offsets":[41,44]},"g":{"dtype":"U8","shape":[4],"data_offsets":[44,48]}}"#;
const DATA: usize = 48;

const WORDS: &[&str] = &[
    "\"F32\"",
    "\"F64\"",
    "\"F4\"",
    "\"F8_E8M0\"",
    "\"I4\"",
    "\"U16\"",
    "\"C64\"",
    "\"a\"",
    "\"__metadata__\"",
    "\"dtype\"",
    "\"shape\"",
    "\"data_offsets\"",
    "[]",
    "[0,0]",
    "{}",
    "null",
    "true",
    "[[",
    "\\u0000",
    "\\ud800",
    ",",
];

/// A safetensors file of a header and zeros; a damaged header keeps a length that is right.
fn safetensors(header: &[u8]) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    file.resize(file.len() + DATA, 0);
    file
}

/// Opens a checkpoint and reads all values; whether opening succeeds.
fn read(path: &Path) -> bool {
    let Ok(checkpoint) = Checkpoint::open(path) else { return false };
    for info in checkpoint.tensors() {
        if let Ok(values) = checkpoint.tensor(&info.name).and_then(|tensor| tensor.to_f32()) {
            assert_eq!(values.len(), info.elements());
        }
    }
    true
}

#[test]
fn safetensors_files() {
    let folder = folder();
    let path = folder.path().join("model.safetensors");
    let seeds = vec![
        safetensors(HEADER.as_bytes()),
        safetensors(HEADER.replace("},\"", "}  ,\n \"").as_bytes()),
        golden("gguf/bloom.golden.safetensors"),
    ];
    let inputs = Damaged { seeds, words: WORDS };
    Target { name: "safetensors", other_bytes: 0, executions: 4000, inputs }.run(bolero::check!(), |input| {
        write(&path, input);
        read(&path)
    });
}

#[test]
fn safetensors_headers() {
    let folder = folder();
    let path = folder.path().join("model.safetensors");
    let inputs = Damaged { seeds: vec![HEADER.as_bytes().to_vec()], words: WORDS };
    Target { name: "safetensors-header", other_bytes: DATA, executions: 6000, inputs }.run(bolero::check!(), |input| {
        write(&path, &safetensors(input));
        read(&path)
    });
}

#[test]
fn shard_indices() {
    let folder = folder();
    let entry = r#"{"dtype":"U8","shape":[1],"data_offsets":[0,1]}"#;
    for name in ["a", "b"] {
        let header = format!("{{\"{name}\":{entry}}}");
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header.as_bytes());
        file.push(0);
        write(&folder.path().join(format!("{name}.safetensors")), &file);
    }
    let index = folder.path().join("model.safetensors.index.json");
    let seed = r#"{"metadata":{"total_size":2},"weight_map":{"a":"a.safetensors","b":"b.safetensors"}}"#;
    let words = &["\"a\"", "\"..\"", "\"weight_map\"", "\"../a.safetensors\"", "\"/\"", "\"\"", "null", "{", "\\u0000"];
    let inputs = Damaged { seeds: vec![seed.into()], words };
    Target { name: "index", other_bytes: 200, executions: 3000, inputs }.run(bolero::check!(), |input| {
        write(&index, input);
        read(folder.path())
    });
}

/// A GGUF file with a value of every type, and tensors of several types.
fn gguf_file() -> Vec<u8> {
    let texts = |texts: &[&str]| Value::Array(Array::Strings(texts.iter().map(|text| (*text).to_owned()).collect()));
    let pairs = [
        ("general.architecture", Value::String("none".into())),
        ("general.alignment", Value::U32(32)),
        ("u64", Value::U64(u64::MAX)),
        ("f32", Value::F32(0.5)),
        ("bool", Value::Bool(true)),
        ("texts", texts(&["a", "", "ccc"])),
        ("numbers", Value::Array(Array::I32(vec![1, -2, 3]))),
        ("floats", Value::Array(Array::F32(vec![0.5, 1.5]))),
    ];
    let metadata = Metadata::from_pairs(pairs.map(|(key, value)| (key.to_owned(), value)).to_vec());
    let tensor = |name: &str, dtype, shape: &[usize]| {
        let count = shape.iter().product();
        NewTensor::new(name.to_owned(), dtype, shape, move || Ok(vec![0.25; count]))
    };
    let tensors = vec![
        tensor("f32", Dtype::F32, &[3, 2]),
        tensor("f16", Dtype::F16, &[5]),
        tensor("q8", Dtype::Q8_0, &[2, 32]),
        tensor("q4", Dtype::Q4_0, &[1, 32]),
    ];
    let folder = folder();
    let path = folder.path().join("x.gguf");
    gguf::write(&path, &metadata.expect("the keys differ"), tensors).expect("writes");
    std::fs::read(&path).expect("reads")
}

#[test]
fn gguf_files() {
    let folder = folder();
    let path = folder.path().join("model.gguf");
    let words = &["general.alignment", "GGUF", "f32", "\u{0}", "numbers", "\u{9}\u{0}\u{0}\u{0}"];
    let inputs = Damaged { seeds: vec![gguf_file(), golden("gguf/gemma.gguf")], words };
    Target { name: "gguf", other_bytes: 0, executions: 6000, inputs }.run(bolero::check!(), |input| {
        write(&path, input);
        read(&path)
    });
}
