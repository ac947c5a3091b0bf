//! SHA-256 of model files: takes a path, gives the hash that manifests record and that downloads are checked against.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::error::SourceError;

/// SHA-256 of a file's bytes, 64 lower-case hexadecimal digits.
///
/// # Errors
/// [`SourceError::Io`] if the file cannot be read.
pub fn sha256_file(path: &Path) -> Result<String, SourceError> {
    let io = |source| SourceError::io(path, source);
    let mut file = File::open(path).map_err(io)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20]; // model files may be larger than memory
    loop {
        match file.read(&mut buffer).map_err(io)? {
            0 => return Ok(hex::encode(hash.finalize())),
            n => hash.update(&buffer[..n]),
        }
    }
}

/// SHA-256 that identifies a model, 64 lower-case hexadecimal digits: the hash of a `.gguf` file, or of a list of the
/// files of a folder.
///
/// The list has one line `NAME  HASH\n` for each weight, configuration and tokenizer file directly in the folder,
/// sorted by name, so that neither time stamps nor a README change it.
///
/// # Errors
/// [`SourceError::Io`] if a file cannot be read.
pub fn sha256_model(path: &Path) -> Result<String, SourceError> {
    if !path.is_dir() {
        return sha256_file(path);
    }
    let io = |source| SourceError::io(path, source);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).map_err(io)? {
        let name = entry.map_err(io)?.file_name().to_string_lossy().into_owned();
        // `entry.file_type()` would say "link" for the links to files in the Hub's cache; `is_file` follows them.
        if is_model_part(&name) && path.join(&name).is_file() {
            names.push(name);
        }
    }
    names.sort();
    sha256_files(names.iter().map(|name| path.join(name)))
}

/// SHA-256 of a list of files in the form of [`sha256_model`], in the order given: for the parts of a split GGUF model.
///
/// # Errors
/// [`SourceError::Io`] if a file cannot be read.
pub fn sha256_files(paths: impl IntoIterator<Item = impl AsRef<Path>>) -> Result<String, SourceError> {
    let mut hash = Sha256::new();
    for path in paths {
        let path = path.as_ref();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        hash.update(format!("{name}  {}\n", sha256_file(path)?));
    }
    Ok(hex::encode(hash.finalize()))
}

/// Whether a file changes what the model computes: weights, configuration, tokenizer, chat template.
fn is_model_part(name: &str) -> bool {
    [".safetensors", ".json", ".jinja", ".model"].iter().any(|end| name.ends_with(end))
        || name == "merges.txt"
        || name == "vocab.txt"
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA256_OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // FIPS 180-2, appendix B.1

    #[test]
    fn a_file_has_the_published_hash_of_its_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(sha256_file(&path).unwrap(), SHA256_OF_ABC);
        assert_eq!(sha256_model(&path).unwrap(), SHA256_OF_ABC);
        assert!(sha256_file(&dir.path().join("none")).unwrap_err().to_string().contains("none"));
    }

    #[test]
    fn the_hash_of_a_folder_depends_on_names_and_contents_of_model_files_only() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("config.json", "abc");
        let one = sha256_model(dir.path()).unwrap();
        assert_eq!(one, hex::encode(Sha256::digest(format!("config.json  {SHA256_OF_ABC}\n"))));
        write("README.md", "x");
        assert_eq!(sha256_model(dir.path()).unwrap(), one);
        write("model.safetensors", "w");
        let two = sha256_model(dir.path()).unwrap();
        assert_ne!(two, one);
        write("model.safetensors", "v");
        assert_ne!(sha256_model(dir.path()).unwrap(), two);
    }
}
