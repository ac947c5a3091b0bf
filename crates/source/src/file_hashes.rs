//! SHA-256 of model files, which a folder remembers: reading a model of many gigabytes only to name it takes minutes.

use std::fs::{self, Metadata};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::digest::sha256_file;
use crate::error::SourceError;

/// Bytes from which on the hash of a file is remembered. Hashing so many takes longer than the clock of a file system needs
/// for a step, so that a change made while a file is hashed gives it another time.
const REMEMBERED: u64 = 16 << 20;
/// Ending of the files in the folder.
const ENDING: &str = ".json";

/// Computes the hashes by which results and recipes identify model files, and remembers those of large files.
///
/// A remembered hash counts as long as path, length, file number, time of the last change of the contents, and time of the
/// last change of the file's entry are the same. Nothing that goes wrong with the folder is an error, because it only saves
/// time.
#[derive(Debug, Clone, Default)]
pub struct FileHashes {
    folder: Option<PathBuf>,
}

impl FileHashes {
    /// Hashes that `folder` remembers, which is created when it is needed; `None`: every file is read.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// SHA-256 that identifies a model, 64 lower-case hexadecimal digits: the hash of a `.gguf` file, or of a list of the
    /// files of a folder.
    ///
    /// The list has one line `NAME  HASH\n` for each weight, configuration and tokenizer file directly in the folder,
    /// sorted by name, so that neither time stamps nor a README change it.
    ///
    /// # Errors
    /// [`SourceError`] of the kind `Io` if a file cannot be read.
    pub fn of_model(&self, path: &Path) -> Result<String, SourceError> {
        if !path.is_dir() {
            return self.of_file(path);
        }
        let io = |source| SourceError::io(path, source);
        let mut names = Vec::new();
        for entry in fs::read_dir(path).map_err(io)? {
            let name = entry.map_err(io)?.file_name().to_string_lossy().into_owned();
            // `entry.file_type()` would say "link" for the links to files in the Hub's cache; `is_file` follows them.
            if is_model_part(&name) && path.join(&name).is_file() {
                names.push(name);
            }
        }
        names.sort();
        self.of_files(names.iter().map(|name| path.join(name)))
    }

    /// SHA-256 of a list of files in the form of [`FileHashes::of_model`], in the order given: for the parts of a split GGUF
    /// model.
    ///
    /// # Errors
    /// [`SourceError`] of the kind `Io` if a file cannot be read.
    pub fn of_files(&self, paths: impl IntoIterator<Item = impl AsRef<Path>>) -> Result<String, SourceError> {
        let mut hash = Sha256::new();
        for path in paths {
            let path = path.as_ref();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            hash.update(format!("{name}  {}\n", self.of_file(path)?));
        }
        Ok(hex::encode(hash.finalize()))
    }

    /// SHA-256 of a file's bytes.
    fn of_file(&self, path: &Path) -> Result<String, SourceError> {
        let Some(folder) = &self.folder else { return sha256_file(path) };
        let Some(before) = FileState::of(path) else { return sha256_file(path) };
        let record = folder.join(format!("{}{ENDING}", hex::encode(Sha256::digest(&before.path))));
        if let Some(sha256) = before.remembered(&record) {
            return Ok(sha256);
        }
        let sha256 = sha256_file(path)?;
        if FileState::of(path).as_ref() == Some(&before) {
            // A folder that cannot be written to costs time only.
            let _ = before.remember(&record, &sha256);
        }
        Ok(sha256)
    }
}

/// State of a large file, which changes when the file does.
#[derive(Debug, Clone, PartialEq)]
struct FileState {
    /// The path without links.
    path: String,
    /// Length, numbers and times.
    state: Value,
}

impl FileState {
    /// The state of a file; `None` if it is small, cannot be read, or has no times.
    fn of(path: &Path) -> Option<Self> {
        let path = path.canonicalize().ok()?;
        let data = path.metadata().ok().filter(|data| data.len() >= REMEMBERED)?;
        let modified = data.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        let state = json!({
            "bytes": data.len(),
            "modified": format!("{}.{:09}", modified.as_secs(), modified.subsec_nanos()),
            "entry": entry(&data),
        });
        Some(Self { path: path.to_str()?.to_owned(), state })
    }

    /// The hash in the record of this state; `None` if there is none.
    fn remembered(&self, record: &Path) -> Option<String> {
        let record: Value = serde_json::from_slice(&fs::read(record).ok()?).ok()?;
        let sha256 = record["sha256"].as_str().filter(|hash| is_sha256(hash))?;
        (record["path"] == self.path && record["state"] == self.state).then(|| sha256.to_owned())
    }

    /// Writes the record.
    fn remember(&self, record: &Path, sha256: &str) -> std::io::Result<()> {
        let folder = record.parent().expect("a record is in a folder");
        fs::create_dir_all(folder)?;
        let mut draft = tempfile::NamedTempFile::new_in(folder)?;
        let text = json!({"path": self.path, "state": self.state, "sha256": sha256});
        writeln!(draft, "{text}")?;
        draft.persist(record).map(drop).map_err(|failed| failed.error)
    }
}

