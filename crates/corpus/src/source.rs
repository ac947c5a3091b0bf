//! The seam between a corpus and the counter: a source hands its documents to a sink.

use std::io;
use std::ops::ControlFlow;

/// One shard of a corpus, such as a file. [`FileShard`](crate::FileShard) reads files of text and JSON; a caller that
/// reads another form, such as Parquet, gives a source of its own, which also bounds the size of a document.
pub trait DocumentSource: Sync {
    /// Name of the shard, unique in the corpus: the path of a file.
    fn name(&self) -> &str;

    /// Size of the shard as it is stored, in bytes. A journal counts a shard again whose size has changed.
    fn size(&self) -> u64;

    /// Description of how documents are read, such as the name of a column. A journal of other readings is refused.
    fn reading(&self) -> String {
        String::new()
    }

    /// Hands each document to `sink`, until it breaks; damage goes to [`DocumentSink::fault`].
    ///
    /// # Errors
    /// An error of the operating system that ends the reading. The shard is reported as faulty, and a journal does not
    /// take it for finished.
    fn read(&self, sink: &mut dyn DocumentSink) -> io::Result<()>;
}

/// Receiver of the documents of a source.
pub trait DocumentSink {
    /// Receives a document. A break asks the source to end its reading without an error.
    fn document(&mut self, text: &str) -> ControlFlow<()>;

    /// Receives a fault: the place in the shard, such as a line or byte, and what was expected and found there.
    fn fault(&mut self, place: String, problem: String);
}
