//! A file as a shard: its form by its extension, perhaps compressed, streamed and never unpacked to disk.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::error::{Error, Result};
use crate::formats::{Broken, json_array, json_lines, plain_text, warc, zstd_frames};
use crate::reading::Reading;
use crate::source::{DocumentSink, DocumentSource};

/// Size of the buffers between file, decompression and parser, bytes.
const BUFFER: usize = 1 << 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    JsonLines,
    JsonArray,
    PlainText,
    Warc,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Zstd,
}

/// A file as a shard: `.jsonl`, `.json`, `.txt` or `.warc.wet`, each perhaps with `.gz` or `.zst`.
///
/// Its name is the path as it was given, so a journal knows the file again only by the same path.
#[derive(Debug)]
pub struct FileShard {
    path: PathBuf,
    name: String,
    size: u64,
    format: Format,
    compression: Compression,
    reading: Reading,
}

impl FileShard {
    /// The shard of the file at `path`; it is opened when it is read.
    ///
    /// # Errors
    /// An extension that is not known; a file that does not exist.
    pub fn new(path: &Path, reading: Reading) -> Result<Self> {
        let (format, compression) = form(path).ok_or_else(|| Error::Format {
            path: path.to_owned(),
            problem: "expected .jsonl, .json, .txt or .warc.wet, perhaps with .gz or .zst, found another extension"
                .to_owned(),
        })?;
        let size = std::fs::metadata(path).map_err(Error::io(path))?.len();
        let name = path.display().to_string();
        Ok(Self { path: path.to_owned(), name, size, format, compression, reading })
    }

    /// Returns true for a path with an extension that [`FileShard::new`] takes.
    pub fn knows(path: &Path) -> bool {
        form(path).is_some()
    }

    fn read_form(&self, file: impl Read + 'static, sink: &mut dyn DocumentSink) -> Result<(), Broken> {
        let file = BufReader::with_capacity(BUFFER, file);
        let mut reader: Box<dyn BufRead> = match self.compression {
            Compression::None => Box::new(file),
            Compression::Gzip => Box::new(BufReader::with_capacity(BUFFER, flate2::bufread::MultiGzDecoder::new(file))),
            Compression::Zstd => Box::new(BufReader::with_capacity(
                BUFFER,
                zstd_frames::reader(file).map_err(Broken::at(|| "start".to_owned()))?,
            )),
        };
        let Reading { text_key, split, document_limit } = &self.reading;
        match self.format {
            Format::JsonLines => json_lines::read(&mut reader, text_key, *document_limit, sink),
            Format::JsonArray => json_array::read(&mut reader, text_key, *document_limit, sink),
            Format::PlainText => plain_text::read(&mut reader, split, *document_limit, sink),
            Format::Warc => warc::read(&mut reader, *document_limit, sink),
        }
    }
}

impl DocumentSource for FileShard {
    fn name(&self) -> &str {
        &self.name
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn reading(&self) -> String {
        let limit = self.reading.document_limit;
        match self.format {
            Format::JsonLines | Format::JsonArray => format!("key {:?}, at most {limit} bytes", self.reading.text_key),
            Format::PlainText => format!("split {:?}, at most {limit} bytes", self.reading.split),
            Format::Warc => format!("conversions, at most {limit} bytes"),
        }
    }

    fn read(&self, sink: &mut dyn DocumentSink) -> io::Result<()> {
        let failure = Rc::new(Cell::new(None));
        let file = WatchedFile { file: File::open(&self.path)?, failure: Rc::clone(&failure) };
        let Err(Broken { place, error }) = self.read_form(file, sink) else { return Ok(()) };
        // The decoders wrap errors of the operating system, and only those may go away when the shard is read again.
        if let Some(code) = failure.get() {
            return Err(io::Error::from_raw_os_error(code));
        }
        let expected = match self.compression {
            Compression::None => "the rest of the file",
            Compression::Gzip => "a complete gzip stream",
            Compression::Zstd => "complete zstd frames",
        };
        sink.fault(place, format!("expected {expected}, found: {error}"));
        Ok(())
    }
}

/// Form and compression by the extensions of a path.
fn form(path: &Path) -> Option<(Format, Compression)> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let (stem, compression) = match name.rsplit_once('.')? {
        (stem, "gz") => (stem, Compression::Gzip),
        (stem, "zst") => (stem, Compression::Zstd),
        _ => (name.as_str(), Compression::None),
    };
    let format = match stem.rsplit_once('.')?.1 {
        "jsonl" => Format::JsonLines,
        "json" => Format::JsonArray,
        "txt" => Format::PlainText,
        "wet" => Format::Warc,
        _ => return None,
    };
    Some((format, compression))
}

/// A file that remembers an error of the operating system.
struct WatchedFile {
    file: File,
    failure: Rc<Cell<Option<i32>>>,
}

impl Read for WatchedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer).inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                self.failure.set(error.raw_os_error());
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_by_extension() {
        let of = |path: &str| form(Path::new(path));
        assert_eq!(of("a/00.jsonl.zst"), Some((Format::JsonLines, Compression::Zstd)));
        assert_eq!(of("CC-MAIN.warc.wet.gz"), Some((Format::Warc, Compression::Gzip)));
        assert_eq!(of("B.TXT"), Some((Format::PlainText, Compression::None)));
        assert_eq!(of("b.json"), Some((Format::JsonArray, Compression::None)));
        for other in ["a.parquet", "a", "a.gz", "jsonl", "a.jsonl.bz2"] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
