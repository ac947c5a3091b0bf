//! A Parquet file as a shard of a corpus: each value of one column of texts is a document.
//!
//! Here, because the corpus crate reads no Parquet and the reader of data sets knows no corpus.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use laser::task::Error;
use laser::task::dataset::{ParquetText, ParquetTexts};
use laser_corpus::{DocumentSink, DocumentSource, Reading};

/// A Parquet file, read page by page.
pub(super) struct ParquetShard {
    path: PathBuf,
    name: String,
    size: u64,
    column: String,
    document_limit: usize,
}

impl ParquetShard {
    /// Returns true for a path with the extension of a Parquet file.
    pub(super) fn knows(path: &Path) -> bool {
        path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"))
    }

    /// The shard of the file at `path`; it is opened when it is read.
    ///
    /// # Errors
    /// A file that does not exist.
    pub(super) fn new(path: &Path, reading: &Reading) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            name: path.display().to_string(),
            size: std::fs::metadata(path)?.len(),
            column: reading.text_key.clone(),
            document_limit: reading.document_limit,
        })
    }

    /// Hands one value to the sink.
    fn value(&self, record: u64, text: ParquetText<'_>, sink: &mut dyn DocumentSink) -> ControlFlow<()> {
        let problem = match text {
            ParquetText::Text(text) if text.len() <= self.document_limit => return sink.document(text),
            ParquetText::Text(text) => {
                format!("expected a text of at most {} bytes, found {}", self.document_limit, text.len())
            }
            ParquetText::Null => format!("expected a text in `{}`, found null", self.column),
            ParquetText::NotUtf8 => "expected UTF-8, found other bytes".to_owned(),
        };
        sink.fault(format!("record {}", record.saturating_add(1)), problem);
        ControlFlow::Continue(())
    }
}

impl DocumentSource for ParquetShard {
    fn name(&self) -> &str {
        &self.name
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn reading(&self) -> String {
        format!("column {:?}, at most {} bytes", self.column, self.document_limit)
    }

    fn read(&self, sink: &mut dyn DocumentSink) -> io::Result<()> {
        let mut texts = match ParquetTexts::open(&self.path, &self.column) {
            Ok(texts) => texts,
            Err(error) => return report(error, sink),
        };
        for group in 0..texts.groups() {
            match texts.read_group(group, &mut |record, text| self.value(record, text, sink)) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => break,
                // The groups after a damaged one are read all the same.
                Err(error) => report(error, sink)?,
            }
        }
        Ok(())
    }
}

/// Reports damage to the sink.
///
/// # Errors
/// An error of the operating system, after which the shard may be read again.
fn report(error: Error, sink: &mut dyn DocumentSink) -> io::Result<()> {
    match error {
        Error::Io { source, .. } => return Err(source),
        Error::Task { place, problem, .. } => sink.fault(place, problem),
        other => sink.fault("file".to_owned(), other.to_string()),
    }
    Ok(())
}
