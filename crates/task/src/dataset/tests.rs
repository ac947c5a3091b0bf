//! Reads the same records in every format, checks errors and skipped records, and feeds damaged bytes to every reader.

use serde_json::{Map, Value, json};

use super::*;
use crate::options::TaskOptions;
use crate::task::Item;

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/parquet")
}

fn fields(records: &Records) -> Vec<Value> {
    records.records.iter().map(|record| Value::Object(record.fields.clone())).collect()
}

/// Records of a file with this name and these bytes.
fn read_records(name: &str, bytes: &[u8], skip_bad: bool) -> Result<Records> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join(name), bytes).expect("writes");
    Records::open(&folder.path().join(name), &DatasetLayout::default(), skip_bad)
}

fn refusal(name: &str, bytes: &[u8]) -> String {
    read_records(name, bytes, false).expect_err("malformed").to_string()
}

#[test]
fn every_format_gives_the_same_records() {
    let expected = [json!({"a": "x, y", "b": "1"}), json!({"a": "two\nlines", "b": ""})];
    let list = json!(expected).to_string();
    let lines = format!("{}\n\n{}\n", expected[0], expected[1]);
    let table = "\u{feff}a,b\r\n\"x, y\",1\r\n\r\n\"two\nlines\",\r\n";
    for (name, text, locations) in [
        ("x.json", list.clone(), [RecordLocation::Record(0), RecordLocation::Record(1)]),
        (
            "x.json",
            format!("{{\"notes\": [\"n\"], \"examples\":\n {list}}}"),
            [RecordLocation::Record(0), RecordLocation::Record(1)],
        ),
        ("x.json", lines.clone(), [RecordLocation::Line(1), RecordLocation::Line(3)]),
        ("x.jsonl", lines.clone(), [RecordLocation::Line(1), RecordLocation::Line(3)]),
        ("x", lines, [RecordLocation::Line(1), RecordLocation::Line(3)]),
        ("x.csv", table.to_owned(), [RecordLocation::Line(2), RecordLocation::Line(4)]),
        ("x.TSV", table.replace(',', "\t").replace("x\t", "x,"), [RecordLocation::Line(2), RecordLocation::Line(4)]),
    ] {
        let records = read_records(name, text.as_bytes(), false).expect(name);
        assert_eq!(fields(&records), expected, "{name}");
        assert_eq!(records.records.iter().map(|record| record.location).collect::<Vec<_>>(), locations, "{name}");
    }
    let records = read_records("x.txt", b"one\n\n two\r\n", false).expect("text");
    assert_eq!(fields(&records), [json!({"text": "one"}), json!({"text": ""}), json!({"text": " two"})]);
}

