//! Damage is named, and the rest is counted.

use std::io::Write;

use laser_corpus::{CountSettings, MOST_FAULTS, Reading};

use crate::made_corpus::{counted, files, item, write};

#[test]
fn broken_shards_are_named_and_the_rest_is_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let line = "{\"text\":\"Paris in France\"}\n";
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    encoder.write_all(line.repeat(10_000).as_bytes()).expect("memory");
    let gzip = encoder.finish().expect("memory");
    let frame = zstd::encode_all(line.repeat(4500).as_bytes(), 1).expect("memory");
    let zstd = [&frame[..], &frame[..frame.len() / 2]].concat();
    let paths = [
        write(folder, "a.jsonl", format!("{line}{{\"text\":\"Paris\n{line}").as_bytes()),
        write(folder, "b.jsonl.gz", &gzip[..gzip.len() / 2]),
        write(folder, "c.jsonl.zst", &zstd),
        write(folder, "d.txt", b"Paris \xff"),
        write(folder, "e.jsonl", &line.as_bytes().repeat(2)),
        write(folder, "f.jsonl.gz", b"no gzip"),
    ];
    let found = counted(&files(&paths, &Reading::default()), &[item("Paris", "France")], &CountSettings::default());
    let faults: Vec<String> =
        found.shards.iter().flat_map(|shard| shard.faults.iter().map(ToString::to_string)).collect();
    assert_eq!(faults.len(), 5, "{faults:?}");
    assert!(faults[0].starts_with("line 2: expected JSON, found: EOF while parsing a string"), "{}", faults[0]);
    assert!(faults[1].contains(": expected a complete gzip stream, found: "), "{}", faults[1]);
    assert!(faults[2].contains(": expected complete zstd frames, found: "), "{}", faults[2]);
    assert_eq!(faults[3], "line 1: expected UTF-8, found \"\u{fffd}\\n\"");
    assert!(faults[4].starts_with("line 1: expected a complete gzip stream, found: "), "{}", faults[4]);
    let documents: Vec<u64> = found.shards.iter().map(|shard| shard.documents).collect();
    assert_eq!([documents[0], documents[3], documents[4], documents[5]], [2, 0, 2, 0]);
    // About half of the lines are before the cut; the fault names the line after the last whole one.
    for shard in 1..=2 {
        assert!((4000..=5000).contains(&documents[shard]), "{documents:?}");
        assert_eq!(found.shards[shard].faults[0].place, format!("line {}", documents[shard] + 1));
    }
    assert_eq!(found.items[0].documents, documents.iter().sum::<u64>());
}

#[test]
fn a_shard_that_went_away_is_a_fault_and_is_read_again_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = write(folder.path(), "a.txt", b"Paris, France");
    let journal = Some(folder.path().join("journal.jsonl"));
    let settings = CountSettings { journal, ..CountSettings::default() };
    let sources = files(std::slice::from_ref(&path), &Reading::default());
    let items = [item("Paris", "France")];
    std::fs::remove_file(&path).expect("a file");
    let found = counted(&sources, &items, &settings);
    assert_eq!((found.items[0].documents, found.shards[0].fault_count), (0, 1));
    write(folder.path(), "a.txt", b"Paris, France");
    let found = counted(&sources, &items, &settings);
    assert_eq!((found.items[0].documents, found.shards[0].fault_count, found.resumed), (1, 0, 0));
    assert_eq!(counted(&sources, &items, &settings).resumed, 1);
}

#[test]
fn faults_are_all_counted_but_not_all_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = write(folder.path(), "a.jsonl", &b"{}\n".repeat(MOST_FAULTS + 50));
    let found = counted(&files(&[path], &Reading::default()), &[item("Paris", "France")], &CountSettings::default());
    assert_eq!((found.shards[0].fault_count, found.shards[0].faults.len()), (MOST_FAULTS as u64 + 50, MOST_FAULTS));
}

#[test]
fn a_document_above_the_limit_is_a_fault() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = write(folder.path(), "a.txt", b"Paris, France");
    let reading = Reading { document_limit: 5, ..Reading::default() };
    let found = counted(&files(&[path], &reading), &[item("Paris", "France")], &CountSettings::default());
    assert_eq!(found.shards[0].faults[0].problem, "expected a document of at most 5 bytes, found 13");
}
