//! Lines of bounded length.

use std::io::{self, BufRead};

/// Bytes of a mark of byte order, which some writers put before the first line.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A line that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// The line is complete, without its end.
    Whole,
    /// The line is longer than the limit and was skipped.
    TooLong {
        /// Length, bytes.
        bytes: u64,
    },
}

/// Reader of lines up to a limit.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    reader: R,
    limit: usize,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// Lines of `reader` of at most `limit` bytes.
    pub(crate) fn new(reader: R, limit: usize) -> Self {
        Self { reader, limit, number: 0 }
    }

    /// Number of the last line that was asked for, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The reader, which stands after the last line.
    pub(crate) fn reader(&mut self) -> &mut R {
        &mut self.reader
    }

    /// Reads the next line into `line`; `None` at the end.
    pub(crate) fn next(&mut self, line: &mut Vec<u8>) -> io::Result<Option<Line>> {
        line.clear();
        self.number += 1;
        let mut bytes = 0_u64;
        let mut is_read = false;
        loop {
            let available = match self.reader.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available.is_empty() {
                break;
            }
            is_read = true;
            let end = memchr::memchr(b'\n', available);
            let part = &available[..end.unwrap_or(available.len())];
            bytes += part.len() as u64;
            if bytes <= self.limit as u64 {
                line.extend_from_slice(part);
            }
            let used = part.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        if !is_read {
            return Ok(None);
        }
        if bytes > self.limit as u64 {
            line.clear();
            return Ok(Some(Line::TooLong { bytes }));
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if self.number == 1 && line.starts_with(BYTE_ORDER_MARK) {
            line.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(Some(Line::Whole))
    }
}
