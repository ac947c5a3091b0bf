//! The same documents in every form have the same counts.

use std::io::Write;

use laser_corpus::{CountSettings, Error, FileShard, Reading, Split};

use crate::made_corpus::{counted, files, item, numbers, write};

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 1).expect("memory")
}

/// Documents with words, blanks and lines of their own.
const DOCUMENTS: [&str; 4] = ["Paris\nis in France.", "“Paris”", "A Métro in Sa\u{303}o  Paulo, Brazil", "Air France"];

fn json_lines() -> Vec<u8> {
    DOCUMENTS
        .iter()
        .map(|text| format!("{}\n", serde_json::json!({"meta": {"text": 1}, "text": text})))
        .collect::<String>()
        .into()
}

fn warc() -> Vec<Vec<u8>> {
    let record = |text: &&str| {
        let length = text.len();
        format!("WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: {length}\r\n\r\n{text}\r\n\r\n").into_bytes()
    };
    DOCUMENTS.iter().map(record).collect()
}

#[test]
fn every_form_has_the_same_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let array = serde_json::to_vec(&DOCUMENTS.map(|text| serde_json::json!({"text": text}))).expect("JSON");
    let strings = serde_json::to_vec(&DOCUMENTS).expect("JSON");
    let text = DOCUMENTS.join("\n\n");
    let forms = [
        ("a.jsonl", json_lines()),
        ("b.jsonl.gz", gzip(&json_lines())),
        ("c.jsonl.zst", [zstd(&json_lines()[..50]), zstd(&json_lines()[50..])].concat()),
        ("d.json", array),
        ("e.json.gz", gzip(&strings)),
        ("f.txt", text.clone().into_bytes()),
        ("g.txt.zst", zstd(text.as_bytes())),
        // Each record in a gzip member of its own, as Common Crawl has them.
        ("h.warc.wet.gz", warc().iter().flat_map(|record| gzip(record)).collect()),
        ("i.warc.wet", warc().concat()),
    ];
    let reading = Reading { split: Split::BlankLines, ..Reading::default() };
    let items = [item("Paris", "France"), item("S\u{e3}o Paulo", "Brazil")];
    let mut paths = Vec::new();
    for (name, bytes) in forms {
        let path = write(folder.path(), name, &bytes);
        let found = counted(&files(std::slice::from_ref(&path), &reading), &items, &CountSettings::default());
        assert_eq!(found.shards[0].faults, [], "{name}");
        let summary = &found.shards[0];
        assert_eq!((summary.documents, summary.words, summary.size), (4, 13, bytes.len() as u64), "{name}");
        assert_eq!(numbers(&found.items[0]), (1, 2, 2, Some(3)), "{name}");
        assert_eq!(numbers(&found.items[1]), (1, 1, 1, Some(1)), "{name}");
        paths.push(path);
    }
    let settings = CountSettings { threads: 3, ..CountSettings::default() };
    let found = counted(&files(&paths, &reading), &items, &settings);
    assert_eq!(numbers(&found.items[0]), (9, 18, 18, Some(3)));
}

#[test]
fn texts_are_under_the_key_that_is_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = write(folder.path(), "a.jsonl", b"{\"text\":\"Lyon\",\"content\":\"Paris\"}\n");
    let reading = Reading { text_key: "content".to_owned(), ..Reading::default() };
    let found = counted(&files(&[path], &reading), &[item("Paris", "Lyon")], &CountSettings::default());
    assert_eq!(numbers(&found.items[0]), (0, 1, 0, None));
}

#[test]
fn a_text_file_is_one_document_or_parted_by_a_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = write(folder.path(), "a.txt", b"Paris\n\n***\nFrance\n");
    for (split, documents, together) in [(Split::File, 1, 1), (Split::Line("***".to_owned()), 2, 0)] {
        let reading = Reading { split, ..Reading::default() };
        let found = counted(
            &files(std::slice::from_ref(&path), &reading),
            &[item("Paris", "France")],
            &CountSettings::default(),
        );
        assert_eq!((found.shards[0].documents, found.items[0].documents), (documents, together));
    }
}

#[test]
fn an_unknown_extension_is_refused() {
    let error = FileShard::new("a.parquet".as_ref(), Reading::default()).expect_err("no such form");
    assert!(matches!(error, Error::Format { .. }));
    assert!(!FileShard::knows("a.parquet".as_ref()));
    assert!(matches!(FileShard::new("none.jsonl".as_ref(), Reading::default()), Err(Error::Io { .. })));
}
