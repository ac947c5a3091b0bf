//! Broken and malicious files: each is refused with its own error, nothing panics, and no allocation is out of
//! proportion to the file.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::gguf_bytes::{GgufBytes, key, tensor, text};
use laser_checkpoint::{Checkpoint, CheckpointError, Dtype, Metadata, NewTensor, Value, gguf, safetensors};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;

/// An allocator that records the largest single allocation of each thread, in bytes.
struct RecordingAllocator;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged; besides that, only a counter of the thread changes.
unsafe impl GlobalAlloc for RecordingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(layout.size())));
        // SAFETY: the caller keeps the rules of `alloc`, which are those of the system's allocator.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as in `alloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: RecordingAllocator = RecordingAllocator;

/// Runs `work` and asserts that its largest single allocation is in proportion to a file of `len` bytes.
fn with_bounded_allocations<T>(len: usize, work: impl FnOnce() -> T) -> T {
    // One byte of the densest type (Q2_K) becomes 12 bytes of f32, and one byte of a list of empty texts 3 bytes. Paths
    // and messages add a constant.
    let allowed = 16 * len + 4096;
    LARGEST.set(0);
    let result = work();
    assert!(LARGEST.get() <= allowed, "{} bytes at once for a file of {len}", LARGEST.get());
    result
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Writes `bytes` to a file of this name, opens it and reads every tensor; returns the number of values.
fn open(name: &str, bytes: &[u8]) -> Result<usize, CheckpointError> {
    let folder = folder();
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("writes");
    with_bounded_allocations(bytes.len(), || read_all(&path))
}

/// Opens a checkpoint and reads every tensor; returns the number of values.
fn read_all(path: &Path) -> Result<usize, CheckpointError> {
    let checkpoint = Checkpoint::open(path)?;
    let mut count = 0;
    for info in checkpoint.tensors() {
        let values = checkpoint.tensor(&info.name)?.to_f32()?;
        assert_eq!(values.len(), info.elements());
        count += values.len();
    }
    Ok(count)
}

/// Asserts that a result is an error that names a file and has the given condition.
macro_rules! refused {
    ($result:expr, $condition:pat $(if $guard:expr)?) => {
        let error = $result.expect_err(stringify!($condition));
        assert!(matches!(error, CheckpointError::InFile { .. }), "no file: {error}");
        assert!(matches!(error.problem(), $condition $(if $guard)?), "{error:?}");
    };
}

/// Makes a safetensors file of a header and `data` bytes of zeros.
fn safetensors_file(header: &str, data: usize) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.resize(file.len() + data, 0);
    file
}

/// Opens a safetensors file of this header and `data` bytes of zeros.
fn open_safetensors(header: &str, data: usize) -> Result<usize, CheckpointError> {
    open("model.safetensors", &safetensors_file(header, data))
}

/// Opens a GGUF file of these parts.
fn open_gguf(bytes: &GgufBytes) -> Result<usize, CheckpointError> {
    open("model.gguf", &bytes.file())
}

/// Makes the default GGUF file, but with these keys.
fn with_keys(keys: Vec<Vec<u8>>) -> GgufBytes {
    GgufBytes { keys, ..GgufBytes::default() }
}

/// Makes the default GGUF file, but with these tensor descriptions.
fn with_tensors(tensors: Vec<Vec<u8>>) -> GgufBytes {
    GgufBytes { tensors, ..GgufBytes::default() }
}

/// Makes the bytes of a metadata list: element type, count, elements.
fn list(element_type: u32, count: u64, elements: &[u8]) -> Vec<u8> {
    let mut out = element_type.to_le_bytes().to_vec();
    out.extend(count.to_le_bytes());
    out.extend(elements);
    out
}

/// A valid safetensors header for 22 bytes of data.
const VALID: &str = r#"{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"b":{"dtype":"BF16","shape":[3],"data_offsets":[16,22]},"__metadata__":{"format":"pt"}}"#;

