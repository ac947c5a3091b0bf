//! What several targets share: the folder of goldens, places for files, and inputs of several parts.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The folder of goldens, whose files are the seeds.
pub(crate) fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../goldens")
}

/// The bytes of a golden.
pub(crate) fn golden(name: &str) -> Vec<u8> {
    let path = goldens().join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A new folder, in memory where the system has such a place: a target writes thousands of files a second.
pub(crate) fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.or_else(|_| tempfile::tempdir()).expect("a temporary folder")
}

/// Writes a file of a target's folder.
pub(crate) fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

/// Ends a part of an input: a line that no format has.
pub(crate) const NEXT_PART: &str = "\n===\n";

/// Joins parts into an input.
pub(crate) fn join(parts: &[&str]) -> Vec<u8> {
    parts.join(NEXT_PART).into_bytes()
}

/// Divides an input into its parts.
pub(crate) fn parts(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(input);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = text.windows(NEXT_PART.len()).position(|window| window == NEXT_PART.as_bytes());
        rest = end.map(|end| &text[end + NEXT_PART.len()..]);
        Some(&text[..end.unwrap_or(text.len())])
    })
}
