//! Trial stores: the SQLite file of an earlier run, read as a report and a resumed search read it.

use laser::Edit;
use laser::search::Fingerprint;
use laser::search::store::{CountedItems, Outcomes, Store, Trial};
use laser::statistics::Split;
use laser_fuzz::damage::Damaged;
use laser_fuzz::target::Target;

use crate::support::{folder, write};

/// A store with a few trials, as one file.
fn store() -> Vec<u8> {
    let folder = folder();
    let mut store = Store::in_memory(&Fingerprint::named("fuzz")).expect("a store");
    store.insert_order(Split::Search, &[2, 0, 1]).expect("inserts");
    let outcomes = |n: usize| Outcomes {
        correct: vec![true; n],
        logprobs: vec![-0.5; n],
        margins: vec![0.25; n],
        ties: vec![false; n],
        in_top10: vec![false; n],
    };
    for (start, n) in [(0, 2), (2, 1)] {
        let trial = Trial { edit: Edit::default(), rank: None, split: Split::Search, outcomes: outcomes(n) };
        store.insert(start, &[trial]).expect("inserts");
    }
    store.insert_screen("gradient", &[(Edit::default(), 0.5)]).expect("inserts");
    let path = folder.path().join("trials.sqlite");
    store.save_as(&path).expect("saves");
    std::fs::read(&path).expect("reads")
}

#[test]
fn trial_stores() {
    let folder = folder();
    let path = folder.path().join("trials.sqlite");
    let words = &["fingerprint", "order of search", "[2,0,1]", "CREATE TABLE", "trials", "search", "[1e9]", "[-1]"];
    let inputs = Damaged { seeds: vec![store()], words };
    Target { name: "store", other_bytes: 0, executions: 600, inputs }.run(bolero::check!(), |input| {
        for name in ["trials.sqlite-wal", "trials.sqlite-shm", "trials.sqlite-journal"] {
            let _ = std::fs::remove_file(folder.path().join(name));
        }
        write(&path, input);
        let opened = Store::open_existing(&path).is_ok_and(|store| {
            let items = CountedItems { counts: &|_| true, have_answers: true };
            let _ = store.rows(Split::Search, &items, Some("gradient"), &[]);
            let _ = store.order(Split::Search);
            let _ = store.screen("gradient");
            if let Ok(outcomes) = store.get(&Edit::default(), Split::Search) {
                let n = outcomes.len();
                let columns = [outcomes.logprobs.len(), outcomes.margins.len(), outcomes.ties.len()];
                assert_eq!(columns, [n; 3], "columns of different lengths");
            }
            store.count().is_ok()
        });
        // And as a resumed search opens it, which writes.
        let _ = Store::open(&path, &Fingerprint::named("fuzz"), true);
        opened
    });
}
