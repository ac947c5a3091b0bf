//! SHA-256 of a file: takes a path, gives the hash that downloads are checked against.

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
        assert!(sha256_file(&dir.path().join("none")).unwrap_err().to_string().contains("none"));
    }
}
