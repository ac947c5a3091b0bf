//! Tables of separated values: takes CSV or TSV with a header, gives rows whose values are all texts.
//!
//! Quoting is RFC 4180's: a field in double quotes may hold separators, line ends, and quotes written twice.

use csv::{ByteRecord, ReaderBuilder};
use serde_json::{Map, Value};

use super::reading::Reading;
use super::text::{line_of, not_utf8, without_mark};
use super::{BadField, Place};
use crate::error::Result;

pub(super) fn read(bytes: &[u8], separator: u8, reading: &mut Reading) -> Result<()> {
    let bytes = without_mark(bytes);
    let mut records = records(bytes, separator);
    let mut record = ByteRecord::new();
    let mut next = |record: &mut ByteRecord| records.read_byte_record(record);
    let wrong = |reading: &Reading, e: csv::Error| reading.wrong(Place::Line(1), e);
    if !next(&mut record).map_err(|e| wrong(reading, e))? {
        return Ok(());
    }
    let names = header(&record).map_err(|problem| reading.wrong(place(bytes, &record), problem))?;
    loop {
        let last = record.position().map_or(0, csv::Position::byte) as usize;
        if !next(&mut record).map_err(|e| wrong(reading, e))? {
            return if is_closed(&bytes[last.min(bytes.len())..], separator) {
                Ok(())
            } else {
                Err(reading.wrong(line_of(bytes, last), "expected a closing quote, found the end of the file"))
            };
        }
        let place = place(bytes, &record);
        if record.len() != names.len() {
            let problem = format!("expected {} fields as in the header, found {}", names.len(), record.len());
            reading.bad(place, problem)?;
            continue;
        }
        let text = |(name, field): (&String, &[u8])| match std::str::from_utf8(field) {
            Ok(text) => Ok((name.clone(), Value::from(text))),
            Err(e) => Err(BadField::new(name, not_utf8(&e))),
        };
        match names.iter().zip(&record).map(text).collect::<Result<Map<_, _>, _>>() {
            Ok(fields) => reading.row(place, fields),
            Err(bad) => reading.bad_field(place, &bad)?,
        }
    }
}

fn records(bytes: &[u8], separator: u8) -> csv::Reader<&[u8]> {
    ReaderBuilder::new().delimiter(separator).has_headers(false).flexible(true).from_reader(bytes)
}

/// The names of the fields.
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

/// The line a record begins on, which is not where the reader stood if blank lines come before it.
fn place(bytes: &[u8], record: &ByteRecord) -> Place {
    let Some(position) = record.position() else { return Place::Line(1) };
    let blank = bytes.iter().skip(position.byte() as usize).take_while(|byte| matches!(byte, b'\n' | b'\r'));
    Place::Line(position.line() as usize + blank.filter(|byte| **byte == b'\n').count())
}

/// Whether the last record ends: a line after it is a record of its own only if no quote is open.
fn is_closed(last: &[u8], separator: u8) -> bool {
    let count = |bytes: &[u8]| records(bytes, separator).into_byte_records().count();
    count(&[last, b"\nx\n"].concat()) > count(last)
}
