//! GGUF files by content instead of name, split models, and the versions and types that are read or refused by name.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::gguf_bytes::{GgufBytes, key, tensor, text};
use laser_checkpoint::{
    Checkpoint, CheckpointError, CheckpointErrorKind, Dtype, Format, SplitError, gguf, stored_values,
};
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Keys of a part: number from 0, count, tensors in all parts; as `gguf-split` stores them.
fn split_keys(number: u16, count: u16, tensors: i32) -> Vec<Vec<u8>> {
    vec![
        key("split.no", 2, &number.to_le_bytes()),
        key("split.count", 2, &count.to_le_bytes()),
        key("split.tensors.count", 5, &tensors.to_le_bytes()),
    ]
}

/// Data of `count` floats from `first` on, and the padding that a whole file would have.
fn floats(first: f32, count: u16) -> Vec<u8> {
    let mut data: Vec<u8> = (0..count).flat_map(|i| (first + f32::from(i)).to_le_bytes()).collect();
    data.resize(data.len().next_multiple_of(32), 0);
    data
}

/// The parts of a model of three tensors: the first part has the metadata and no tensor, as with
/// `gguf-split --no-tensor-first-split`.
fn three_parts() -> [GgufBytes; 3] {
    let part = |number, keys: Vec<Vec<u8>>, tensors, data| GgufBytes {
        keys: [keys, split_keys(number, 3, 3)].concat(),
        tensors,
        data,
        ..GgufBytes::default()
    };
    let described = [key("general.architecture", 8, &text("none")), key("k", 5, &7i32.to_le_bytes())];
    let two = [floats(1.0, 4), floats(5.0, 2)].concat();
    [
        part(0, described.to_vec(), vec![], vec![]),
        part(1, vec![], vec![tensor("b", &[2, 2], 0, 0), tensor("a", &[2], 0, 32)], two),
        part(2, vec![], vec![tensor("c", &[32, 2], 8, 0)], GgufBytes::default().data[..68].to_vec()),
    ]
}

/// Writes parts under the names of `gguf-split`; returns their paths.
fn write_parts(folder: &Path, parts: &[GgufBytes]) -> Vec<PathBuf> {
    let name = |number| folder.join(format!("model-{:05}-of-{:05}.gguf", number + 1, parts.len()));
    let written = parts.iter().enumerate().map(|(number, part)| {
        fs::write(name(number), part.file()).expect("writes");
        name(number)
    });
    written.collect()
}

fn values(path: &Path, name: &str) -> Vec<f32> {
    let checkpoint = Checkpoint::open(path).expect("opens");
    checkpoint.tensor(name).expect("is there").to_f32().expect("finite")
}

#[test]
fn a_gguf_file_is_recognised_by_its_content() {
    let folder = folder();
    for name in ["model.gguf", "MODEL.GGUF", "sha256-0a1b2c", "model.bin", "model.safetensors", "no.such.ending"] {
        let path = folder.path().join(name);
        fs::write(&path, GgufBytes::default().file()).expect("writes");
        let checkpoint = Checkpoint::open(&path).expect(name);
        assert_eq!((checkpoint.format(), checkpoint.tensors().len()), (Format::Gguf, 2), "{name}");
        assert!(gguf::is_gguf(&path).expect("is there"));
    }
    // Another content is judged by the name, whatever its case.
    for (name, expected) in [
        ("a.GGUF", "not a GGUF file"),
        ("a.PT", "pickle"),
        ("a.Safetensors", "header"),
        ("a.txt", "expected a folder, a `.safetensors` file or a GGUF file"),
        ("a", "expected a folder"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, b"GGML\x00\xff\x01xxxxxxxxxxxxxxxxxxxxxxxxxx").expect("writes");
        let message = Checkpoint::open(&path).expect_err(name).to_string();
        assert!(message.contains(expected) && message.contains(name), "{message}");
        assert!(!gguf::is_gguf(&path).expect("is there"));
    }
    fs::write(folder.path().join("short"), b"GGU").expect("writes");
    assert!(!gguf::is_gguf(&folder.path().join("short")).expect("is there"));
}

