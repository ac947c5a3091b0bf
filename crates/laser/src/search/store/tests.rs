//! Trials that grow batch by batch, and stores of other runs.

use super::*;
use crate::edit::Edit;
use crate::edit::reduction::Reduction;
use laser_model::weight_id::{WeightId, WeightKind};

fn outcomes(correct: &[bool]) -> Outcomes {
    Outcomes {
        correct: correct.to_vec(),
        logprobs: correct.iter().map(|c| -f64::from(u8::from(*c)) - 0.25).collect(),
        margins: vec![f64::NEG_INFINITY; correct.len()],
        ties: vec![false; correct.len()],
        in_top10: correct.to_vec(),
    }
}

#[test]
fn trials_grow_by_batches_and_stores_of_other_runs_are_refused() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("sub/trials.sqlite");
    let id = WeightId::new(3, WeightKind::Gate);
    let edit = Edit::single(id, "0.01".parse::<Reduction>().expect("reduction"));
    let batch = |correct: &[bool]| Trial {
        edit: edit.clone(),
        rank: Some(5),
        split: Split::Search,
        outcomes: outcomes(correct),
    };
    let mut store = Store::open(&path, &Fingerprint::named("a"), false).expect("new store");
    store.insert(0, &[batch(&[true, false])]).expect("insert");
    store.insert(3, &[batch(&[true])]).expect("insert");
    assert_eq!(store.get(&edit, Split::Search).expect("get"), outcomes(&[true, false]), "a gap ends the outcomes");
    store.insert(0, &[batch(&[false, false])]).expect("insert");
    store.insert(2, &[batch(&[false])]).expect("insert");
    drop(store);
    let refused =
        Store::open(&path, &Fingerprint::named("a"), false).expect_err("resuming has to be allowed").to_string();
    assert!(refused.contains("resume it"), "{refused}");
    assert!(Store::open(&path, &Fingerprint::named("b"), true).is_err());
    let store = Store::open(&path, &Fingerprint::named("a"), true).expect("resume");
    let whole = store.get(&edit, Split::Search).expect("get");
    assert_eq!(whole.correct, [true, false, false, true], "the first outcomes of a batch stay");
    assert!(store.get(&edit, Split::Validation).expect("get").is_empty());
    let all = CountedItems { counts: &|_| true, have_answers: true };
    let rows = |store: &Store, items: &CountedItems<'_>| {
        store.rows(Split::Search, items, Some("gradient"), &[]).expect("rows")
    };
    let [row] = &rows(&store, &all)[..] else { panic!("one edit") };
    assert_eq!((row.items, row.accuracy, row.rank, row.layer), (0, None, Some(5), Some(3)), "no base to compare with");
    let mut store = store;
    let base = Trial {
        edit: Edit::default(),
        rank: None,
        split: Split::Search,
        outcomes: outcomes(&[false, false, false, true]),
    };
    store.insert(0, &[base]).expect("insert");
    store.insert_screen("gradient", &[(Edit::single(id, "0.5".parse().expect("ρ")), 0.25)]).expect("insert");
    let [screened, tried] = &rows(&store, &all)[..] else { panic!("two edits") };
    assert_eq!((tried.items, tried.accuracy, tried.accuracy_change), (4, Some(0.5), Some(0.25)));
    assert_eq!((screened.items, screened.prediction, &*screened.reduction), (0, Some(0.25), "0.5"));
    let first = CountedItems { counts: &|position| position < 2, have_answers: false };
    let tried = &rows(&store, &first)[1];
    assert_eq!((tried.items, tried.accuracy, tried.log_loss), (2, None, Some(0.75)));
}

/// A store with one batch of two items, in a new folder.
fn stored() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("trials.sqlite");
    let mut store = Store::open(&path, &Fingerprint::named("a"), false).expect("new store");
    let outcomes = outcomes(&[true, false]);
    store.insert(0, &[Trial { edit: Edit::default(), rank: None, split: Split::Search, outcomes }]).expect("insert");
    (folder, path)
}

#[test]
fn columns_of_another_length_are_refused() {
    for damage in [
        "correct = x'01'",
        "ties = x''",
        "logprobs = x'0000000000000000'",
        "margins = x'00000000000000000000000000000000ff'",
        "n = 3",
        "n = -1",
        "n = 9223372036854775807",
    ] {
        let (_folder, path) = stored();
        let changed = Connection::open(&path).expect("opens").execute(&format!("UPDATE trials SET {damage}"), []);
        assert_eq!(changed.expect("updates"), 1, "{damage}");
        let store = Store::open(&path, &Fingerprint::named("a"), true).expect("opens");
        let error = store.get(&Edit::default(), Split::Search).expect_err(damage).to_string();
        assert!(error.contains("trials.sqlite"), "{error}");
    }
}

#[test]
fn a_run_whose_folder_another_has_taken_writes_nothing_more() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("trials.sqlite");
    let mut first = Store::open(&path, &Fingerprint::named("a"), false).expect("new store");
    let mut second = Store::open(&path, &Fingerprint::named("b"), false).expect("a store without trials");
    let trial =
        || Trial { edit: Edit::default(), rank: None, split: Split::Search, outcomes: outcomes(&[true, false]) };
    second.insert_order(Split::Search, &[1, 0]).expect("its own");
    let refusals = [
        first.insert_order(Split::Search, &[0, 1]),
        first.insert(0, &[trial()]),
        first.insert_screen("gradient", &[(Edit::default(), 1.0)]),
    ];
    for refused in refusals {
        let error = refused.expect_err("taken").to_string();
        assert!(error.contains("trials.sqlite") && error.contains("another search"), "{error}");
    }
    assert_eq!((second.count().expect("count"), second.order(Split::Search).expect("order")), (0, vec![1, 0]));
    // The same run twice is no other run.
    let mut third = Store::open(&path, &Fingerprint::named("b"), false).expect("a store without trials");
    for store in [&mut second, &mut third] {
        store.insert(0, &[trial()]).expect("its own");
    }
    assert_eq!(second.count().expect("count"), 1);
    assert!(Store::open(&path, &Fingerprint::named("a"), true).is_err());
}
