//! Splits bytes into lines with their numbers, and reads plain text files as one record per line.

use serde_json::{Map, Value};

use super::record::{BadField, RecordLocation};
use super::record_collector::RecordCollector;
use crate::error::Result;
use crate::text_file::{not_utf8, without_mark};

/// Reads one record per line, with the field `text`; a blank line is a record, too.
pub(super) fn read(bytes: &[u8], collector: &mut RecordCollector) -> Result<()> {
    for (location, line) in lines(bytes) {
        match std::str::from_utf8(line) {
            Ok(line) => collector.add(location, Map::from_iter([("text".to_owned(), Value::from(line))])),
            Err(e) => collector.add_bad_field(location, &BadField::new("text", not_utf8(&e)))?,
        }
    }
    Ok(())
}

/// Splits into lines, without their ends (`\n` or `\r\n`); the last line need not have an end.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = (RecordLocation, &[u8])> {
    let bytes = without_mark(bytes);
    let bytes = bytes.strip_suffix(b"\n").map_or((!bytes.is_empty()).then_some(bytes), Some);
    let lines = bytes.into_iter().flat_map(|bytes| bytes.split(|byte| *byte == b'\n'));
    lines.enumerate().map(|(i, line)| (RecordLocation::Line(i + 1), line.strip_suffix(b"\r").unwrap_or(line)))
}

/// Line of the byte at `index`.
pub(super) fn line_of(bytes: &[u8], index: usize) -> RecordLocation {
    RecordLocation::Line(1 + bytes[..index.min(bytes.len())].iter().filter(|byte| **byte == b'\n').count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_and_counted_as_in_an_editor() {
        let of = |text: &'static str| -> Vec<&str> {
            lines(text.as_bytes()).map(|(_, line)| std::str::from_utf8(line).expect("UTF-8")).collect()
        };
        assert_eq!(of(""), [""; 0]);
        assert_eq!(of("\n"), [""]);
        assert_eq!(of("a\r\n\n b \n"), ["a", "", " b "]);
        assert_eq!(of("\u{feff}a\nb"), ["a", "b"]);
        assert_eq!(line_of(b"a\nb\nc", 3), RecordLocation::Line(2));
    }
}
