//! Files of the parts of one work: results that every member of a team reads, and the paths of claims.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use laser_checkpoint::write_atomically;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// The files of one work.
pub(super) struct PartFiles {
    folder: PathBuf,
    /// Hash of the work's name, which every file begins with.
    work: [u8; 32],
}

impl PartFiles {
    /// The files of the work with this name, in the folder of a team.
    ///
    /// # Errors
    /// A folder that cannot be created.
    pub(super) fn open(team: &Path, work: &str) -> Result<Self> {
        let hash: [u8; 32] = Sha256::digest(work).into();
        let folder = team.join(hex::encode(&hash[..8]));
        std::fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        Ok(Self { folder, work: hash })
    }

    /// Path of the claim of a part.
    pub(super) fn claim(&self, part: usize) -> PathBuf {
        self.folder.join(format!("{part}.claim"))
    }

    fn result(&self, part: usize) -> PathBuf {
        self.folder.join(format!("{part}.part"))
    }

    /// True if a part has a result.
    pub(super) fn has(&self, part: usize) -> bool {
        self.result(part).exists()
    }

    /// Result of a part; `None` if there is none yet.
    ///
    /// # Errors
    /// A file that cannot be read or is not a result of this work.
    pub(super) fn read<T: DeserializeOwned>(&self, part: usize) -> Result<Option<T>> {
        let path = self.result(part);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io(&path)(error)),
        };
        let damaged = || Error::Run {
            path: path.clone(),
            problem: "expected the result of a part, found something else: remove the file, and it is computed anew"
                .into(),
        };
        let value = bytes.strip_prefix(&self.work).ok_or_else(damaged)?;
        postcard::from_bytes(value).map(Some).map_err(|_| damaged())
    }

    /// Writes the result of a part: all of it or nothing.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(super) fn write<T: Serialize>(&self, part: usize, result: &T) -> Result<()> {
        let bytes = postcard::to_extend(result, self.work.to_vec()).expect("memory takes all bytes");
        Ok(write_atomically(&self.result(part), &bytes)?)
    }
}