#[test]
fn any_part_of_a_split_model_opens_all_parts() {
    let folder = folder();
    let paths = write_parts(folder.path(), &three_parts());
    for path in &paths {
        let checkpoint = Checkpoint::open(path).expect("opens");
        assert_eq!(checkpoint.tensors().map(|info| info.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(checkpoint.files().collect::<Vec<_>>(), paths.iter().map(PathBuf::as_path).collect::<Vec<_>>());
        assert_eq!(&*checkpoint.info("c").expect("is there").file, paths[2]);
        assert_eq!(checkpoint.tensor("b").expect("is there").to_f32().expect("finite"), [1.0, 2.0, 3.0, 4.0]);
        let keys: Vec<_> = checkpoint.gguf_metadata().expect("of the first part").iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["general.architecture", "k"], "the keys of the split are not the model's");
    }
    // Names in capitals, and blobs under the names of parts.
    for ending in [".GGUF", ""] {
        let other = tempfile::tempdir().expect("a temporary folder");
        for (number, path) in paths.iter().enumerate() {
            let name = format!("m-{}-of-3{ending}", number + 1);
            fs::copy(path, other.path().join(name)).expect("copies");
        }
        let path = other.path().join(format!("m-2-of-3{ending}"));
        assert_eq!(values(&path, "a"), [5.0, 6.0], "{ending}");
    }
}

#[test]
fn a_model_in_one_file_may_have_the_name_or_the_keys_of_a_part() {
    let folder = folder();
    let path = folder.path().join("m-00001-of-00002.gguf");
    for keys in [vec![], split_keys(0, 0, 2), split_keys(0, 1, 2)] {
        fs::write(&path, GgufBytes { keys, ..GgufBytes::default() }.file()).expect("writes");
        assert_eq!(Checkpoint::open(&path).expect("opens").tensors().len(), 2);
    }
}

#[test]
fn parts_that_are_missing_misnamed_or_of_another_model_are_named() {
    use CheckpointError::{DuplicateTensor, Split};
    use SplitError::{Key, MissingPart, PartName};
    let problem = |change: &dyn Fn(&mut [GgufBytes; 3])| {
        let folder = folder();
        let mut parts = three_parts();
        change(&mut parts);
        let paths = write_parts(folder.path(), &parts);
        let CheckpointError::InFile { file, problem } = Checkpoint::open(&paths[1]).expect_err("refused") else {
            panic!("no file");
        };
        (file.file_name().expect("a file").to_string_lossy().into_owned(), *problem)
    };
    let (file, found) = problem(&|parts| parts[2].keys = split_keys(2, 2, 3));
    assert!(matches!(found, Split(Key { key: "split.count" | "split.no", .. })), "{found}");
    assert_eq!(file, "model-00003-of-00003.gguf");
    let (file, found) = problem(&|parts| parts[2].keys = split_keys(1, 3, 3));
    assert!(matches!(&found, Split(Key { key: "split.no", found: 1, .. })), "{found}");
    assert_eq!(file, "model-00003-of-00003.gguf");
    let (file, found) = problem(&|parts| parts[0].keys = vec![]);
    assert!(matches!(&found, Split(Key { key: "split.count", found: 0, .. })), "{found}");
    assert_eq!(file, "model-00001-of-00003.gguf");
    let (_, found) = problem(&|parts| parts[2].keys = split_keys(2, 3, 9));
    assert!(matches!(&found, Split(Key { key: "split.tensors.count", found: 9, .. })), "{found}");
    let (_, found) = problem(&|parts| {
        parts.iter_mut().enumerate().for_each(|(number, part)| {
            part.keys = split_keys(u16::try_from(number).expect("three parts"), 3, 4);
        });
    });
    assert!(matches!(&found, Split(Key { key: "split.tensors.count", found: 4, .. })), "{found}");
    let (file, found) = problem(&|parts| parts[2].tensors = vec![tensor("a", &[32, 2], 8, 0)]);
    assert!(matches!(&found, DuplicateTensor { tensor } if tensor == "a"), "{found}");
    assert_eq!(file, "model-00003-of-00003.gguf");
    for number in [3u16, u16::MAX] {
        let (_, found) = problem(&|parts| parts[1].keys = split_keys(number, 3, 3));
        assert!(matches!(&found, Split(Key { key: "split.no", .. })), "{found}");
    }
    let (_, found) = problem(&|parts| parts[1].keys = vec![key("split.count", 10, &u64::MAX.to_le_bytes())]);
    assert!(matches!(&found, Split(Key { key: "split.count", found: u64::MAX, .. })), "{found}");

    let folder = folder();
    let paths = write_parts(folder.path(), &three_parts());
    let renamed = folder.path().join("downloaded.gguf");
    fs::copy(&paths[1], &renamed).expect("copies");
    let error = Checkpoint::open(&renamed).expect_err("refused");
    assert!(matches!(error.problem(), Split(PartName { number: 2, count: 3 })), "{error}");
    for part in ["downloaded.gguf", "part 2 of 3", "-00002-of-00003.gguf"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    // The name of another part than the keys say.
    fs::copy(&paths[1], &paths[2]).expect("copies");
    assert!(matches!(Checkpoint::open(&paths[2]).expect_err("refused").problem(), Split(PartName { .. })));
    fs::remove_file(&paths[2]).expect("removes");
    let error = Checkpoint::open(&paths[0]).expect_err("refused");
    assert!(matches!(error.problem(), Split(MissingPart { number: 3, count: 3, .. })), "{error}");
    assert_eq!(error.kind(), CheckpointErrorKind::Missing);
    for part in ["model-00001-of-00003.gguf", "part 3 of 3 is missing", "`model-00003-of-00003.gguf`"] {
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn a_split_model_is_rewritten_as_one_file() {
    let folder = folder();
    let paths = write_parts(folder.path(), &three_parts());
    let target = folder.path().join("whole.gguf");
    let before = Checkpoint::open(&paths[0]).expect("opens");
    let wanted: Vec<f32> = (0..64_u8).map(|i| f32::from(i) - 20.0).collect();
    for (dtype, b) in [(Dtype::Q8_0, Dtype::F32), (Dtype::F16, Dtype::F16)] {
        let edits = BTreeMap::from([
            ("c".to_string(), (dtype, wanted.clone())),
            ("b".to_string(), (b, vec![9.0, 8.0, 7.0, 6.0])),
        ]);
        gguf::rewrite(&paths[2], &target, &edits).expect("rewrites");
        let after = Checkpoint::open(&target).expect("opens");
        assert_eq!(after.files().collect::<Vec<_>>(), [target.as_path()]);
        assert_eq!(after.gguf_metadata(), before.gguf_metadata());
        assert_eq!(after.tensor("a").expect("a").bytes(), before.tensor("a").expect("a").bytes());
        assert_eq!(values(&target, "b"), [9.0, 8.0, 7.0, 6.0]);
        assert_eq!(values(&target, "c"), stored_values("c", dtype, &wanted).expect("finite"));
        // llama.cpp wants the data in the order of the descriptions, one after the other.
        let start = |name: &str| after.info(name).expect("is there").range.clone();
        assert_eq!(start("b").end.next_multiple_of(32), start("a").start);
        assert_eq!(start("a").end.next_multiple_of(32), start("c").start);
    }
    // Without a change, the bytes of every tensor stay, and a second rewrite changes nothing.
    gguf::rewrite(&paths[1], &target, &BTreeMap::new()).expect("rewrites");
    let after = Checkpoint::open(&target).expect("opens");
    for info in before.tensors() {
        assert_eq!(after.tensor(&info.name).expect("there").bytes(), before.tensor(&info.name).expect("there").bytes());
    }
    let again = folder.path().join("again.gguf");
    gguf::rewrite(&target, &again, &BTreeMap::new()).expect("rewrites");
    assert_eq!(fs::read(&again).expect("reads"), fs::read(&target).expect("reads"));
    let missing = BTreeMap::from([("d".to_string(), (Dtype::F32, vec![]))]);
    let error = gguf::rewrite(&paths[0], &again, &missing).expect_err("no such tensor");
    assert!(matches!(error.problem(), CheckpointError::NoSuchTensor { .. }), "{error}");
}

#[test]
fn versions_and_types_are_read_or_refused_by_name() {
    let folder = folder();
    let open = |bytes: &GgufBytes| {
        let path = folder.path().join("model.gguf");
        fs::write(&path, bytes.file()).expect("writes");
        Checkpoint::open(&path)
    };
    for version in [2, 3] {
        let checkpoint = open(&GgufBytes { version, ..GgufBytes::default() }).expect("is read");
        assert_eq!(checkpoint.tensor("vector").expect("is there").to_f32().expect("finite"), [1.0, 2.0, 3.0, 4.0]);
    }
    let refused = |bytes: &GgufBytes, expected: &[&str]| {
        let message = open(bytes).expect_err("refused").to_string();
        assert!(message.contains("model.gguf") && expected.iter().all(|part| message.contains(part)), "{message}");
    };
    refused(&GgufBytes { version: 1, ..GgufBytes::default() }, &["version 1", "2 and 3"]);
    refused(&GgufBytes { version: 4, ..GgufBytes::default() }, &["version 4"]);
    for version in 1..=3u32 {
        refused(&GgufBytes { version: version.swap_bytes(), ..GgufBytes::default() }, &["big-endian"]);
    }
    for (number, name) in [
        (16, "IQ2_XXS"),
        (17, "IQ2_XS"),
        (18, "IQ3_XXS"),
        (19, "IQ1_S"),
        (20, "IQ4_NL"),
        (21, "IQ3_S"),
        (22, "IQ2_S"),
        (23, "IQ4_XS"),
        (29, "IQ1_M"),
        (40, "NVFP4"),
        (99, "99"),
    ] {
        let tensors = vec![tensor("t", &[256], number, 0)];
        refused(&GgufBytes { tensors, ..GgufBytes::default() }, &["`t`", name]);
    }
}
