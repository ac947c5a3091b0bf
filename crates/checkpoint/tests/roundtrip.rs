//! Files that are written and read back: the values agree, and so do the bytes that a rewrite must keep.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::gguf_bytes::{GgufBytes, key, tensor, text};
use laser_checkpoint::{
    Array, Checkpoint, Dtype, Format, Metadata, NewTensor, Rounding, Value, gguf, safetensors, stored_values,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Makes seeded values, uniform in ±1.
fn values(count: usize, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// Describes a tensor with these values.
fn new<'a>(name: &str, dtype: Dtype, shape: &[usize], values: &'a [f32]) -> NewTensor<'a> {
    NewTensor::new(name, dtype, shape, || Ok(values.to_vec()))
}

/// Opens a checkpoint and reads one tensor.
fn read(path: &Path, tensor: &str) -> Vec<f32> {
    let checkpoint = Checkpoint::open(path).expect("opens");
    checkpoint.tensor(tensor).expect("is there").to_f32().expect("finite")
}

/// Reads a whole file.
fn bytes(path: impl AsRef<Path>) -> Vec<u8> {
    fs::read(path).expect("is there")
}

/// All weight types.
fn weight_types() -> impl Iterator<Item = Dtype> {
    Dtype::all().filter(|dtype| dtype.is_weight())
}

#[test]
fn a_small_safetensors_file_has_known_bytes() {
    let folder = folder();
    let target = folder.path().join("model.safetensors");
    let tensors = vec![new("b", Dtype::BF16, &[2], &[1.0, -2.0]), new("a", Dtype::F32, &[1, 1], &[0.5])];
    let metadata = BTreeMap::from([("format".to_string(), "pt".to_string())]);
    safetensors::write(&target, tensors, &metadata).expect("writes");
    let mut expected = 144u64.to_le_bytes().to_vec();
    expected.extend(
        br#"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},"b":{"dtype":"BF16","shape":[2],"data_offsets":[4,8]}}"#,
    );
    expected.resize(8 + 144, b' ');
    expected.extend([0x00, 0x00, 0x00, 0x3f, 0x80, 0x3f, 0x00, 0xc0]);
    assert_eq!(bytes(&target), expected);
}

#[test]
fn a_small_gguf_file_has_known_bytes() {
    let folder = folder();
    let target = folder.path().join("model.gguf");
    let metadata = vec![("general.architecture".to_string(), Value::String("none".into()))];
    let metadata = Metadata::from_pairs(metadata).expect("one key");
    let tensors = vec![new("m", Dtype::F16, &[2, 1], &[1.0, -2.0]), new("v", Dtype::F32, &[1], &[0.5])];
    gguf::write(&target, &metadata, tensors).expect("writes");
    let mut data = vec![0x00, 0x3c, 0x00, 0xc0];
    data.resize(32, 0);
    data.extend(0.5f32.to_le_bytes());
    data.resize(64, 0);
    let expected = GgufBytes {
        keys: vec![key("general.architecture", 8, &text("none"))],
        tensors: vec![tensor("m", &[1, 2], 1, 0), tensor("v", &[1], 0, 32)],
        data,
        ..GgufBytes::default()
    };
    assert_eq!(bytes(&target), expected.file());
}

#[test]
fn the_safetensors_crate_reads_the_same_tensors() {
    let folder = folder();
    let target = folder.path().join("model.safetensors");
    let wanted = values(6, 1);
    let tensors = vec![
        new("naïve \"name\"", Dtype::F16, &[3, 2], &wanted),
        new("x", Dtype::F32, &[6], &wanted),
        new("scalar", Dtype::BF16, &[], &wanted[..1]),
        new("empty", Dtype::F32, &[0, 4], &[]),
    ];
    safetensors::write(&target, tensors, &BTreeMap::new()).expect("writes");
    let bytes = bytes(&target);
    let theirs = ::safetensors::SafeTensors::deserialize(&bytes).expect("the crate reads the file");
    let ours = Checkpoint::open(&target).expect("opens");
    assert_eq!((ours.format(), ours.tensors().len(), theirs.len()), (Format::Safetensors, 4, 4));
    for info in ours.tensors() {
        let view = theirs.tensor(&info.name).expect("the same names");
        assert_eq!(view.shape(), info.shape);
        assert_eq!(view.data(), ours.tensor(&info.name).expect("is there").bytes());
    }
    assert_eq!(read(&target, "x"), wanted);
    assert_eq!(read(&target, "naïve \"name\""), stored_values("x", Dtype::F16, &wanted).expect("finite"));
}