#[test]
fn one_list_of_an_object_is_named_or_the_only_one() {
    let text = br#"{"train": [{"a": 1}], "test": [{"a": 2}], "n": 3}"#;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.json");
    std::fs::write(&path, text).expect("writes");
    let open = |list| Records::open(&path, &DatasetLayout { list, files: &[] }, false);
    assert_eq!(fields(&open(Some("test")).expect("named")), [json!({"a": 2})]);
    assert!(open(None).expect_err("two").to_string().contains("expected one list of objects, found train, test"));
    assert!(open(Some("dev")).expect_err("none").to_string().contains("`dev`: expected a list of objects"));
    assert!(open(Some("n")).expect_err("a number").to_string().contains("found a number"));
    let columns = refusal("x.json", br#"{"a": {"0": 1}, "b": {"0": 2}}"#);
    assert!(columns.contains("an object of columns"), "{columns}");
}

#[test]
fn malformed_records_are_rejected_with_their_location_or_skipped_and_counted() {
    let good = r#"{"a": 1}"#;
    for (name, bytes, place) in [
        ("x.jsonl", format!("{good}\n{{\"a\": \n{good}\n").into_bytes(), "x.jsonl: line 2: expected a JSON object"),
        ("x.jsonl", format!("{good}\n[1]\n{good}\n").into_bytes(), "line 2: expected an object, found a list"),
        ("x.jsonl", [good.as_bytes(), b"\n{\"a\": \"\xff\"}\n", good.as_bytes()].concat(), "line 2: expected UTF-8"),
        ("x.json", format!("[{good}, 7, {good}]").into_bytes(), "record 1: expected an object, found a number"),
        ("x.csv", b"a,b\n1,2\n3\n4,5\n".to_vec(), "line 3: expected 2 fields as in the header, found 1"),
        ("x.csv", b"a,b\n1,2\n3,\xff\n4,5\n".to_vec(), "line 3, `b`: expected UTF-8"),
        ("x.txt", b"1\n\xff\n2\n".to_vec(), "line 2, `text`: expected UTF-8"),
    ] {
        let error = refusal(name, &bytes);
        assert!(error.contains(place), "{error}");
        let records = read_records(name, &bytes, true).expect("the rest");
        assert_eq!((records.records.len(), records.skipped.len()), (2, 1), "{name}");
        assert!(records.skipped[0].contains(place), "{}", records.skipped[0]);
    }
    for (name, bytes, place) in [
        ("x.json", &b"[{\"a\": 1},\n{\"a\": \"\xff\"}]"[..], "line 2: expected UTF-8"),
        ("x.json", b"[{\"a\": 1},\n{\"a\" 1}]", "line 2: expected JSON"),
        ("x.json", b"7", "expected a list of objects, found a number"),
        ("x.csv", b"a,b\n1,2\n\"3,4\n5,6\n", "line 3: expected a closing quote"),
        ("x.csv", b"a,a\n1,2\n", "line 1: header: expected each name once, found `a` twice"),
        ("x.parquet", b"PAR1PAR1", "footer: expected"),
    ] {
        assert!(
            read_records(name, bytes, true).expect_err(name).to_string().contains(place),
            "{}",
            refusal(name, bytes)
        );
    }
}

#[test]
fn other_encodings_of_texts_are_named_for_the_whole_file() {
    for (name, text) in [
        ("x.jsonl", "{\"a\": \"\u{e9}\"}\n{\"a\": 1}\n"),
        ("x.json", "[{\"a\": 1}]"),
        ("x", "\n {\"a\": 1}"),
        ("x.csv", "a,b\n1,2\n"),
        ("x.tsv", "a\tb\n1\t2\n"),
        ("x.txt", "one\ntwo\n"),
    ] {
        for mark in ["\u{feff}", ""] {
            let units: Vec<u16> = format!("{mark}{text}").encode_utf16().collect();
            let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
            let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
            for bytes in [little, big] {
                // Records are not looked for in such a file, so none is skipped.
                let error = read_records(name, &bytes, true).expect_err(name).to_string();
                assert!(error.contains(&format!("{name}: expected UTF-8, found UTF-16")), "{error}");
            }
        }
        let marked = read_records(name, format!("\u{feff}{text}").as_bytes(), false).expect("UTF-8 with a mark");
        assert_eq!(fields(&marked), fields(&read_records(name, text.as_bytes(), false).expect("without")), "{name}");
    }
}

#[test]
fn only_line_feeds_end_a_record_of_json_lines() {
    // Python's `str.splitlines` would cut at each of these.
    let inside = "\u{2028}\u{2029}\u{85}\u{a0}\u{feff}";
    let records = format!("\u{feff}{{\"a\": \"x{inside}y\"}}\r\n\r\n{{\"a\": \"\\u2028\"}}\r\n{{\"a\": \"\"}}");
    let expected = [json!({"a": format!("x{inside}y")}), json!({"a": "\u{2028}"}), json!({"a": ""})];
    for name in ["x.jsonl", "x.ndjson", "x.json", "x"] {
        let read = read_records(name, records.as_bytes(), false).expect(name);
        assert_eq!(fields(&read), expected, "{name}");
        let lines: Vec<_> = read.records.iter().map(|record| record.location.number()).collect();
        assert_eq!(lines, [1, 3, 4], "{name}");
    }
    let table = format!("\u{feff}a,b\r\n\"x{inside}y\",\u{2028}\r\n");
    let read = read_records("x.csv", table.as_bytes(), false).expect("a table");
    assert_eq!(fields(&read), [json!({"a": format!("x{inside}y"), "b": "\u{2028}"})]);
    let read = read_records("x.txt", format!("{inside}\r\nb").as_bytes(), false).expect("a text");
    assert_eq!(fields(&read), [json!({"text": inside}), json!({"text": "b"})]);
}

#[test]
fn parquet_gives_the_same_records_as_pyarrow() {
    let mut files = 0;
    for entry in std::fs::read_dir(goldens()).expect("goldens") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "parquet") {
            let records = Records::read(&path).expect("a sound file");
            let expected = Records::read(&path.with_extension("jsonl")).expect("records");
            assert_eq!(records.records.len(), expected.records.len());
            for (record, expected) in records.records.iter().zip(&expected.records) {
                assert_eq!(record.fields, expected.fields, "{}: {}", path.display(), record.location);
            }
            files += 1;
        }
    }
    assert_eq!(files, 7);
}