#[test]
fn the_valid_files_open() {
    assert_eq!(open_safetensors(VALID, 22).expect("valid"), 7);
    assert_eq!(open_gguf(&GgufBytes::default()).expect("valid"), 68);
}

#[test]
fn every_broken_safetensors_header_has_its_own_error() {
    use CheckpointError::*;
    let one = |entry: &str| format!("{{\"a\":{entry}}}");
    refused!(open("x.safetensors", &[]), Truncated { available: 0, .. });
    refused!(open("x.safetensors", &safetensors_file(VALID, 22)[..50]), Truncated { what: "the header", .. });
    refused!(open("x.safetensors", &[0xff; 64]), HeaderTooLarge { found: u64::MAX, .. });
    refused!(open_safetensors("{nonsense", 0), InvalidJson { .. });
    refused!(open_safetensors("[]", 0), InvalidJson { .. });
    refused!(open_safetensors(r#"{"__metadata__":{},"__metadata__":{}}"#, 0), InvalidJson { .. });
    refused!(open_safetensors(r#"{"__metadata__":{"x":1}}"#, 0), InvalidJson { .. });
    refused!(open_safetensors(&one(r#"{"dtype":"F99","shape":[1],"data_offsets":[0,4]}"#), 4),
        UnknownDtype { tensor, found } if tensor == "a" && found.contains("F99"));
    refused!(open_safetensors(&one(r#"{"dtype":"Q4_0","shape":[32],"data_offsets":[0,18]}"#), 18), UnknownDtype { .. });
    refused!(open_safetensors(&one(r#"{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}"#), 4), InvalidJson { .. });
    refused!(
        open_safetensors(&one(r#"{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}"#), 4),
        ShapeOverflow { .. }
    );
    refused!(
        open_safetensors(&one(r#"{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,4]}"#), 4),
        ShapeOverflow { .. }
    );
    refused!(
        open_safetensors(&one(r#"{"dtype":"F4","shape":[3],"data_offsets":[0,1]}"#), 1),
        PartialBlock { found: 3, .. }
    );
    refused!(
        open_safetensors(&one(r#"{"dtype":"F32","shape":[2],"data_offsets":[0,4]}"#), 4),
        WrongSize { expected: 8, found: 4, .. }
    );
    refused!(
        open_safetensors(&one(r#"{"dtype":"F32","shape":[2],"data_offsets":[4,0]}"#), 4),
        WrongSize { found: -4, .. }
    );
    refused!(open_safetensors(&one(r#"{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#), 7), DataOutOfRange { .. });
    refused!(
        open_safetensors(
            &one(r#"{"dtype":"F32","shape":[0],"data_offsets":[18446744073709551615,18446744073709551615]}"#),
            0
        ),
        DataOutOfRange { .. }
    );
    refused!(open_safetensors(&one(r#"{"dtype":"F32","shape":[1],"data_offsets":[4,8]}"#), 8), Gap { .. });
    refused!(open_safetensors(&one(r#"{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#), 5), TrailingBytes { .. });
    let two = |offsets: &str, name: &str| {
        format!(
            r#"{{"a":{{"dtype":"F32","shape":[2],"data_offsets":[0,8]}},"{name}":{{"dtype":"F32","shape":[1],"data_offsets":{offsets}}}}}"#
        )
    };
    refused!(open_safetensors(&two("[4,8]", "b"), 8), Overlap { tensor, other, .. } if tensor == "b" && other == "a");
    refused!(open_safetensors(&two("[8,12]", "a"), 12), DuplicateTensor { tensor } if tensor == "a");
    refused!(open_safetensors(&one(r#"{"dtype":"I64","shape":[1],"data_offsets":[0,8]}"#), 8),
        NotAWeightType { tensor, dtype: Dtype::I64 } if tensor == "a");
}

#[test]
fn every_broken_gguf_header_has_its_own_error() {
    use CheckpointError::*;
    let base = GgufBytes::default;
    refused!(open("x.gguf", b"GG"), Truncated { .. });
    refused!(open_gguf(&GgufBytes { magic: *b"GGML", ..base() }), WrongMagic { found } if found == b"GGML");
    refused!(open_gguf(&GgufBytes { version: 1, ..base() }), UnsupportedVersion { found: 1 });
    refused!(open_gguf(&GgufBytes { version: 4, ..base() }), UnsupportedVersion { found: 4 });
    refused!(open_gguf(&GgufBytes { version: 3u32.swap_bytes(), ..base() }), BigEndian);
    refused!(open_gguf(&GgufBytes { tensor_count: Some(1 << 60), ..base() }), CountTooLarge { what: "tensors", .. });
    refused!(
        open_gguf(&GgufBytes { key_count: Some(u64::MAX), ..base() }),
        CountTooLarge { what: "metadata keys", .. }
    );

    let keyed = |kind, value: &[u8]| open_gguf(&with_keys(vec![key("k", kind, value)]));
    refused!(keyed(13, &[0]), UnknownValueType { key, found: 13 } if key == "k");
    refused!(keyed(9, &list(99, 0, &[])), UnknownValueType { found: 99, .. });
    refused!(keyed(7, &[2]), InvalidBool { found: 2, .. });
    refused!(keyed(8, &[1, 0, 0, 0, 0, 0, 0, 0, 0xff]), NotUtf8 { .. });
    refused!(keyed(8, &u64::MAX.to_le_bytes()), Truncated { .. });
    for (kind, size) in [(0, 1), (5, 4), (6, 4), (7, 1), (8, 8), (9, 12), (12, 8)] {
        for count in [1000, u64::MAX, (u64::MAX / size).saturating_add(1)] {
            refused!(keyed(9, &list(kind, count, &[])), CountTooLarge { what: "list elements", .. });
        }
    }
    let mut deep = list(0, 0, &[]);
    for _ in 0..3 {
        deep = list(9, 1, &deep);
    }
    assert!(keyed(9, &deep).is_ok(), "four levels are read");
    refused!(keyed(9, &list(9, 1, &deep)), NestingTooDeep { limit: 4, .. });
    refused!(open_gguf(&with_keys(vec![key("k", 0, &[1]), key("k", 0, &[1])])), DuplicateKey { .. });
    for alignment in [0u32, 1, 4, 24, 1 << 31] {
        let keys = vec![key("general.alignment", 4, &alignment.to_le_bytes())];
        refused!(open_gguf(&with_keys(keys)), InvalidAlignment { .. });
    }
    refused!(open_gguf(&with_keys(vec![key("general.alignment", 8, &text("x"))])), MetadataType { .. });

    let with = |tensors| open_gguf(&with_tensors(tensors));
    refused!(with(vec![tensor("t", &[1; 5], 0, 0)]), TooManyDimensions { found: 5, .. });
    refused!(with(vec![tensor("t", &[256], 23, 0)]), UnknownDtype { found, .. } if found.contains("IQ4_XS"));
    refused!(with(vec![tensor("t", &[256], 77, 0)]), UnknownDtype { found, .. } if found.contains("77"));
    refused!(with(vec![tensor("t", &[u64::MAX, 2], 0, 0)]), ShapeOverflow { .. });
    refused!(with(vec![tensor("t", &[1 << 32, 1 << 31], 0, 0)]), ShapeOverflow { .. });
    refused!(with(vec![tensor("t", &[33], 8, 0)]), PartialBlock { block: 32, found: 33, .. });
    refused!(with(vec![tensor("t", &[16, 2], 8, 0)]), PartialBlock { found: 16, .. });
    refused!(with(vec![tensor("t", &[1], 0, 8)]), Misaligned { offset: 8, alignment: 32, .. });
    refused!(with(vec![tensor("t", &[29], 0, 0)]), DataOutOfRange { .. });
    refused!(with(vec![tensor("t", &[1], 0, u64::MAX - 31)]), DataOutOfRange { .. });
    refused!(with(vec![tensor("t", &[1], 0, 0), tensor("t", &[1], 0, 32)]), DuplicateTensor { .. });
    refused!(with(vec![tensor("t", &[9], 0, 0), tensor("u", &[1], 0, 32)]),
        Overlap { tensor, other, .. } if tensor == "u" && other == "t");
    refused!(with(vec![tensor("t", &[1], 24, 0)]), NotAWeightType { dtype: Dtype::I8, .. });
}

#[test]
fn errors_of_folders_without_readable_weights_name_the_files_found() {
    use CheckpointError::*;
    let folder = folder();
    let path = folder.path();
    let touch = |name: &str| fs::write(path.join(name), b"").expect("writes");
    refused!(Checkpoint::open(&path.join("absent")), Io { .. });
    refused!(Checkpoint::open(path), NoModel);
    touch("notes.txt");
    refused!(Checkpoint::open(&path.join("notes.txt")), UnknownFormat);
    touch("pytorch_model.bin");
    refused!(Checkpoint::open(path), Pickle { found } if found == "pytorch_model.bin");
    refused!(Checkpoint::open(&path.join("pytorch_model.bin")), Pickle { .. });
    let hint = Checkpoint::open(path).expect_err("pickle").to_string();
    assert!(hint.contains("save_pretrained") && hint.contains(&path.display().to_string()), "{hint}");
    touch("a.safetensors");
    touch("b.safetensors");
    refused!(Checkpoint::open(path), NoIndex { found } if found == &["a.safetensors", "b.safetensors"]);
}

#[test]
fn an_index_and_its_shards_must_agree() {
    use CheckpointError::*;
    let folder = folder();
    let path = folder.path();
    let entry = r#"{"dtype":"U8","shape":[1],"data_offsets":[0,1]}"#;
    for name in ["a", "b"] {
        let bytes = safetensors_file(&format!("{{\"{name}\":{entry}}}"), 1);
        fs::write(path.join(format!("{name}.safetensors")), bytes).expect("writes");
    }
    let open = |map: &str| {
        let json = format!("{{\"weight_map\":{{{map}}}}}");
        fs::write(path.join("model.safetensors.index.json"), json).expect("writes");
        Checkpoint::open(path)
    };
    let good = open(r#""a":"a.safetensors","b":"b.safetensors""#).expect("agrees");
    assert_eq!(good.tensors().map(|info| info.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    refused!(good.tensor("c"), NoSuchTensor { tensor } if tensor == "c");
    refused!(open(r#""a":"a.safetensors","c":"a.safetensors""#), MissingTensor { tensor } if tensor == "c");
    refused!(open(r#""b":"a.safetensors""#), SurplusTensor { tensor, placed: None } if tensor == "a");
    refused!(open(r#""a":"b.safetensors","b":"a.safetensors""#), SurplusTensor { placed: Some(_), .. });
    refused!(open(r#""a":"a.safetensors","a":"b.safetensors""#), DuplicateTensor { .. });
    refused!(open(r#""a":"../a.safetensors""#), InvalidShardName { .. });
    refused!(open(r#""a":"/a.safetensors""#), InvalidShardName { .. });
    refused!(open(r#""a":"c.safetensors""#), Io { .. });
    refused!(open(r#""a":1"#), InvalidJson { .. });
}

#[test]
fn values_that_are_not_finite_are_named_with_their_coordinates() {
    let mut bytes = safetensors_file(VALID, 22);
    let data = bytes.len() - 22;
    bytes[data + 8..data + 12].copy_from_slice(&f32::NEG_INFINITY.to_le_bytes());
    refused!(open("x.safetensors", &bytes),
        CheckpointError::NotFinite { tensor, at, found } if tensor == "a" && at == &[1, 0] && *found < 0.0);

    let mut gguf = GgufBytes::default();
    gguf.data[34..36].copy_from_slice(&[0x00, 0x7e]); // the second row's scale: a half-precision NaN
    refused!(open_gguf(&gguf), CheckpointError::NotFinite { tensor, at, .. } if tensor == "matrix" && at == &[1, 0]);
}

#[test]
fn rows_outside_the_tensor_are_refused() {
    let folder = folder();
    let path = folder.path().join("x.safetensors");
    fs::write(&path, safetensors_file(VALID, 22)).expect("writes");
    let checkpoint = Checkpoint::open(&path).expect("valid");
    let view = checkpoint.tensor("a").expect("is there");
    assert!(view.rows_to_f32(2..2).expect("none").is_empty());
    refused!(view.rows_to_f32(1..3), CheckpointError::RowsOutOfRange { start: 1, end: 3, rows: 2, .. });
    #[allow(clippy::reversed_empty_ranges)]
    let backwards = view.rows_to_f32(2..1);
    refused!(backwards, CheckpointError::RowsOutOfRange { .. });

    let half_bytes = r#"{"a":{"dtype":"F4","shape":[2,1],"data_offsets":[0,1]}}"#;
    fs::write(&path, safetensors_file(half_bytes, 1)).expect("writes");
    let checkpoint = Checkpoint::open(&path).expect("valid");
    refused!(checkpoint.tensor("a").expect("is there").rows_to_f32(0..1), CheckpointError::PartialBlock { .. });
}

#[test]
fn tensors_that_a_format_cannot_hold_are_not_written() {
    use CheckpointError::*;
    let folder = folder();
    let target = folder.path().join("x");
    let new = |name: &'static str, dtype, shape: &[usize], values: Vec<f32>| {
        NewTensor::new(name, dtype, shape, move || Ok(values))
    };
    let write_safetensors = |tensors| safetensors::write(&target, tensors, &BTreeMap::new());
    refused!(write_safetensors(vec![new("t", Dtype::Q8_0, &[32], vec![0.0; 32])]), DtypeForFormat { .. });
    refused!(write_safetensors(vec![new("t", Dtype::I8, &[1], vec![0.0])]), NotAWeightType { .. });
    refused!(write_safetensors(vec![new("__metadata__", Dtype::F32, &[1], vec![0.0])]), ReservedName { .. });
    refused!(write_safetensors(vec![new("t", Dtype::F32, &[2], vec![0.0])]), ValueCount { expected: 2, found: 1, .. });
    refused!(write_safetensors(vec![new("t", Dtype::F32, &[1 << 40, 1 << 40], vec![])]), ShapeOverflow { .. });
    refused!(write_safetensors(vec![new("t", Dtype::F16, &[2], vec![0.0, 1e6])]), Overflow { at, .. } if at == &[1]);
    refused!(write_safetensors(vec![new("t", Dtype::F32, &[1, 1], vec![f32::NAN])]), NotFinite { at, .. } if at == &[0, 0]);
    let twice = vec![new("t", Dtype::F32, &[0], vec![]), new("t", Dtype::F32, &[0], vec![])];
    refused!(write_safetensors(twice), DuplicateTensor { .. });

    let write_gguf = |tensors| gguf::write(&target, &Metadata::default(), tensors);
    refused!(write_gguf(vec![new("t", Dtype::Q8_0, &[2, 16], vec![0.0; 32])]), PartialBlock { found: 16, .. });
    refused!(write_gguf(vec![new("t", Dtype::F32, &[1; 5], vec![0.0])]), TooManyDimensions { .. });
    let odd = vec![("general.alignment".to_string(), Value::U32(12))];
    let odd = Metadata::from_pairs(odd).expect("one key");
    refused!(gguf::write(&target, &odd, vec![]), InvalidAlignment { found: 12 });
    let failing = vec![NewTensor::new("t", Dtype::F32, &[1], || Err(NoSuchTensor { tensor: "source".into() }))];
    refused!(write_gguf(failing), NoSuchTensor { .. });
    assert!(!target.exists(), "nothing is left of failed writes");
}

#[test]
fn edits_must_fit_their_tensor() {
    use CheckpointError::*;
    let folder = folder();
    let (source, target) = (folder.path().join("s"), folder.path().join("t"));
    fs::write(&source, safetensors_file(VALID, 22)).expect("writes");
    let rewrite_safetensors = |name: &str, values: &[f32]| {
        safetensors::rewrite(&source, &target, &BTreeMap::from([(name.to_string(), values.to_vec())]))
    };
    refused!(rewrite_safetensors("c", &[]), NoSuchTensor { tensor } if tensor == "c");
    refused!(rewrite_safetensors("a", &[0.0; 3]), ValueCount { expected: 4, found: 3, .. });
    refused!(rewrite_safetensors("b", &[0.0, f32::INFINITY, 0.0]), NotFinite { at, .. } if at == &[1]);
    refused!(rewrite_safetensors("b", &[f32::MAX; 3]), Overflow { dtype: Dtype::BF16, .. });

    fs::write(&source, GgufBytes::default().file()).expect("writes");
    let rewrite_gguf = |name: &str, dtype, count| {
        gguf::rewrite(&source, &target, &BTreeMap::from([(name.to_string(), (dtype, vec![0.0; count]))]))
    };
    refused!(rewrite_gguf("c", Dtype::F32, 1), NoSuchTensor { .. });
    refused!(rewrite_gguf("matrix", Dtype::Q6K, 64), PartialBlock { .. });
    refused!(rewrite_gguf("matrix", Dtype::I8, 64), NotAWeightType { .. });
    refused!(rewrite_gguf("matrix", Dtype::F16, 63), ValueCount { .. });
    assert!(!target.exists(), "nothing is left of failed writes");
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let valid = safetensors_file(VALID, 22);
    for length in 0..valid.len() {
        assert!(open("x.safetensors", &valid[..length]).is_err(), "cut at {length}");
    }
    let valid = GgufBytes::default().file();
    for length in 0..valid.len() {
        assert!(open("x.gguf", &valid[..length]).is_err(), "cut at {length}");
    }
}

/// Flips up to four random bits of `valid`, `rounds` times; returns the number of files that still open.
fn flip_bits(valid: &[u8], rounds: usize, seed: u64, open: impl Fn(&[u8]) -> bool) -> usize {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut opened = 0;
    for _ in 0..rounds {
        let mut bytes = valid.to_vec();
        for _ in 0..rng.random_range(1..=4) {
            let at = rng.random_range(0..bytes.len());
            bytes[at] ^= 1 << rng.random_range(0..8);
        }
        opened += usize::from(open(&bytes));
    }
    opened
}

#[test]
fn flipped_gguf_bits_neither_panic_nor_allocate_hugely() {
    let mut rich = GgufBytes::default();
    rich.keys.push(key("list", 9, &list(8, 2, &[text("one"), text("two")].concat())));
    rich.keys.push(key("nested", 9, &list(9, 1, &list(5, 2, &[0; 8]))));
    rich.keys.push(key("general.alignment", 4, &32u32.to_le_bytes()));
    let opened = flip_bits(&rich.file(), 4000, 1, |bytes| open("x.gguf", bytes).is_ok());
    assert!((1..4000).contains(&opened), "{opened} of 4000 opened, expected some but not all");
}

#[test]
fn flipped_safetensors_bits_are_accepted_only_if_the_safetensors_crate_accepts_them() {
    let opened = flip_bits(&safetensors_file(VALID, 22), 4000, 2, |bytes| {
        let folder = folder();
        let path = folder.path().join("x.safetensors");
        fs::write(&path, bytes).expect("writes");
        let ours = with_bounded_allocations(bytes.len(), || Checkpoint::open(&path));
        let theirs = ::safetensors::SafeTensors::deserialize(bytes);
        assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} {:?}", ours.err(), theirs.err());
        let _ = read_all(&path); // may fail, but must not panic
        theirs.is_ok()
    });
    assert!((1..4000).contains(&opened), "{opened} of 4000 opened, expected some but not all");
}
