//! Lines of a text: takes bytes, gives each line with its number; and plain text files, one row a line.

use serde_json::{Map, Value};

use super::reading::Reading;
use super::{BadField, Place};
use crate::error::Result;

/// One row a line, as the field `text`; a blank line is a row too.
pub(super) fn read(bytes: &[u8], reading: &mut Reading) -> Result<()> {
    for (place, line) in lines(bytes) {
        match std::str::from_utf8(line) {
            Ok(line) => reading.row(place, Map::from_iter([("text".to_owned(), Value::from(line))])),
            Err(e) => reading.bad_field(place, &BadField::new("text", not_utf8(&e)))?,
        }
    }
    Ok(())
}

/// The lines without their ends (a line feed, or carriage return and line feed); the last need not have one.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = (Place, &[u8])> {
    let bytes = without_mark(bytes);
    let bytes = bytes.strip_suffix(b"\n").map_or((!bytes.is_empty()).then_some(bytes), Some);
    let lines = bytes.into_iter().flat_map(|bytes| bytes.split(|byte| *byte == b'\n'));
    lines.enumerate().map(|(i, line)| (Place::Line(i + 1), line.strip_suffix(b"\r").unwrap_or(line)))
}

/// Drops the mark that some programs write before UTF-8.
pub(super) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// The line that the byte at `index` stands on.
pub(super) fn line_of(bytes: &[u8], index: usize) -> Place {
    Place::Line(1 + bytes[..index.min(bytes.len())].iter().filter(|byte| **byte == b'\n').count())
}

/// What is wrong with bytes that are no text.
pub(super) fn not_utf8(error: &std::str::Utf8Error) -> String {
    format!("expected UTF-8, found other bytes after {} good ones", error.valid_up_to())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_an_editor_shows() {
        let of = |text: &'static str| -> Vec<&str> {
            lines(text.as_bytes()).map(|(_, line)| std::str::from_utf8(line).expect("UTF-8")).collect()
        };
        assert_eq!(of(""), [""; 0]);
        assert_eq!(of("\n"), [""]);
        assert_eq!(of("a\r\n\n b \n"), ["a", "", " b "]);
        assert_eq!(of("\u{feff}a\nb"), ["a", "b"]);
        assert_eq!(line_of(b"a\nb\nc", 3), Place::Line(2));
    }
}
