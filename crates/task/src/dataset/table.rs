//! Reads tables: takes CSV or TSV with a header, gives records whose values are all texts.
//!
//! Quoting follows RFC 4180: a field in double quotes may contain separators, line ends, and quotes written twice.

use csv::{ByteRecord, ReaderBuilder};
use serde_json::{Map, Value};

use super::record::{BadField, RecordLocation};
use super::record_collector::RecordCollector;
use super::text::line_of;
use crate::error::Result;
use crate::text_file::{not_utf8, without_mark};

/// Reads a table whose fields are separated by `separator`.
///
/// # Errors
/// The header or the quoting is malformed, or a record is malformed and malformed records are not skipped.
pub(super) fn read(bytes: &[u8], separator: u8, collector: &mut RecordCollector) -> Result<()> {
    let bytes = without_mark(bytes);
    let mut records = records(bytes, separator);
    let mut record = ByteRecord::new();
    let mut next = |record: &mut ByteRecord| records.read_byte_record(record);
    let wrong = |collector: &RecordCollector, e: csv::Error| collector.error(RecordLocation::Line(1), e);
    if !next(&mut record).map_err(|e| wrong(collector, e))? {
        return Ok(());
    }
    let names = header(&record).map_err(|problem| collector.error(location(bytes, &record), problem))?;
    loop {
        let last = record.position().map_or(0, csv::Position::byte) as usize;
        if !next(&mut record).map_err(|e| wrong(collector, e))? {
            return if is_closed(&bytes[last.min(bytes.len())..], separator) {
                Ok(())
            } else {
                Err(collector.error(line_of(bytes, last), "expected a closing quote, found the end of the file"))
            };
        }
        let location = location(bytes, &record);
        if record.len() != names.len() {
            let problem = format!("expected {} fields as in the header, found {}", names.len(), record.len());
            collector.add_bad(location, problem)?;
            continue;
        }
        let text = |(name, field): (&String, &[u8])| match std::str::from_utf8(field) {
            Ok(text) => Ok((name.clone(), Value::from(text))),
            Err(e) => Err(BadField::new(name, not_utf8(&e))),
        };
        match names.iter().zip(&record).map(text).collect::<Result<Map<_, _>, _>>() {
            Ok(fields) => collector.add(location, fields),
            Err(bad) => collector.add_bad_field(location, &bad)?,
        }
    }
}

/// A reader of raw records, the header included.
fn records(bytes: &[u8], separator: u8) -> csv::Reader<&[u8]> {
    ReaderBuilder::new().delimiter(separator).has_headers(false).flexible(true).from_reader(bytes)
}

/// Reads the names of the fields.
fn header(record: &ByteRecord) -> Result<Vec<String>, String> {
    let mut names: Vec<String> = Vec::with_capacity(record.len());
    for name in record {
        let name = std::str::from_utf8(name).map_err(|e| format!("header: {}", not_utf8(&e)))?;
        if names.iter().any(|known| known == name) {
            return Err(format!("header: expected each name once, found `{name}` twice"));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

/// Line on which a record begins. The reader's position may be before it, at blank lines that it skips.
fn location(bytes: &[u8], record: &ByteRecord) -> RecordLocation {
    let Some(position) = record.position() else { return RecordLocation::Line(1) };
    let blank = bytes.iter().skip(position.byte() as usize).take_while(|byte| matches!(byte, b'\n' | b'\r'));
    RecordLocation::Line(position.line() as usize + blank.filter(|byte| **byte == b'\n').count())
}

/// Whether the last record has no open quote. The `csv` crate does not report one, so a line is added after the record:
/// it is a record of its own only if no quote is open.
fn is_closed(last: &[u8], separator: u8) -> bool {
    let count = |bytes: &[u8]| records(bytes, separator).into_byte_records().count();
    count(&[last, b"\nx\n"].concat()) > count(last)
}
