//! Frequencies depend neither on threads nor on the order of the shards.

use laser_corpus::{CountSettings, Duplicates, Error, Rules, Unobserved, count};

use crate::made_corpus::{MadeShard, counted, random_items, random_shards, sources};

#[test]
fn threads_and_order_change_no_frequency() {
    let mut shards = random_shards(17, 60);
    let items = random_items();
    for duplicates in [Duplicates::Keep, Duplicates::CountOnce] {
        let rules = Rules { duplicates, ..Rules::default() };
        let expected = counted(&sources(&shards), &items, &CountSettings { rules, ..CountSettings::default() });
        assert!(expected.items.iter().any(|item| item.documents > 0));
        shards.reverse();
        for threads in [1, 2, 5, 40] {
            let found = counted(&sources(&shards), &items, &CountSettings { rules, threads, journal: None });
            assert_eq!(found.items, expected.items, "{threads} threads");
            let names: Vec<_> = found.shards.iter().map(|shard| shard.name.as_str()).collect();
            assert!(names.into_iter().eq(shards.iter().map(|shard| shard.name.as_str())), "the order of the sources");
        }
    }
}

#[test]
fn a_shard_that_comes_twice_is_refused() {
    let shard = MadeShard::new("a", &["Paris"]);
    let error = count(&sources(&[shard.clone(), shard]), &random_items(), &CountSettings::default(), &Unobserved);
    assert!(matches!(error, Err(Error::RepeatedShard { name }) if name == "a"));
}

#[test]
fn a_corpus_without_shards_and_a_count_without_items_are_empty() {
    let none = counted(&[], &random_items(), &CountSettings::default());
    assert!(none.items.iter().all(|item| item.subject_documents == 0 && item.nearest_words.is_none()));
    let shard = MadeShard::new("a", &["Paris"]);
    let found = counted(&sources(&[shard]), &[], &CountSettings::default());
    assert_eq!((found.items.len(), found.shards[0].words), (0, 1));
}
