//! Mentions and co-mentions by each rule.

use std::slice::from_ref;

use laser_corpus::{Bounds, Case, CountSettings, Duplicates, Rules, Window};

use crate::made_corpus::{MadeShard, counted, item, numbers, random_items, random_shards, sources};

fn settings(rules: Rules) -> CountSettings {
    CountSettings { rules, ..CountSettings::default() }
}

#[test]
fn documents_distances_and_windows() {
    let shard = MadeShard::new(
        "a",
        &["Paris is the capital of France.", "France, Paris; Air France", "Paris", "PARIS france", "Parisian Frances"],
    );
    let items = [item("Paris", "France"), item("Air France", "France"), item("Paris", "Spain")];
    let count = |rules| counted(&sources(from_ref(&shard)), &items, &settings(rules)).items;
    let exact = count(Rules::default());
    assert_eq!(numbers(&exact[0]), (2, 3, 2, Some(1)));
    assert_eq!(numbers(&exact[1]), (1, 1, 2, Some(0)));
    assert_eq!(numbers(&exact[2]), (0, 3, 0, None));
    let folded = count(Rules { case: Case::Fold, ..Rules::default() });
    assert_eq!(numbers(&folded[0]), (3, 4, 3, Some(1)));
    let anywhere = count(Rules { bounds: Bounds::Any, ..Rules::default() });
    assert_eq!(numbers(&anywhere[0]), (3, 4, 3, Some(1)));
    for (most, documents) in [(0, 0), (1, 1), (4, 1), (5, 2)] {
        let within = count(Rules { window: Window::Words(most), ..Rules::default() });
        assert_eq!(numbers(&within[0]), (documents, 3, 2, Some(1)), "{most} words");
    }
}

#[test]
fn an_alias_is_a_mention_but_no_second_document() {
    let mut roman = item("Rome", "Italy");
    roman.subject_aliases = vec!["Roma".to_owned(), " Eternal\u{a0}City ".to_owned()];
    roman.answer_aliases = vec!["Italia".to_owned()];
    let shard =
        MadeShard::new("a", &["Rome or Roma in Italia", "the Eternal\nCity and Italy", "Italy, Italia", "Roma"]);
    let items = [roman, item("Rome", "Italy")];
    let found = counted(&sources(&[shard]), &items, &CountSettings::default()).items;
    assert_eq!(numbers(&found[0]), (2, 3, 3, Some(2)));
    assert_eq!(numbers(&found[1]), (0, 1, 2, None));
}

#[test]
fn frequencies_are_those_of_a_naive_count() {
    let shards = random_shards(3, 200);
    let items = random_items();
    let found = counted(&sources(&shards), &items, &CountSettings::default());
    let documents = || shards.iter().flat_map(|shard| &shard.documents);
    for (item, frequency) in items.iter().zip(&found.items) {
        // Signs count as blanks here, and neither names nor texts have two in a row.
        let padded = |text: &str| format!(" {} ", text.replace(['.', ','], ""));
        let has = |text: &str, name: &str| padded(text).contains(&padded(name));
        let subject =
            |text: &&String| std::iter::once(&item.subject).chain(&item.subject_aliases).any(|name| has(text, name));
        let answer = |text: &&String| has(text, &item.answer);
        let numbers = [frequency.documents, frequency.subject_documents, frequency.answer_documents];
        let expected = [
            documents().filter(|text| subject(text) && answer(text)).count(),
            documents().filter(subject).count(),
            documents().filter(answer).count(),
        ];
        assert_eq!(numbers, expected.map(|n| n as u64), "{}", item.id);
    }
    assert_eq!(found.shards.iter().map(|shard| shard.documents).sum::<u64>(), 600);
}

#[test]
fn equal_documents_count_once_in_the_whole_corpus() {
    let shards = [
        MadeShard::new("a", &["Paris, France", "Paris, France", "Paris"]),
        MadeShard::new("b", &["Paris", "Paris, France", "Paris,  France"]),
    ];
    let items = [item("Paris", "France")];
    let rules = Rules { duplicates: Duplicates::CountOnce, ..Rules::default() };
    let found = counted(&sources(&shards), &items, &settings(rules));
    assert_eq!(numbers(&found.items[0]), (2, 3, 2, Some(1)));
    assert_eq!(found.shards.iter().map(|shard| shard.duplicates).collect::<Vec<_>>(), [1, 2]);
}
