//! Reader of plain text, whose documents are parted by lines or which is one document.

use std::io::BufRead;
use std::ops::ControlFlow;

use super::Broken;
use super::lines::{Line, Lines};
use crate::fault::excerpt;
use crate::reading::Split;
use crate::source::DocumentSink;

/// Hands each document of `reader` to `sink`; documents of blanks are skipped.
pub(crate) fn read(
    reader: impl BufRead,
    split: &Split,
    limit: usize,
    sink: &mut dyn DocumentSink,
) -> Result<(), Broken> {
    let mut lines = Lines::new(reader, limit);
    let mut line = Vec::new();
    let mut document = Document { limit, start: 1, text: Vec::new(), bytes: 0 };
    loop {
        let next = lines.next(&mut line);
        let number = lines.number();
        match next.map_err(Broken::at(|| format!("line {number}")))? {
            None => {
                let _ = document.finish(number, sink);
                return Ok(());
            }
            Some(Line::Whole) if is_separator(&line, split) => {
                if document.finish(number, sink) == ControlFlow::Break(()) {
                    return Ok(());
                }
            }
            Some(Line::Whole) => document.push(&line),
            Some(Line::TooLong { bytes }) => document.skip(bytes),
        }
    }
}

fn is_separator(line: &[u8], split: &Split) -> bool {
    match split {
        Split::File => false,
        Split::BlankLines => line.trim_ascii().is_empty(),
        Split::Line(separator) => line == separator.as_bytes(),
    }
}

/// A document that is being read.
struct Document {
    limit: usize,
    /// Number of its first line.
    start: u64,
    text: Vec<u8>,
    /// Length so far, bytes; above the limit the text is not kept.
    bytes: u64,
}

impl Document {
    /// Adds a line.
    fn push(&mut self, line: &[u8]) {
        self.skip(line.len() as u64);
        if self.bytes <= self.limit as u64 + 1 {
            self.text.extend_from_slice(line);
            self.text.push(b'\n');
        }
    }

    /// Adds a line that is not kept.
    fn skip(&mut self, bytes: u64) {
        self.bytes += bytes + 1;
        if self.bytes > self.limit as u64 + 1 {
            self.text.clear();
        }
    }

    /// Hands the document to `sink` and begins the next one after the line `end`.
    fn finish(&mut self, end: u64, sink: &mut dyn DocumentSink) -> ControlFlow<()> {
        let start = std::mem::replace(&mut self.start, end + 1);
        let bytes = std::mem::take(&mut self.bytes).saturating_sub(1);
        let mut flow = ControlFlow::Continue(());
        if bytes > self.limit as u64 {
            let problem = format!("expected a document of at most {} bytes, found {bytes}", self.limit);
            sink.fault(format!("line {start}"), problem);
        } else {
            match std::str::from_utf8(&self.text) {
                Ok(text) if text.trim().is_empty() => {}
                Ok(text) => flow = sink.document(text.strip_suffix('\n').unwrap_or(text)),
                Err(error) => {
                    let (good, bad) = self.text.split_at(error.valid_up_to());
                    let line = start + memchr::memchr_iter(b'\n', good).count() as u64;
                    let found = excerpt(&bad[..bad.len().min(4)]);
                    sink.fault(format!("line {line}"), format!("expected UTF-8, found {found}"));
                }
            }
        }
        self.text.clear();
        flow
    }
}
