//! Reader of a JSON array, one document an element. The array is never in memory as a whole: its elements are told
//! apart by brackets and quotes, and each is parsed on its own, so that a bad one spoils no other.

use std::io::{self, BufRead};
use std::ops::ControlFlow;

use super::Broken;
use super::json_text::JsonText;
use crate::fault::excerpt;
use crate::source::DocumentSink;

/// Hands the text of each element of the array in `reader` to `sink`.
pub(crate) fn read(reader: impl BufRead, key: &str, limit: usize, sink: &mut dyn DocumentSink) -> Result<(), Broken> {
    let mut elements = Elements { reader, limit, offset: 0 };
    let mut text = JsonText::new(key);
    let mut element = Vec::new();
    let opening = elements.skip_blanks();
    match opening.map_err(Broken::at(|| elements.place(elements.offset)))? {
        Some(b'[') => elements.take(),
        found => {
            let found = found.map_or("the end of the file".to_owned(), |byte| excerpt(&[byte]));
            let hint = "; a file of one object a line has the extension .jsonl";
            sink.fault(elements.place(elements.offset), format!("expected an array, found {found}{hint}"));
            return Ok(());
        }
    }
    let mut is_first = true;
    loop {
        let start = elements.offset;
        let next = elements.next(&mut element);
        let Some(Element { bytes, ends }) = next.map_err(Broken::at(|| elements.place(elements.offset)))? else {
            sink.fault(elements.place(elements.offset), "expected a `]`, found the end of the file".to_owned());
            return Ok(());
        };
        if bytes > limit as u64 {
            let problem = format!("expected an element of at most {limit} bytes, found {bytes}");
            sink.fault(elements.place(start), problem);
        } else if !(is_first && ends && element.trim_ascii().is_empty()) {
            match text.find(&element) {
                Ok(text) => {
                    if sink.document(text) == ControlFlow::Break(()) {
                        return Ok(());
                    }
                }
                Err(problem) => sink.fault(elements.place(start), problem),
            }
        }
        is_first = false;
        if ends {
            break;
        }
    }
    let after = elements.skip_blanks();
    if let Some(byte) = after.map_err(Broken::at(|| elements.place(elements.offset)))? {
        let problem = format!("expected the end of the file after the array, found {}", excerpt(&[byte]));
        sink.fault(elements.place(elements.offset), problem);
    }
    Ok(())
}

/// Reader of the elements of an array.
struct Elements<R> {
    reader: R,
    limit: usize,
    /// Bytes that were read.
    offset: u64,
}

/// An element that was read.
struct Element {
    /// Length, bytes; an element above the limit was not kept.
    bytes: u64,
    /// True for the last value of the array.
    ends: bool,
}

impl<R: BufRead> Elements<R> {
    fn place(&self, offset: u64) -> String {
        format!("byte {offset}")
    }

    /// Passes over one byte.
    fn take(&mut self) {
        self.reader.consume(1);
        self.offset += 1;
    }

    /// The next byte that is no white space, which is not taken; a mark of byte order counts as white space.
    fn skip_blanks(&mut self) -> io::Result<Option<u8>> {
        loop {
            match filled(&mut self.reader)?.first() {
                Some(byte) if byte.is_ascii_whitespace() || b"\xef\xbb\xbf".contains(byte) => self.take(),
                byte => return Ok(byte.copied()),
            }
        }
    }

    /// Reads an element and the comma or bracket after it; `None` if the file ends before.
    fn next(&mut self, element: &mut Vec<u8>) -> io::Result<Option<Element>> {
        element.clear();
        let (mut depth, mut in_string, mut is_escaped) = (0_u64, false, false);
        let mut bytes = 0_u64;
        loop {
            let available = filled(&mut self.reader)?;
            if available.is_empty() {
                return Ok(None);
            }
            let mut end = None;
            for (i, &byte) in available.iter().enumerate() {
                if in_string {
                    match byte {
                        _ if is_escaped => is_escaped = false,
                        b'\\' => is_escaped = true,
                        b'"' => in_string = false,
                        _ => {}
                    }
                    continue;
                }
                match byte {
                    b'"' => in_string = true,
                    b'[' | b'{' => depth += 1,
                    b',' | b']' if depth == 0 => {
                        end = Some((i, byte == b']'));
                        break;
                    }
                    b']' | b'}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
            let part = &available[..end.map_or(available.len(), |(i, _)| i)];
            bytes += part.len() as u64;
            if bytes <= self.limit as u64 {
                element.extend_from_slice(part);
            }
            let used = part.len() + usize::from(end.is_some());
            self.reader.consume(used);
            self.offset += used as u64;
            if let Some((_, ends)) = end {
                return Ok(Some(Element { bytes, ends }));
            }
        }
    }
}

/// The buffered bytes of `reader`; none at its end.
fn filled(reader: &mut impl BufRead) -> io::Result<&[u8]> {
    loop {
        match reader.fill_buf() {
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    reader.fill_buf()
}
