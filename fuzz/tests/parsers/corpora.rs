//! Files of a corpus in every form, compressed or not, and files of counts.

use std::io::Write;
use std::ops::ControlFlow;

use laser::frequency::FrequencyCounts;
use laser::task::dataset::{ParquetText, ParquetTexts};
use laser_corpus::{DocumentSink, DocumentSource, FileShard, Reading, Split};
use laser_fuzz::damage::Damaged;
use laser_fuzz::target::{Check, Target};

use crate::support::{folder, golden, write};

/// Largest document, bytes. Compressed inputs stand for any amount of text, which must not be kept.
const DOCUMENT: usize = 1 << 20;

const JSON_WORDS: &[&str] = &[
    "\"text\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "\"\"",
    "\\u0000",
    "\\ud800",
    "\\n",
    "\u{feff}",
    "\n",
    "\r\n",
    "[[[[[[[[[[[[[[[[",
    "1e999",
    "\u{301}",
];
const TEXT_WORDS: &[&str] = &["\n", "\n\n", "---", " \n", "\r\n", "\u{feff}", "\u{2028}", "\u{301}", "\0"];
const WET_WORDS: &[&str] = &[
    "WARC/1.0\r\n",
    "WARC-Type: conversion\r\n",
    "WARC-Type: warcinfo\r\n",
    "Content-Length: ",
    "Content-Length: 18446744073709551615\r\n",
    "Content-Length: -1\r\n",
    "\r\n\r\n",
    "\n",
];

/// Checks documents, and counts them and faults.
#[derive(Default)]
struct Counting {
    documents: usize,
    faults: usize,
}

impl DocumentSink for Counting {
    fn document(&mut self, text: &str) -> ControlFlow<()> {
        assert!(text.len() <= DOCUMENT, "a document of {} bytes", text.len());
        self.documents += 1;
        ControlFlow::Continue(())
    }

    fn fault(&mut self, place: String, problem: String) {
        assert!(!place.is_empty() && problem.len() < 1000, "{place}: {problem}");
        self.faults += 1;
    }
}

/// Runs a target on files of one name, which are read once for each split. Accepted is a file without faults.
fn run(name: &'static str, file: &str, splits: &[Split], executions: usize, inputs: Damaged, check: Check) {
    let folder = folder();
    let path = folder.path().join(file);
    // The window of a zstd frame may take 128 MiB, whatever the file's size.
    let other_bytes = if file.ends_with(".zst") { 64 << 20 } else { 0 };
    Target { name, other_bytes, executions, inputs }.run(check, |input| {
        write(&path, input);
        let mut accepted = true;
        for split in splits {
            let reading = Reading { split: split.clone(), document_limit: DOCUMENT, ..Reading::default() };
            let mut sink = Counting::default();
            let shard = FileShard::new(&path, reading).expect("a known extension");
            shard.read(&mut sink).expect("the file can be read");
            accepted &= sink.faults == 0;
        }
        accepted
    });
}

fn json_lines() -> Vec<u8> {
    "{\"text\":\"Paris, the capital\",\"meta\":{\"set\":\"a\"}}\n\"a text\"\n\n{\"id\":3,\"text\":\"\\u00e9\\n\"}\n"
        .into()
}

fn json_array() -> Vec<u8> {
    " [{\"text\":\"one\"}, \"two\",\n {\"a\":[1,{\"text\":2}],\"text\":\"three ]\\\"\"} ]".into()
}

fn text() -> Vec<u8> {
    "One line\nand more.\n\nAnother, naïve.\n---\nThe last".into()
}

fn wet() -> Vec<u8> {
    let record = |kind: &str, body: &str| {
        format!("WARC/1.0\r\nWARC-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}\r\n\r\n", body.len())
    };
    (record("warcinfo", "a: b") + &record("conversion", "A page.\nIts end.") + &record("conversion", "Another, naïve"))
        .into()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("writes to memory");
    encoder.finish().expect("writes to memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory")
}

/// Many times the same short text: a small file that stands for a large one.
fn bomb() -> Vec<u8> {
    vec![b'a'; 8 << 20]
}

#[test]
fn corpora_of_json_lines() {
    let inputs = Damaged { seeds: vec![json_lines()], words: JSON_WORDS };
    run("corpus-jsonl", "x.jsonl", &[Split::File], 6000, inputs, bolero::check!());
}

#[test]
fn corpora_of_json_arrays() {
    let inputs = Damaged { seeds: vec![json_array(), b"[]".to_vec()], words: JSON_WORDS };
    run("corpus-json", "x.json", &[Split::File], 6000, inputs, bolero::check!());
}

