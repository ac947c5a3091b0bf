//! The magic: the four bytes by which a GGUF file is recognised, whatever its name.
//!
//! Download caches keep files under a hash, and some systems write extensions in capitals, so the name says little.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// First bytes of every GGUF file, of either byte order.
pub(super) const MAGIC: [u8; 4] = *b"GGUF";

/// Whether the file at `path` begins like a GGUF file.
///
/// # Errors
/// A file that cannot be opened or read.
pub fn is_gguf(path: &Path) -> io::Result<bool> {
    let mut start = Vec::with_capacity(MAGIC.len());
    File::open(path)?.take(4).read_to_end(&mut start)?;
    Ok(start == MAGIC)
}