#[test]
fn damaged_bytes_never_panic() {
    let parquet = |name: &str| std::fs::read(goldens().join(name)).expect("a golden");
    for (name, sound) in [
        ("x.json", br#"{"examples": [{"a": "\u00e9", "b": [1, null]}, {"a": "x"}]}"#.to_vec()),
        ("x.jsonl", b"{\"a\": \"x\"}\n{\"a\": {\"b\": 1.5}}\n".to_vec()),
        ("x.csv", b"a,b\n\"x, \"\"y\"\"\",1\n\"\n\",2\n".to_vec()),
        ("x.parquet", parquet("nested.parquet")),
        ("x.parquet", parquet("nested-zstd-v2.parquet")),
        ("x.parquet", parquet("flat-plain.parquet")),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        let mut refused = 0;
        let mut try_it = |bytes: &[u8]| {
            let mut collector = RecordCollector::new(&path, false);
            let done = read_bytes(bytes, &extension(&path), None, &mut collector);
            refused += usize::from(done.is_err());
        };
        for at in 0..sound.len() {
            try_it(&sound[..at]);
            for flip in [0x01, 0xff] {
                let mut bytes = sound.clone();
                bytes[at] ^= flip;
                try_it(&bytes);
            }
        }
        assert!(refused > sound.len() / 4, "{name}: only {refused} refused");
    }
}

fn item(record: &Record) -> Result<Vec<Item>, BadField> {
    let id = record.text("id")?.to_owned();
    let answers = vec![record.text("answer")?.to_owned()];
    Ok(vec![
        Item { id: format!("{id}-1"), answers: answers.clone(), ..Item::default() },
        Item { id, answers, ..Item::default() },
    ])
}

#[test]
fn items_contain_their_records_and_bad_records_are_rejected_or_counted() {
    let records = [
        r#"{"id": "a", "answer": "x"}"#,
        r#"{"id": "b"}"#,
        r#"{"id": "c", "answer": " "}"#,
        r#"{"id": "a", "answer": "z"}"#,
        "{",
        r#"{"id": "e", "answer": "y"}"#,
    ];
    let keep = |kept: &[usize]| kept.iter().map(|i| format!("{}\n", records[*i])).collect::<String>();
    let items = |kept: &[usize], skip_bad| {
        let setup = TaskOptions { skip_bad, ..TaskOptions::default() };
        read_records("x.jsonl", keep(kept).as_bytes(), skip_bad).and_then(|records| records.items(&setup, item))
    };
    let (all, skipped) = items(&[0, 5], false).expect("good records");
    assert_eq!(all.iter().map(|item| item.id.as_str()).collect::<Vec<_>>(), ["a-1", "a", "e-1", "e"]);
    assert!(skipped.is_empty());
    assert!(all.iter().all(|item| item.doc["answer"] == *item.answers[0]), "each item has its record");
    let problem = |kept: &[usize]| items(kept, false).expect_err("bad").to_string();
    assert!(problem(&[0, 1]).ends_with("x.jsonl: line 2, `answer`: expected this field, found id"));
    assert!(problem(&[0, 2]).ends_with("line 2, `answer`: expected a text, found an empty one"));
    let twice = problem(&[0, 5, 3]);
    assert!(
        twice.contains("line 3, `id`: expected each id once, found `a-1` as in ") && twice.ends_with("line 1"),
        "{twice}"
    );
    let (all, skipped) = items(&[0, 1, 2, 3, 4, 5], true).expect("some are good");
    assert_eq!((all.len(), skipped.len()), (4, 4));
    assert!(skipped.iter().any(|text| text.contains("line 4, `id`")), "{skipped:?}");
    let none = items(&[1, 2], true).expect_err("all are bad").to_string();
    assert!(
        none.contains("expected a good row, found 2 bad ones; the first: ") && none.contains("line 1, `answer`"),
        "{none}"
    );
}

#[test]
fn an_item_without_a_right_answer_is_rejected_in_every_task() {
    let of = |item: Item| {
        let fields = Map::new();
        let record = Record::new(&Path::new("x.csv").into(), RecordLocation::Line(2), fields);
        let records = Records { file: "x.csv".into(), records: vec![record], skipped: Vec::new(), beside: Vec::new() };
        records.items(&TaskOptions::default(), |_| Ok(vec![item.clone()])).expect_err("unanswerable").to_string()
    };
    assert_eq!(of(Item::default()), "x.csv: line 2, `answer`: expected at least one, found none");
    let choices = vec!["a".to_owned(), "b".to_owned()];
    let beyond = Item { answers: vec!["a".to_owned()], choices, gold: 2, ..Item::default() };
    assert_eq!(of(beyond), "x.csv: line 2, `gold`: expected an index below 2, found 2");
}
