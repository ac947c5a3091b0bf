//! The table reader against the rules of Python's `csv` module, which are written out here once more.
//!
//! Ours differs where Python guesses: an open quote at the end of the file and a row with more or fewer fields than the
//! header are errors.

use laser_task::dataset::Records;
use proptest::prelude::*;
use serde_json::{Map, Value};

/// A row of a table, with the line on which it begins.
#[derive(Debug, PartialEq)]
struct Row {
    line: usize,
    fields: Vec<String>,
}

/// Rows as `csv.reader(open(file, newline=""))` gives them, without the blank ones, which `csv.DictReader` skips; `None` if
/// a quote is open at the end.
fn python_rows(text: &str, separator: char) -> Option<Vec<Row>> {
    enum State {
        StartRecord,
        StartField,
        InField,
        InQuotedField,
        QuoteInQuotedField,
    }
    let (mut rows, mut fields, mut field) = (Vec::new(), Vec::new(), String::new());
    let (mut state, mut line, mut begin) = (State::StartRecord, 1, 1);
    for c in text.chars() {
        let ends = c == '\n' || c == '\r';
        state = match state {
            State::StartRecord if ends => State::StartRecord,
            State::StartRecord | State::StartField if c == '"' => {
                begin = if matches!(state, State::StartRecord) { line } else { begin };
                State::InQuotedField
            }
            State::InQuotedField if c == '"' => State::QuoteInQuotedField,
            State::InQuotedField => {
                field.push(c);
                State::InQuotedField
            }
            State::QuoteInQuotedField if c == '"' => {
                field.push(c);
                State::InQuotedField
            }
            _ => {
                begin = if matches!(state, State::StartRecord) { line } else { begin };
                if ends {
                    fields.push(std::mem::take(&mut field));
                    rows.push(Row { line: begin, fields: std::mem::take(&mut fields) });
                    State::StartRecord
                } else if c == separator {
                    fields.push(std::mem::take(&mut field));
                    State::StartField
                } else {
                    field.push(c);
                    State::InField
                }
            }
        };
        line += usize::from(c == '\n');
    }
    match state {
        State::StartRecord => {}
        State::InQuotedField => return None,
        State::StartField | State::InField | State::QuoteInQuotedField => {
            fields.push(field);
            rows.push(Row { line: begin, fields });
        }
    }
    Some(rows)
}

/// What our reader gives for a file of this name.
fn read(name: &str, text: &str, skip_bad: bool) -> Result<Records, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("writes");
    Records::open(&path, &laser_task::dataset::DatasetLayout::default(), skip_bad).map_err(|e| e.to_string())
}

/// Compares both readers on a text.
fn compare(text: &str, separator: char) -> Result<(), TestCaseError> {
    let name = if separator == ',' { "x.csv" } else { "x.tsv" };
    let ours = read(name, text, true);
    let Some(rows) = python_rows(text.strip_prefix('\u{feff}').unwrap_or(text), separator) else {
        let error = ours.expect_err("an open quote");
        // A header with an open quote is an error of the header, which may have other faults, too.
        prop_assert!(error.contains("closing quote") || error.contains("header"), "{}", error);
        return Ok(());
    };
    let Some((header, rows)) = rows.split_first() else {
        prop_assert_eq!(ours.expect("an empty table").records.len(), 0);
        return Ok(());
    };
    let mut names = header.fields.clone();
    names.sort();
    names.dedup();
    if names.len() < header.fields.len() {
        let error = ours.expect_err("two columns of one name");
        prop_assert!(error.contains("header"), "{}", error);
        return Ok(());
    }
    let (good, bad): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.fields.len() == header.fields.len());
    let ours = ours.map_err(TestCaseError::fail)?;
    let lines: Vec<usize> = ours.records.iter().map(|record| record.location.number()).collect();
    let fields: Vec<Map<String, Value>> = ours.records.into_iter().map(|record| record.fields).collect();
    let expected = good.iter().map(|row| {
        let fields =
            header.fields.iter().zip(&row.fields).map(|(name, text)| (name.clone(), Value::from(text.as_str())));
        fields.collect::<Map<_, _>>()
    });
    prop_assert_eq!(fields, expected.collect::<Vec<_>>());
    prop_assert_eq!(lines, good.iter().map(|row| row.line).collect::<Vec<_>>());
    prop_assert_eq!(ours.skipped.len(), bad.len());
    for (message, row) in ours.skipped.iter().zip(bad) {
        prop_assert!(message.contains(&format!("line {}: expected", row.line)), "{} {:?}", message, row);
    }
    Ok(())
}

/// A table as writers write it: each field quoted or not, with any line end.
fn written(rows: &[Vec<(String, bool)>], separator: char, end: &str) -> String {
    let field = |(text, quoted): &(String, bool)| {
        if *quoted || text.is_empty() || text.contains(['"', '\n', '\r', separator]) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.clone()
        }
    };
    rows.iter().map(|row| row.iter().map(field).collect::<Vec<_>>().join(&separator.to_string()) + end).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_cut_into_the_same_rows(
        // Few characters, so that the rare cases are frequent.
        text in "(\u{feff})?a(,b)?\n[ab,\t\" \n\r\u{e9}\u{2028}]{0,24}",
        tabs in any::<bool>(),
    ) {
        compare(&text, if tabs { '\t' } else { ',' })?;
    }

    #[test]
    fn any_beginning_is_read_alike(text in "[ab,\" \n\r]{0,12}") {
        compare(&text, ',')?;
    }

    #[test]
    fn what_is_written_is_read_back(
        fields in proptest::collection::vec(proptest::collection::vec((any::<String>(), any::<bool>()), 3), 0..6),
        tabs in any::<bool>(),
        crlf in any::<bool>(),
    ) {
        let separator = if tabs { '\t' } else { ',' };
        let names = ["a", "b", "c"].map(|name| (name.to_owned(), false)).to_vec();
        let rows: Vec<_> = std::iter::once(names).chain(fields.iter().cloned()).collect();
        let text = written(&rows, separator, if crlf { "\r\n" } else { "\n" });
        let records = read(if tabs { "x.tsv" } else { "x.csv" }, &text, false).map_err(TestCaseError::fail)?;
        let back: Vec<Vec<String>> = records.records.iter()
            .map(|record| ["a", "b", "c"].map(|name| record.fields[name].as_str().expect("a text").to_owned()).to_vec())
            .collect();
        let expected: Vec<Vec<String>> = fields.iter().map(|row| row.iter().map(|(text, _)| text.clone()).collect()).collect();
        prop_assert_eq!(back, expected);
    }
}
