//! Each form from bytes: documents, and faults by place.

use std::io::{BufReader, Read, Write};
use std::ops::ControlFlow;

use proptest::prelude::*;

use super::*;
use crate::reading::Split;
use crate::source::DocumentSink;

/// Documents and faults that a reader hands over.
#[derive(Debug, Default, PartialEq)]
struct Collected {
    documents: Vec<String>,
    faults: Vec<String>,
}

impl DocumentSink for Collected {
    fn document(&mut self, text: &str) -> ControlFlow<()> {
        self.documents.push(text.to_owned());
        ControlFlow::Continue(())
    }

    fn fault(&mut self, place: String, problem: String) {
        self.faults.push(format!("{place}: {problem}"));
    }
}

/// A stream in small pieces, so that bounds of buffers fall everywhere.
fn pieces(bytes: &[u8]) -> BufReader<&[u8]> {
    BufReader::with_capacity(3, bytes)
}

fn json_lines_of(bytes: &[u8], limit: usize) -> Collected {
    let mut collected = Collected::default();
    json_lines::read(pieces(bytes), "text", limit, &mut collected).expect("no error of the stream");
    collected
}

fn json_array_of(bytes: &[u8], limit: usize) -> Collected {
    let mut collected = Collected::default();
    json_array::read(pieces(bytes), "text", limit, &mut collected).expect("no error of the stream");
    collected
}

fn plain_text_of(bytes: &[u8], split: &Split, limit: usize) -> Collected {
    let mut collected = Collected::default();
    plain_text::read(pieces(bytes), split, limit, &mut collected).expect("no error of the stream");
    collected
}

fn warc_of(bytes: &[u8], limit: usize) -> Collected {
    let mut collected = Collected::default();
    warc::read(pieces(bytes), limit, &mut collected).expect("no error of the stream");
    collected
}

#[test]
fn json_lines_and_their_faults() {
    let text = b"\xef\xbb\xbf{\"id\":[1,{\"text\":2}],\"text\":\"a\\u00e9\"}\r\n\n\"b\"\n{\"text\":null}\n{\"t\":1}\n{\"text\":\"c\n\
        {\"text\":\"\xff\"}\n{\"text\":\"0123456789\"}\n{\"text\":\"d\"}{}\n{\"text\":\"e\"}";
    let collected = json_lines_of(text, 50);
    assert_eq!(collected.documents, ["aé", "b", "0123456789", "e"]);
    assert_eq!(
        collected.faults,
        [
            "line 4: expected a string under \"text\", found null",
            "line 5: expected a string under \"text\", found no such key",
            "line 6: expected JSON, found: EOF while parsing a string at column 10",
            "line 7: expected UTF-8, found \"\u{fffd}\\\"}\" at its byte 9",
            "line 9: expected JSON, found: trailing characters at column 13",
        ]
    );
    let collected = json_lines_of(text, 14);
    assert_eq!(collected.documents, ["b", "e"]);
    assert!(collected.faults.contains(&"line 8: expected a line of at most 14 bytes, found 21".to_owned()));
}

#[test]
fn json_arrays_and_their_faults() {
    let collected = json_array_of(b" [\"a]\\\"\", {\"m\":[1,2],\"text\":\"b,\"}, 7, {\"text\":}, \"e\" ] ", 100);
    assert_eq!(collected.documents, ["a]\"", "b,", "e"]);
    assert_eq!(
        collected.faults,
        [
            "byte 34: expected JSON, found: invalid type: integer `7`, expected an object or a string at column 2",
            "byte 37: expected JSON, found: expected value at column 10",
        ]
    );
    assert_eq!(json_array_of(b"[]", 9), Collected::default());
    assert_eq!(
        json_array_of(b"[\"a\"] 1", 9).faults,
        ["byte 6: expected the end of the file after the array, found \"1\""]
    );
    assert_eq!(json_array_of(b"[\"a\"", 9).faults, ["byte 4: expected a `]`, found the end of the file"]);
    assert_eq!(json_array_of(b"[\"abc\",\"a\"]", 4).documents, ["a"]);
    assert_eq!(
        json_array_of(b"[\"abc\",\"a\"]", 4).faults,
        ["byte 1: expected an element of at most 4 bytes, found 5"]
    );
    let hint = "; a file of one object a line has the extension .jsonl";
    assert_eq!(json_array_of(b"{}", 9).faults, [format!("byte 0: expected an array, found \"{{\"{hint}")]);
    assert_eq!(json_array_of(b"", 9).faults, [format!("byte 0: expected an array, found the end of the file{hint}")]);
}

