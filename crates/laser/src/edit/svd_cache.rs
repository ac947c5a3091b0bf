//! Exact decompositions on disk: one file a matrix, named by the hash of its values; a bound on all of them together, above
//! which the least recently used ones are removed.

mod file;
mod roundings;

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use laser_linalg::{Matrix, Svd};
use laser_source::is_sha256;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// Values hashed at a time.
const CHUNK: usize = 4096;
/// Ending of the files.
const ENDING: &str = ".safetensors";

/// A folder of decompositions.
///
/// Nothing that goes wrong in it is an error, because it only saves time: a damaged file is replaced, and a folder that
/// cannot be written to, or a full disk, is reported once.
#[derive(Clone)]
pub struct SvdCache {
    folder: PathBuf,
    /// Most bytes of all files together.
    bound: u64,
    /// Time at which decompositions count as used.
    now: Option<SystemTime>,
    warn: Arc<dyn Fn(&str) + Send + Sync>,
    warned: Arc<AtomicBool>,
}

impl SvdCache {
    /// A cache in `folder`, which is created when it is needed, of at most `bound` bytes. `now` is the time at which a
    /// decomposition that is read counts as used; without it, only writing counts. `warn` receives the first problem.
    pub fn new(
        folder: PathBuf,
        bound: u64,
        now: Option<SystemTime>,
        warn: impl Fn(&str) + Send + Sync + 'static,
    ) -> Self {
        Self { folder, bound, now, warn: Arc::new(warn), warned: Arc::default() }
    }

    /// Reads the decomposition of `w`; `None` if there is none that is sound.
    pub(super) fn read(&self, w: &Matrix, threads: usize) -> Option<Svd> {
        let path = self.path(w);
        let bytes = fs::read(&path).ok()?;
        let decoded = file::decode(&bytes, w, threads)?;
        if decoded.is_old {
            // In the smaller form.
            self.write(w, &decoded.svd, threads);
        } else if let Some(now) = self.now {
            // A cache that cannot be written to keeps the order of writing.
            let _ = File::options().write(true).open(&path).and_then(|file| file.set_modified(now));
        }
        Some(decoded.svd)
    }

    /// Keeps the decomposition of `w`, and removes the least recently used ones above the bound.
    pub(super) fn write(&self, w: &Matrix, svd: &Svd, threads: usize) {
        let Some(bytes) = file::encode(w, svd, threads) else { return };
        if bytes.len() as u64 > self.bound {
            return;
        }
        let path = self.path(w);
        let store = || -> Result<()> {
            fs::create_dir_all(&self.folder).map_err(Error::io(&self.folder))?;
            laser_checkpoint::write_atomically(&path, &bytes)?;
            remove_oldest(&self.folder, self.bound, &path)
        };
        if let Err(error) = store()
            && !self.warned.swap(true, Ordering::Relaxed)
        {
            (self.warn)(&format!("decompositions are not kept, and are computed again next time: {error}"));
        }
    }

    fn path(&self, w: &Matrix) -> PathBuf {
        self.folder.join(format!("{}{ENDING}", content_key(w)))
    }
}

impl fmt::Debug for SvdCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SvdCache").field("folder", &self.folder).field("bound", &self.bound).finish_non_exhaustive()
    }
}

/// True if a file of this name in the folder is a decomposition.
pub(crate) fn is_decomposition(name: &str) -> bool {
    name.strip_suffix(ENDING).is_some_and(is_sha256)
}

/// Removes decompositions from the folder, the least recently used first, until all together have at most `bound` bytes;
/// `newest` stays.
fn remove_oldest(folder: &Path, bound: u64, newest: &Path) -> Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io(folder))? {
        let entry = entry.map_err(Error::io(folder))?;
        if is_decomposition(&entry.file_name().to_string_lossy())
            // Another process may just have removed it.
            && let Ok(data) = entry.metadata()
        {
            files.push((data.modified().ok(), entry.path(), data.len()));
        }
    }
    let mut total: u64 = files.iter().map(|(_, _, bytes)| bytes).sum();
    files.sort();
    for (_, path, bytes) in files {
        if total <= bound {
            break;
        }
        if path != newest && fs::remove_file(&path).is_ok() {
            total -= bytes;
        }
    }
    Ok(())
}

/// Hashes the version of the decomposition, the shape and the values of a matrix, in hexadecimal.
fn content_key(w: &Matrix) -> String {
    let mut hasher = Sha256::new();
    // Increase the number when `decompose` gives other values, so that old files are not read.
    hasher.update(format!("laser svd 1 {}x{} ", w.rows(), w.cols()));
    for chunk in w.data().chunks(CHUNK) {
        let bytes: Vec<u8> = chunk.iter().flat_map(|v| v.to_le_bytes()).collect();
        hasher.update(&bytes);
    }
    hex::encode(hasher.finalize())
}

#[cfg(test)]
mod tests;
