//! `source.json`: the record of the wheels that filled a cache folder, and of the GGUF file in it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::SourceError;

/// File name of the record.
pub(super) const RECORD: &str = "source.json";

/// A GGUF file in the cache, and the wheels that it comes from. Hashes are SHA-256 in lower-case hexadecimal.
#[derive(Serialize, Deserialize)]
pub(super) struct CacheRecord {
    /// File name of the package's wheel.
    pub(super) wheel: String,
    pub(super) wheel_sha256: String,
    /// Name of the GGUF file, without folders.
    pub(super) file: String,
    pub(super) file_sha256: String,
    /// Size of the GGUF file in bytes.
    pub(super) file_size: u64,
    /// Wheels of the pieces, if the file came in pieces; otherwise empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) parts: Vec<FetchedWheel>,
}

/// File name and SHA-256 of a downloaded wheel.
#[derive(Serialize, Deserialize)]
pub(super) struct FetchedWheel {
    pub(super) wheel: String,
    pub(super) wheel_sha256: String,
}

impl CacheRecord {
    /// Reads the record of a cache folder; `None` if there is none or it is not usable.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        let bytes = std::fs::read(folder.join(RECORD)).ok()?;
        let record: Self = serde_json::from_slice(&bytes).ok()?;
        // The name will be joined to the folder, so it must be a plain file name.
        (Path::new(&record.file).file_name() == Some(record.file.as_ref())).then_some(record)
    }

    /// Writes the record into `folder`: first into `scratch` on the same file system, then renamed, so that `folder`
    /// never has an incomplete one.
    pub(super) fn write(&self, folder: &Path, scratch: &Path) -> Result<(), SourceError> {
        let json =
            serde_json::to_vec_pretty(self).expect("the record is JSON because it holds only texts and a number");
        let draft = scratch.join(RECORD);
        std::fs::write(&draft, json).map_err(|e| SourceError::io(&draft, e))?;
        let record = folder.join(RECORD);
        std::fs::rename(&draft, &record).map_err(|e| SourceError::io(&record, e))
    }

    /// Whether the GGUF file exists with the recorded size. Its hash is not checked: 100 MB at every start would take a
    /// second.
    pub(super) fn is_intact(&self, folder: &Path) -> bool {
        std::fs::metadata(folder.join(&self.file)).is_ok_and(|file| file.is_file() && file.len() == self.file_size)
    }
}
