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
    let mut store = Store::open(&path, "a", false).expect("new store");
    store.insert(0, &[batch(&[true, false])]).expect("insert");
    store.insert(3, &[batch(&[true])]).expect("insert");
    assert_eq!(store.get(&edit, Split::Search).expect("get"), outcomes(&[true, false]), "a gap ends the outcomes");
    store.insert(0, &[batch(&[false, false])]).expect("insert");
    store.insert(2, &[batch(&[false])]).expect("insert");
    drop(store);
    let refused = Store::open(&path, "a", false).expect_err("resuming has to be allowed").to_string();
    assert!(refused.contains("resume it"), "{refused}");
    assert!(Store::open(&path, "b", true).is_err());
    let store = Store::open(&path, "a", true).expect("resume");
    let whole = store.get(&edit, Split::Search).expect("get");
    assert_eq!(whole.correct, [true, false, false, true], "the first outcomes of a batch stay");
    assert!(store.get(&edit, Split::Validation).expect("get").is_empty());
    let rows = store.rows(Split::Search, |_| true, 4).expect("rows");
    assert_eq!((rows.len(), rows[0].acc, rows[0].rank, rows[0].layer), (1, 0.5, Some(5), 3));
    assert!(store.rows(Split::Search, |_| true, 5).expect("rows").is_empty(), "only trials of all items are rows");
}
