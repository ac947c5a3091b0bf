//! Reader of WARC files with the texts of web pages, WET: documents are the records of the type `conversion`.
//!
//! A record is a line `WARC/1.0`, headers, a blank line, and as many bytes as `Content-Length` says
//! (ISO 28500; <https://iipc.github.io/warc-specifications/>).

use std::io::{self, BufRead, Read};
use std::ops::ControlFlow;

use super::Broken;
use super::lines::{Line, Lines};
use crate::fault::excerpt;
use crate::source::DocumentSink;

/// Longest line of a header that is read, bytes.
const HEADER_LIMIT: usize = 1 << 16;

/// Headers of a record that are needed here.
#[derive(Debug, Default)]
struct Header {
    is_conversion: bool,
    content_length: Option<u64>,
}

/// Hands each conversion in `reader` to `sink`.
pub(crate) fn read(reader: impl BufRead, limit: usize, sink: &mut dyn DocumentSink) -> Result<(), Broken> {
    let mut lines = Lines::new(reader, HEADER_LIMIT);
    let mut line = Vec::new();
    let mut body = Vec::new();
    let mut record = 0_u64;
    // After damage, lines are skipped up to the next record without a fault for each.
    let mut is_lost = false;
    loop {
        let place = || format!("record {}", record + 1);
        match lines.next(&mut line).map_err(Broken::at(place))? {
            None => return Ok(()),
            Some(_) if line.starts_with(b"WARC/") => {}
            Some(Line::Whole) if line.is_empty() => continue,
            Some(_) if is_lost => continue,
            Some(_) => {
                sink.fault(place(), format!("expected `WARC/`, found {}", excerpt(&line)));
                is_lost = true;
                continue;
            }
        }
        is_lost = false;
        record += 1;
        let place = || format!("record {record}");
        let header = match read_header(&mut lines, &mut line).map_err(Broken::at(place))? {
            Ok(header) => header,
            Err(problem) => {
                sink.fault(place(), problem);
                is_lost = true;
                continue;
            }
        };
        let Some(length) = header.content_length else {
            sink.fault(place(), "expected a number `Content-Length`, found none".to_owned());
            is_lost = true;
            continue;
        };
        let is_kept = header.is_conversion && length <= limit as u64;
        let found = read_body(lines.reader(), length, is_kept.then_some(&mut body)).map_err(Broken::at(place))?;
        if found < length {
            sink.fault(place(), format!("expected {length} bytes, found {found}"));
        } else if is_kept {
            match std::str::from_utf8(&body) {
                Ok(text) => {
                    if sink.document(text) == ControlFlow::Break(()) {
                        return Ok(());
                    }
                }
                Err(error) => {
                    let bad = &body[error.valid_up_to()..];
                    let found = excerpt(&bad[..bad.len().min(4)]);
                    let byte = error.valid_up_to();
                    sink.fault(place(), format!("expected UTF-8, found {found} at its byte {byte}"));
                }
            }
        } else if header.is_conversion {
            sink.fault(place(), format!("expected a document of at most {limit} bytes, found {length}"));
        }
    }
}

/// Reads headers up to the blank line; an inner error says what was expected and found.
fn read_header<R: BufRead>(lines: &mut Lines<R>, line: &mut Vec<u8>) -> io::Result<Result<Header, String>> {
    let mut header = Header::default();
    loop {
        match lines.next(line)? {
            None => return Ok(Err("expected a blank line after the headers, found the end of the file".to_owned())),
            Some(Line::TooLong { .. }) => continue,
            Some(Line::Whole) if line.is_empty() => return Ok(Ok(header)),
            Some(Line::Whole) => {}
        }
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"WARC-Type") {
            header.is_conversion = value == b"conversion";
        } else if name.eq_ignore_ascii_case(b"Content-Length") {
            header.content_length = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
        }
    }
}

/// Reads `length` bytes into `body`, or skips them; gives how many there were. Memory grows with what is read, whatever
/// the header says.
fn read_body(reader: &mut impl BufRead, length: u64, body: Option<&mut Vec<u8>>) -> io::Result<u64> {
    let mut reader = reader.take(length);
    match body {
        Some(body) => {
            body.clear();
            reader.read_to_end(body).map(|n| n as u64)
        }
        None => io::copy(&mut reader, &mut io::sink()),
    }
}