/// Device, file number and time of the last change of the entry, which no program can set.
#[cfg(unix)]
fn entry(data: &Metadata) -> Value {
    use std::os::unix::fs::MetadataExt;
    json!([data.dev(), data.ino(), format!("{}.{:09}", data.ctime(), data.ctime_nsec())])
}

/// Nothing, where the system does not say.
#[cfg(not(unix))]
fn entry(_: &Metadata) -> Value {
    Value::Null
}

/// True if a file of this name in the folder is the record of a hash.
pub fn is_hash_record(name: &str) -> bool {
    name.strip_suffix(ENDING).is_some_and(is_sha256)
}

/// True for a SHA-256 in hexadecimal.
pub fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// True if a file changes what the model computes: weights, configuration, tokenizer, chat template.
fn is_model_part(name: &str) -> bool {
    [".safetensors", ".json", ".jinja", ".model"].iter().any(|end| name.ends_with(end))
        || name == "merges.txt"
        || name == "vocab.txt"
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::Duration;

    use super::*;

    const SHA256_OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // FIPS 180-2, appendix B.1

    #[test]
    fn the_hash_of_a_folder_depends_on_names_and_contents_of_model_files_only() {
        let dir = tempfile::tempdir().unwrap();
        let of_model = || FileHashes::default().of_model(dir.path()).unwrap();
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        write("config.json", "abc");
        let one = of_model();
        assert_eq!(one, hex::encode(Sha256::digest(format!("config.json  {SHA256_OF_ABC}\n"))));
        assert_eq!(FileHashes::default().of_model(&dir.path().join("config.json")).unwrap(), SHA256_OF_ABC);
        write("README.md", "x");
        assert_eq!(of_model(), one);
        write("model.safetensors", "w");
        let two = of_model();
        assert_ne!(two, one);
        write("model.safetensors", "v");
        assert_ne!(of_model(), two);
    }

    /// A file of zeros that is large enough to be remembered, its hashes, and the folder that remembers them.
    fn large_file() -> (tempfile::TempDir, PathBuf, FileHashes, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("model.gguf");
        File::create(&file).unwrap().set_len(REMEMBERED).unwrap();
        let records = dir.path().join("cache").join("sha256");
        (dir, file, FileHashes::new(Some(records.clone())), records)
    }

    fn only_record(records: &Path) -> PathBuf {
        let found: Vec<_> = fs::read_dir(records).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    }

    #[test]
    fn a_large_file_is_read_once_as_long_as_it_does_not_change() {
        let (_dir, file, hashes, records) = large_file();
        let zeros = sha256_file(&file).unwrap();
        assert_eq!(hashes.of_model(&file).unwrap(), zeros);
        // Another hash in the record shows that the record is what answers.
        let record = only_record(&records);
        assert!(is_hash_record(record.file_name().unwrap().to_str().unwrap()));
        let text = fs::read_to_string(&record).unwrap();
        fs::write(&record, text.replace(&zeros, SHA256_OF_ABC)).unwrap();
        assert_eq!(hashes.of_model(&file).unwrap(), SHA256_OF_ABC);
        assert_eq!(FileHashes::default().of_model(&file).unwrap(), zeros);

        // Same length, and the time of modification set back: the entry still changed.
        let modified = file.metadata().unwrap().modified().unwrap();
        std::thread::sleep(Duration::from_millis(20));
        let mut opened = File::options().write(true).open(&file).unwrap();
        opened.write_all(b"x").unwrap();
        opened.set_modified(modified).unwrap();
        drop(opened);
        let changed = hashes.of_model(&file).unwrap();
        assert_eq!(changed, sha256_file(&file).unwrap());
        assert_ne!(changed, zeros);
    }

    #[test]
    fn a_damaged_record_or_a_folder_that_cannot_be_written_to_costs_time_only() {
        let (dir, file, hashes, records) = large_file();
        let zeros = hashes.of_model(&file).unwrap();
        for damaged in ["", "{}", "[1]", "\u{feff}", r#"{"sha256": 1}"#] {
            fs::write(only_record(&records), damaged).unwrap();
            assert_eq!(hashes.of_model(&file).unwrap(), zeros, "{damaged}");
        }
        // A file stands where the folder should be.
        let blocked = dir.path().join("blocked");
        fs::write(&blocked, "").unwrap();
        assert_eq!(FileHashes::new(Some(blocked)).of_model(&file).unwrap(), zeros);
        // Small files leave nothing behind.
        let small = dir.path().join("small");
        fs::write(&small, "abc").unwrap();
        assert_eq!(
            hashes.of_files([&small]).unwrap(),
            hex::encode(Sha256::digest(format!("small  {SHA256_OF_ABC}\n")))
        );
        only_record(&records);
    }
}