#[test]
fn rewriting_safetensors_changes_the_edited_bytes_only() {
    let folder = folder();
    let (source, target) = (folder.path().join("s.safetensors"), folder.path().join("t.safetensors"));
    let old: Vec<_> = (0..3).map(|seed| values(20, seed)).collect();
    let tensors = vec![
        new("a", Dtype::F16, &[4, 5], &old[0]),
        new("b", Dtype::F16, &[4, 5], &old[1]),
        new("c", Dtype::F16, &[4, 5], &old[2]),
    ];
    safetensors::write(&source, tensors, &BTreeMap::new()).expect("writes");

    // Rewriting a tensor with its own values gives its own bytes.
    let own = BTreeMap::from([("b".to_string(), read(&source, "b"))]);
    let cost = safetensors::rewrite(&source, &target, &own).expect("rewrites");
    assert_eq!(bytes(&target), bytes(&source));
    assert_eq!(cost["b"], Rounding::default());

    let wanted = values(20, 9);
    let edits = BTreeMap::from([("b".to_string(), wanted.clone())]);
    let cost = safetensors::rewrite(&source, &target, &edits).expect("rewrites");
    let (before, after) = (bytes(&source), bytes(&target));
    let range = Checkpoint::open(&source).expect("opens").info("b").expect("is there").range.clone();
    assert_eq!(before[..range.start], after[..range.start]);
    assert_eq!(before[range.end..], after[range.end..]);
    let stored = stored_values("b", Dtype::F16, &wanted).expect("finite");
    assert_eq!(read(&target, "b"), stored);
    let largest = stored.iter().zip(&wanted).map(|(s, w)| f64::from((s - w).abs())).fold(0.0, f64::max);
    assert_eq!(cost["b"].max_abs, largest);
    assert!(cost["b"].relative > 0.0 && cost["b"].relative < 2f64.powi(-11), "{:?}", cost["b"]);

    // In place: the source file is also the target.
    safetensors::rewrite(&source, &source, &edits).expect("rewrites");
    assert_eq!(bytes(&source), after);
}