#[test]
fn plain_text_by_its_separators() {
    let text = b"a\nb\r\n\n \n---\nc\n\xff\n\nd";
    assert_eq!(plain_text_of(text, &Split::BlankLines, 100).documents, ["a\nb", "d"]);
    assert_eq!(plain_text_of(text, &Split::BlankLines, 100).faults, ["line 7: expected UTF-8, found \"\u{fffd}\\n\""]);
    assert_eq!(plain_text_of(text, &Split::Line("---".to_owned()), 100).documents, ["a\nb\n\n "]);
    assert_eq!(plain_text_of(b"a\n\nb\n", &Split::File, 100).documents, ["a\n\nb"]);
    let collected = plain_text_of(b"abc\ndef\n\nabcdefgh\n\nabcdefg", &Split::BlankLines, 7);
    assert_eq!(collected.documents, ["abc\ndef", "abcdefg"]);
    assert_eq!(collected.faults, ["line 4: expected a document of at most 7 bytes, found 8"]);
    assert_eq!(
        plain_text_of(b"abc\ndef\nabc", &Split::File, 7).faults,
        ["line 1: expected a document of at most 7 bytes, found 11"]
    );
}

fn record(kind: &str, body: &[u8]) -> Vec<u8> {
    let header = format!("WARC/1.0\r\nWARC-Type: {kind}\r\ncontent-length: {}\r\n\r\n", body.len());
    [header.as_bytes(), body, b"\r\n\r\n"].concat()
}

#[test]
fn warc_conversions_and_their_faults() {
    let file = [
        record("warcinfo", b"WARC/1.0 inside\r\n\r\n"),
        record("conversion", "é\n\nb".as_bytes()),
        b"junk\r\nmore junk\r\n".to_vec(),
        record("conversion", b"c\xff"),
        b"WARC/1.0\r\nWARC-Type: conversion\r\n\r\nlost\r\n".to_vec(),
        record("conversion", b"long document"),
        record("conversion", b"d"),
        b"WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: 9\r\n\r\ncut".to_vec(),
    ];
    let collected = warc_of(&file.concat(), 10);
    assert_eq!(collected.documents, ["é\n\nb", "d"]);
    assert_eq!(
        collected.faults,
        [
            "record 3: expected `WARC/`, found \"junk\"",
            "record 3: expected UTF-8, found \"\u{fffd}\" at its byte 1",
            "record 4: expected a number `Content-Length`, found none",
            "record 5: expected a document of at most 10 bytes, found 13",
            "record 7: expected 9 bytes, found 3",
        ]
    );
    let huge = b"WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: 99999999999\r\n\r\ncut";
    assert_eq!(warc_of(huge, usize::MAX).faults, ["record 1: expected 99999999999 bytes, found 3"]);
}

/// Small zstd frames of a text.
fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 1).expect("memory")
}

#[test]
fn zstd_frames_follow_one_another_and_some_are_skipped() {
    let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
    let long = "text ".repeat(100_000);
    let file = [zstd(b"one "), skipped.clone(), zstd(long.as_bytes()), zstd(b""), zstd(b"two")].concat();
    let mut text = String::new();
    zstd_frames::reader(file.as_slice()).expect("a decoder").read_to_string(&mut text).expect("frames");
    assert_eq!(text, format!("one {long}two"));
    for cut in [3, file.len() - 2, zstd(b"one ").len() + 9] {
        let mut text = Vec::new();
        zstd_frames::reader(&file[..cut]).expect("a decoder").read_to_end(&mut text).expect_err("a frame that was cut");
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(prop::sample::select(
        b"[]{}\",:\\ \r\n\x00\xff\xc3\xa9at10WARC/1.0Content-Length:5".to_vec()), 0..200), limit in 0..50_usize,
    ) {
        json_lines_of(&bytes, limit);
        json_array_of(&bytes, limit);
        plain_text_of(&bytes, &Split::BlankLines, limit);
        warc_of(&bytes, limit);
    }

    #[test]
    fn no_damage_makes_a_decoder_panic(at in 0..400_usize, byte in any::<u8>(), cut in 0..600_usize) {
        let text: String = (0..200).map(|i| format!("{{\"text\":\"document {i}\"}}\n")).collect();
        for mut file in [zstd(text.as_bytes()), gzip(text.as_bytes())] {
            let at = at % file.len();
            file[at] = byte;
            file.truncate(cut.max(1));
            let mut collected = Collected::default();
            let reader = BufReader::new(zstd_frames::reader(file.as_slice()).expect("a decoder"));
            let _ = json_lines::read(reader, "text", 1000, &mut collected);
            let reader = BufReader::new(flate2::bufread::MultiGzDecoder::new(file.as_slice()));
            let _ = json_lines::read(reader, "text", 1000, &mut collected);
        }
    }

    #[test]
    fn arrays_are_split_where_serde_splits_them(values in prop::collection::vec(".{0,20}", 0..8)) {
        let json = serde_json::to_vec(&values).expect("strings");
        prop_assert_eq!(json_array_of(&json, 1000), Collected { documents: values, faults: Vec::new() });
    }
}