#[test]
fn corpora_of_plain_text() {
    let inputs = Damaged { seeds: vec![text(), Vec::new()], words: TEXT_WORDS };
    let splits = [Split::File, Split::BlankLines, Split::Line("---".to_owned())];
    run("corpus-text", "x.txt", &splits, 6000, inputs, bolero::check!());
}

#[test]
fn corpora_of_web_pages() {
    let inputs = Damaged { seeds: vec![wet()], words: WET_WORDS };
    run("corpus-wet", "x.warc.wet", &[Split::File], 6000, inputs, bolero::check!());
}

#[test]
fn corpora_in_gzip() {
    let members = [gzip(&json_lines()), gzip(&json_lines())].concat();
    let inputs = Damaged { seeds: vec![members, gzip(&json_lines())], words: &["\u{1f}"] };
    run("corpus-gzip", "x.jsonl.gz", &[Split::File], 4000, inputs, bolero::check!());
    let inputs = Damaged { seeds: vec![gzip(&wet())], words: &["\u{1f}"] };
    run("corpus-wet-gzip", "x.warc.wet.gz", &[Split::File], 2000, inputs, bolero::check!());
}

#[test]
fn corpora_in_zstd() {
    let frames = [zstd(&json_lines()), zstd(&json_lines())].concat();
    let inputs = Damaged { seeds: vec![frames, zstd(&json_lines())], words: &["(\u{b5}/"] };
    run("corpus-zstd", "x.jsonl.zst", &[Split::File], 3000, inputs, bolero::check!());
}

#[test]
fn corpora_that_unpack_to_much_more() {
    for (file, bytes) in [("x.txt.gz", gzip(&bomb())), ("x.jsonl.gz", gzip(&bomb())), ("x.txt.zst", zstd(&bomb()))] {
        let folder = folder();
        let path = folder.path().join(file);
        write(&path, &bytes);
        let reading = Reading { document_limit: DOCUMENT, ..Reading::default() };
        let mut sink = Counting::default();
        FileShard::new(&path, reading).expect("a known extension").read(&mut sink).expect("the file can be read");
        assert_eq!((sink.documents, sink.faults), (0, 1), "{file}: one document, and it is too long");
    }
}

#[test]
fn texts_of_parquet_files() {
    let folder = folder();
    let path = folder.path().join("x.parquet");
    let names = ["flat-plain", "flat-groups", "flat-pages-v2"];
    let seeds = names.iter().map(|name| golden(&format!("parquet/{name}.parquet"))).collect();
    let words = &["PAR1", "\u{15}\u{0}", "\u{19}\u{1c}", "\u{18}", "\u{26}", "\u{16}\u{fe}", "text", "\u{0}"];
    let inputs = Damaged { seeds, words };
    Target { name: "corpus-parquet", other_bytes: 0, executions: 3000, inputs }.run(bolero::check!(), |input| {
        write(&path, input);
        let Ok(mut texts) = ParquetTexts::open(&path, "text") else { return false };
        let mut visit = |_: u64, text: ParquetText<'_>| {
            if let ParquetText::Text(text) = text {
                assert!(text.len() <= 256 * input.len(), "a text of {} bytes", text.len());
            }
            ControlFlow::Continue(())
        };
        (0..texts.groups()).fold(true, |accepted, group| texts.read_group(group, &mut visit).is_ok() & accepted)
    });
}

#[test]
fn files_of_counts() {
    let folder = folder();
    let path = folder.path().join("freq.jsonl");
    let ours = "{\"id\":\"a\",\"subject\":\"s\",\"answer\":\"x\",\"documents\":3,\"subject_documents\":9,\"answer_documents\":4,\
                \"nearest_words\":null}\n{\"id\":\"b\",\"documents\":0}\n";
    let seeds = vec![ours.into(), b"\xef\xbb\xbf{\"id\":7,\"count\":12}\r\n\r\n{\"id\":\"8\",\"count\":0}".to_vec()];
    let inputs = Damaged { seeds, words: JSON_WORDS };
    Target { name: "counts", other_bytes: 0, executions: 6000, inputs }.run(bolero::check!(), |input| {
        write(&path, input);
        match FrequencyCounts::read(&path) {
            Ok(counts) => !counts.is_empty(),
            Err(error) => {
                assert!(error.to_string().contains("freq.jsonl"), "{error}");
                false
            }
        }
    });
}