#[test]
fn shards_keep_their_files_index_and_order() {
    let folder = folder();
    let (source, target) = (folder.path().join("source"), folder.path().join("target"));
    let wanted: Vec<_> = (0..4).map(|seed| values(8, seed)).collect();
    let tensors = || {
        let named = ["d", "c", "b", "a"].iter().zip(&wanted);
        named.map(|(name, values)| new(name, Dtype::F32, &[2, 4], values)).collect()
    };
    let name = |path: &PathBuf| path.file_name().expect("a file").to_string_lossy().into_owned();
    let files = safetensors::write_folder(&source, tensors(), &BTreeMap::new(), 64).expect("writes");
    let expected =
        ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"];
    assert_eq!(files.iter().map(name).collect::<Vec<_>>(), expected);
    let checkpoint = Checkpoint::open(&source).expect("opens");
    assert_eq!(checkpoint.tensors().map(|info| info.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    assert!(checkpoint.info("d").expect("is there").file.ends_with(expected[0]));
    assert!(checkpoint.info("b").expect("is there").file.ends_with(expected[1]));
    let index: serde_json::Value = serde_json::from_slice(&bytes(&files[2])).expect("JSON");
    assert_eq!(index["metadata"]["total_size"], 128);

    let edits = BTreeMap::from([("b".to_string(), wanted[0].clone())]);
    safetensors::rewrite_folder(&checkpoint, &target, &edits).expect("rewrites");
    assert_eq!(read(&target, "b"), wanted[0]);
    for same in [expected[0], expected[2]] {
        assert_eq!(bytes(source.join(same)), bytes(target.join(same)), "{same}");
    }

    // One tensor a shard when none fits beside another, one file when all fit.
    let apart = folder.path().join("apart");
    assert_eq!(safetensors::write_folder(&apart, tensors(), &BTreeMap::new(), 1).expect("writes").len(), 5);
    let whole = folder.path().join("whole");
    let files = safetensors::write_folder(&whole, tensors(), &BTreeMap::new(), 128).expect("writes");
    assert_eq!(files.iter().map(name).collect::<Vec<_>>(), ["model.safetensors"]);
}

#[test]
fn every_type_is_stored_within_its_rounding_error() {
    let folder = folder();
    let target = folder.path().join("model.gguf");
    let wanted = values(4 * 512, 3);
    let tensors = weight_types().map(|dtype| new(dtype.name(), dtype, &[4, 512], &wanted)).collect();
    gguf::write(&target, &Metadata::default(), tensors).expect("writes");
    let checkpoint = Checkpoint::open(&target).expect("opens");
    for dtype in weight_types() {
        // Values are within ±1. Rounding to n steps over that range is off by at most half a step. K types also round
        // their scales, Q4_0 and Q5_0 lack the step at one end, and MXFP4 has no number between 6 and 8 eighths.
        let bound = match dtype {
            Dtype::F32 => 0.0,
            Dtype::F16 => 2f32.powi(-12),
            Dtype::BF16 => 2f32.powi(-9),
            Dtype::Q4_0 => 1.0 / 8.0,
            Dtype::Q4_1 => 1.1 / 15.0,
            Dtype::Q5_0 => 1.0 / 16.0,
            Dtype::Q5_1 => 1.1 / 31.0,
            Dtype::Q8_0 => 0.55 / 127.0,
            Dtype::Q2K => 0.6,
            Dtype::Q3K => 0.35,
            Dtype::Q4K => 0.12,
            Dtype::Q5K => 0.06,
            Dtype::Q6K => 0.04,
            Dtype::MXFP4 => 0.25,
            other => unreachable!("{other} is no weight type"),
        };
        let view = checkpoint.tensor(dtype.name()).expect("is there");
        assert_eq!(view.info().dtype, dtype);
        let found = view.to_f32().expect("finite");
        assert_eq!(found, stored_values("t", dtype, &wanted).expect("finite"), "{dtype}");
        let error = found.iter().zip(&wanted).map(|(f, w)| (f - w).abs()).fold(0.0, f32::max);
        assert!(error <= bound, "{dtype}: {error} > {bound}");
        assert_eq!(view.rows_to_f32(1..3).expect("rows"), found[512..3 * 512], "{dtype}");
    }
}

#[test]
fn rewriting_gguf_in_the_same_types_changes_the_edited_bytes_only() {
    let folder = folder();
    let (source, target) = (folder.path().join("s.gguf"), folder.path().join("t.gguf"));
    // Padding that is not zero must survive too.
    let mut original = GgufBytes::default();
    original.data[68..96].fill(0xee);
    fs::write(&source, original.file()).expect("writes");
    let wanted = values(64, 4);
    let edits = BTreeMap::from([("matrix".to_string(), (Dtype::Q8_0, wanted.clone()))]);
    let cost = gguf::rewrite(&source, &target, &edits).expect("rewrites");
    let (before, after) = (bytes(&source), bytes(&target));
    let range = Checkpoint::open(&source).expect("opens").info("matrix").expect("is there").range.clone();
    assert_eq!(before[..range.start], after[..range.start]);
    assert_eq!(before[range.end..], after[range.end..]);
    assert_eq!(before.len(), after.len());
    assert_eq!(read(&target, "matrix"), stored_values("t", Dtype::Q8_0, &wanted).expect("finite"));
    assert!(cost["matrix"].relative > 0.0);
}

#[test]
fn rewriting_gguf_in_another_type_keeps_metadata_and_other_data() {
    let folder = folder();
    let (source, target) = (folder.path().join("s.gguf"), folder.path().join("t.gguf"));
    for (version, alignment) in [(2, 32), (3, 32), (3, 64)] {
        let mut original = GgufBytes { version, alignment, ..GgufBytes::default() };
        original.keys.push(key("general.alignment", 4, &(alignment as u32).to_le_bytes()));
        // Described in the reverse order of their data.
        let vector_offset = 68usize.next_multiple_of(alignment);
        original.tensors = vec![tensor("vector", &[4], 0, vector_offset as u64), tensor("matrix", &[32, 2], 8, 0)];
        original.data.splice(68..96, vec![0; vector_offset - 68]);
        let file = original.file();
        fs::write(&source, &file).expect("writes");

        let wanted = values(64, 5);
        for dtype in [Dtype::F32, Dtype::F16, Dtype::Q4_1] {
            let edits = BTreeMap::from([("matrix".to_string(), (dtype, wanted.clone()))]);
            gguf::rewrite(&source, &target, &edits).expect("rewrites");
            let after = bytes(&target);
            let head: usize = 24 + original.keys.iter().map(Vec::len).sum::<usize>();
            // Versions 2 and 3 have the same layout; what is written again is version 3.
            assert_eq!((file[8..head].to_vec(), after[4]), (after[8..head].to_vec(), 3));
            let checkpoint = Checkpoint::open(&target).expect("opens");
            let matrix = checkpoint.tensor("matrix").expect("is there");
            assert_eq!((matrix.info().dtype, &matrix.info().shape), (dtype, &vec![2, 32]));
            assert_eq!(matrix.to_f32().expect("finite"), stored_values("t", dtype, &wanted).expect("finite"));
            assert_eq!(read(&target, "vector"), [1.0, 2.0, 3.0, 4.0]);
            assert_eq!(after.len() % alignment, 0);
        }

        // Through another type or directly: the files differ only in the padding after the last tensor.
        let own = BTreeMap::from([("matrix".to_string(), (Dtype::Q8_0, wanted))]);
        gguf::rewrite(&target, &target, &own).expect("rewrites");
        let direct = folder.path().join("direct.gguf");
        gguf::rewrite(&source, &direct, &own).expect("rewrites");
        // And, once, in the version.
        let without_version = |bytes: &[u8]| [&bytes[..4], &bytes[8..]].concat();
        assert_eq!(without_version(&bytes(&target)[..file.len()]), without_version(&bytes(&direct)));
    }
}

/// Writes a file with one tensor `t` of shape [300, 512] whose blocks differ from those that our quantiser makes of the
/// same values.
fn write_foreign_blocks(path: &Path, dtype: Dtype) {
    gguf::write(path, &Metadata::default(), vec![new("t", dtype, &[300, 512], &values(300 * 512, 6))]).expect("writes");
    let range = Checkpoint::open(path).expect("opens").info("t").expect("is there").range.clone();
    let mut file = bytes(path);
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for block in file[range].chunks_mut(dtype.block_bytes()) {
        // Changes a byte of quantised values: no type has its 16-bit scale in the middle of a block.
        let middle = block.len() / 2;
        block[middle] = rng.random();
    }
    fs::write(path, file).expect("writes");
}

#[test]
fn blocks_with_unchanged_values_keep_their_bytes() {
    let folder = folder();
    let (source, target) = (folder.path().join("s.gguf"), folder.path().join("t.gguf"));
    for dtype in weight_types() {
        if dtype.is_quantised() {
            write_foreign_blocks(&source, dtype);
        } else {
            gguf::write(&source, &Metadata::default(), vec![new("t", dtype, &[300, 512], &values(300 * 512, 6))])
                .expect("writes");
        }
        let checkpoint = Checkpoint::open(&source).expect("opens");
        let old = checkpoint.tensor("t").expect("is there");
        let own = old.to_f32().expect("finite");
        let quantised_anew = stored_values("t", dtype, &own).expect("finite");
        // A block of MXFP4 has no value that it could not have been made of.
        let changes = dtype.is_quantised() && dtype != Dtype::MXFP4;
        assert_eq!(quantised_anew != own, changes, "{dtype}: rounding anew would change the values");

        let edits = |values: &[f32]| BTreeMap::from([("t".to_string(), (dtype, values.to_vec()))]);
        let cost = gguf::rewrite(&source, &target, &edits(&own)).expect("rewrites");
        assert_eq!(bytes(&target), bytes(&source), "{dtype}");
        assert_eq!(cost["t"], Rounding::default());

        // New values for some rows, and for one element of another row.
        let mut wanted = own.clone();
        wanted[512..3 * 512].copy_from_slice(&values(2 * 512, 8));
        wanted[290 * 512 + 300] = 0.123;
        let cost = gguf::rewrite(&source, &target, &edits(&wanted)).expect("rewrites");
        let written = Checkpoint::open(&target).expect("opens");
        let new = written.tensor("t").expect("is there");
        let found = new.to_f32().expect("finite");
        let anew = stored_values("t", dtype, &wanted).expect("finite");
        let (len, size) = (dtype.block_len(), dtype.block_bytes());
        let mut error = 0f64;
        for block in 0..own.len() / len {
            let (values, range) = (block * len..(block + 1) * len, block * size..(block + 1) * size);
            if wanted[values.clone()] == own[values.clone()] {
                assert_eq!(new.bytes()[range.clone()], old.bytes()[range], "{dtype}: block {block} stays");
            } else {
                assert_eq!(found[values.clone()], anew[values.clone()], "{dtype}: block {block} is made anew");
                for i in values {
                    error = error.max((f64::from(found[i]) - f64::from(wanted[i])).abs());
                }
            }
        }
        assert_eq!(cost["t"].max_abs, error, "{dtype}");
        assert_eq!(old.values_after_rewrite(&wanted).expect("finite"), found, "{dtype}");
    }
}

#[test]
fn blocks_are_kept_if_only_another_tensor_changes_its_type() {
    let folder = folder();
    let (source, target) = (folder.path().join("s.gguf"), folder.path().join("t.gguf"));
    write_foreign_blocks(&source, Dtype::Q4_1);
    let blocks = Checkpoint::open(&source).expect("opens").tensor("t").expect("is there").bytes().to_vec();
    let own = read(&source, "t");
    // The same bytes beside a tensor of another type.
    let both = vec![new("t", Dtype::Q4_1, &[300, 512], &own), new("u", Dtype::F32, &[2], &[1.0, 2.0])];
    gguf::write(&source, &Metadata::default(), both).expect("writes");
    let range = Checkpoint::open(&source).expect("opens").info("t").expect("is there").range.clone();
    let mut file = bytes(&source);
    file[range].copy_from_slice(&blocks);
    fs::write(&source, file).expect("writes");

    let edits = |dtype| {
        BTreeMap::from([("t".to_string(), (dtype, own.clone())), ("u".to_string(), (Dtype::F16, vec![1.0, 2.0]))])
    };
    gguf::rewrite(&source, &target, &edits(Dtype::Q4_1)).expect("rewrites");
    assert_eq!(Checkpoint::open(&target).expect("opens").tensor("t").expect("is there").bytes(), blocks);
    // In another type no block can be kept.
    gguf::rewrite(&source, &target, &edits(Dtype::Q8_0)).expect("rewrites");
    assert_eq!(read(&target, "t"), stored_values("t", Dtype::Q8_0, &own).expect("finite"));
}

#[test]
fn metadata_of_every_type_come_back_in_order() {
    let folder = folder();
    let target = folder.path().join("model.gguf");
    let strings = || Array::Strings(vec!["ä".into(), String::new()]);
    let pairs: Vec<(String, Value)> = [
        Value::U8(1),
        Value::I8(-1),
        Value::U16(2),
        Value::I16(-2),
        Value::U32(3),
        Value::I32(-3),
        Value::F32(0.5),
        Value::U64(u64::MAX),
        Value::I64(i64::MIN),
        Value::F64(-0.25),
        Value::Bool(true),
        Value::String("text".into()),
        Value::Array(Array::U8(vec![1, 2])),
        Value::Array(Array::I8(vec![-1])),
        Value::Array(Array::U16(vec![3])),
        Value::Array(Array::I16(vec![-3])),
        Value::Array(Array::U32(vec![4])),
        Value::Array(Array::I32(vec![-4])),
        Value::Array(Array::F32(vec![1.5])),
        Value::Array(Array::U64(vec![5])),
        Value::Array(Array::I64(vec![-5])),
        Value::Array(Array::F64(vec![2.5])),
        Value::Array(Array::Bools(vec![true, false])),
        Value::Array(strings()),
        Value::Array(Array::Nested(vec![strings(), Array::I32(vec![])])),
    ]
    .into_iter()
    .enumerate()
    .map(|(index, value)| (format!("key {}", 99 - index), value))
    .collect();
    let metadata = Metadata::from_pairs(pairs).expect("distinct");
    gguf::write(&target, &metadata, vec![]).expect("writes");
    let checkpoint = Checkpoint::open(&target).expect("opens");
    assert_eq!(checkpoint.gguf_metadata(), Some(&metadata));
    assert_eq!((checkpoint.format(), checkpoint.tensors().len()), (Format::Gguf, 0));
}
