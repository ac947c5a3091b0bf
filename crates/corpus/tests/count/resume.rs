//! A count that was stopped goes on from its journal; journals of other counts are refused.

use std::path::Path;
use std::slice::from_ref;

use laser_corpus::{Case, CountSettings, Duplicates, Error, Rules, Unobserved, count};

use crate::made_corpus::{MadeShard, StopAt, counted, item, random_items, random_shards, sources};

fn settings(journal: &Path, duplicates: Duplicates, threads: usize) -> CountSettings {
    let rules = Rules { duplicates, ..Rules::default() };
    CountSettings { rules, threads, journal: Some(journal.to_owned()) }
}

#[test]
fn a_stopped_count_goes_on_and_counts_no_shard_again() {
    let shards = sources(&random_shards(9, 40));
    let items = random_items();
    for duplicates in [Duplicates::Keep, Duplicates::CountOnce] {
        let rules = Rules { duplicates, ..Rules::default() };
        let expected = counted(&shards, &items, &CountSettings { rules, ..CountSettings::default() });
        for threads in [1, 3] {
            let folder = tempfile::tempdir().expect("a folder");
            let settings = settings(&folder.path().join("journal.jsonl"), duplicates, threads);
            let mut stops = 0;
            // A shard asks 41 times, so each attempt has time for one at least, and stops in the middle of another.
            let questions = 41 * threads + 20;
            let found = loop {
                match count(&shards, &items, &settings, &StopAt::new(questions)) {
                    Ok(found) => break found,
                    Err(Error::Interrupted) => stops += 1,
                    Err(error) => panic!("{error}"),
                }
                assert!(stops < 100, "no progress");
            };
            assert!(stops > 0);
            assert!(found.resumed > 0);
            assert_eq!(found.items, expected.items, "{threads} threads, {stops} stops");
            let again = counted(&shards, &items, &settings);
            assert_eq!((again.resumed, &again.items), (9, &expected.items));
        }
    }
}

#[test]
fn a_line_that_was_cut_is_counted_again() {
    let shards = sources(&random_shards(4, 20));
    let items = random_items();
    for duplicates in [Duplicates::Keep, Duplicates::CountOnce] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.jsonl");
        let settings = settings(&path, duplicates, 1);
        let expected = counted(&shards, &items, &settings);
        let journal = std::fs::read(&path).expect("a journal");
        for cut in [0, 5, journal.len() / 2, journal.len() - 1] {
            std::fs::write(&path, &journal[..cut]).expect("a file");
            let found = counted(&shards, &items, &settings);
            assert!(found.resumed < 4);
            assert_eq!(found.items, expected.items);
            assert_eq!(std::fs::read(&path).expect("a journal"), journal, "cut at {cut}");
        }
    }
}

#[test]
fn a_shard_of_another_size_is_counted_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = settings(&folder.path().join("journal.jsonl"), Duplicates::Keep, 1);
    let items = [item("Paris", "France")];
    let a = MadeShard::new("a", &["Paris, France"]);
    counted(&sources(&[a.clone(), MadeShard::new("b", &["Paris"])]), &items, &settings);
    let found = counted(&sources(&[a, MadeShard::new("b", &["Paris", "Paris"])]), &items, &settings);
    assert_eq!((found.resumed, found.items[0].subject_documents), (1, 3));
}

/// The message with which a journal is refused.
fn refusal(shards: &[MadeShard], subject: &str, settings: &CountSettings) -> String {
    let error = count(&sources(shards), &[item(subject, "France")], settings, &Unobserved).expect_err("another count");
    assert!(matches!(error, Error::Journal { .. }), "{error}");
    error.to_string()
}

#[test]
fn a_journal_of_another_count_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.jsonl");
    let keep = settings(&path, Duplicates::Keep, 1);
    let mut shard = MadeShard::new("a", &["Paris, France"]);
    counted(&sources(&[shard.clone()]), &[item("Paris", "France")], &keep);
    assert!(refusal(&[shard.clone()], "Lyon", &keep).contains("expected a journal of these items, rules"));
    let rules = Rules { case: Case::Fold, ..Rules::default() };
    assert!(refusal(&[shard.clone()], "Paris", &CountSettings { rules, ..keep.clone() }).contains("fingerprint"));
    shard.reading = "column b".to_owned();
    assert!(refusal(&[shard.clone()], "Paris", &keep).contains("a: expected documents by column b"));
    std::fs::write(&path, "{\"step\":1}\n").expect("a file");
    assert!(refusal(&[shard.clone()], "Paris", &keep).contains("line 1: expected a journal of a count"));
    std::fs::write(&path, "something else").expect("a file");
    assert!(refusal(&[shard.clone()], "Paris", &keep).contains("line 1: expected a journal of a count"));
    assert_eq!(std::fs::read(&path).expect("a file"), b"something else");
    // Where duplicates count once, which shard counts a document depends on the others.
    std::fs::remove_file(&path).expect("a file");
    let once = settings(&path, Duplicates::CountOnce, 1);
    counted(&sources(from_ref(&shard)), &[item("Paris", "France")], &once);
    assert!(refusal(&[shard, MadeShard::new("b", &[])], "Paris", &once).contains("shards"));
}

#[test]
fn a_damaged_journal_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.jsonl");
    let once = settings(&path, Duplicates::CountOnce, 1);
    let shard = MadeShard::new("a", &["Paris, France"]);
    counted(&sources(from_ref(&shard)), &[item("Paris", "France")], &once);
    let journal = std::fs::read_to_string(&path).expect("a journal");
    std::fs::write(&path, journal.replace("[[0,1],[1,1]]", "[[0,1],[7,1]]")).expect("a file");
    let message = refusal(from_ref(&shard), "Paris", &once);
    assert!(message.contains("line 2: expected a finished shard, found entity 7 of 2"), "{message}");
    std::fs::write(&path, &journal).expect("a file");
    std::fs::write(folder.path().join("journal.jsonl.hashes"), b"1234567").expect("a file");
    assert!(refusal(&[shard], "Paris", &once).contains("expected the hashes of 1 documents, found 0"));
}
