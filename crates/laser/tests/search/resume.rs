//! Searches that are stopped and gone on with.

use std::sync::atomic::{AtomicUsize, Ordering};

use laser::edit::truncation::{SvdMethod, Truncation};
use laser::error::Error;
use laser::evaluate::Evaluator;
use laser::model::parallel::Observer;
use laser::search::observer::SearchObserver;
use laser::search::store::Store;
use laser::search::{Found, Protocol, Settings, search};
use laser::statistics::Fractions;
use laser::task::score::{Match, Score};

use crate::case::{Case, settings};

/// Stops a search after some passes, and counts them.
#[derive(Default)]
struct StopAfter {
    passes: usize,
    seen: AtomicUsize,
}

impl SearchObserver for StopAfter {}

impl Observer for StopAfter {
    fn progress(&self, stage: &str, _: usize, _: usize) {
        self.seen.fetch_add(usize::from(stage == "search"), Ordering::Relaxed);
    }

    fn stopped(&self) -> bool {
        self.seen.load(Ordering::Relaxed) >= self.passes
    }
}

/// Everything a search says, in a form that can be compared.
fn told(found: &Found) -> String {
    format!("{found:?}")
}

/// At most so many passes of the unedited model, which a resumed search needs again.
const BASE_PASSES: usize = 8;

#[test]
fn a_resumed_search_finds_what_an_uninterrupted_one_does() {
    let case = Case::new("llama-bytes");
    let exam = case.exam(Score::GENERATE);
    for method in [SvdMethod::Exact, SvdMethod::Randomized { seed: 5 }] {
        let truncation = Truncation::new(method, None, 1);
        // A search split of several batches.
        let protocol = Protocol::Honest { fractions: Fractions::new(0.7, 0.15).expect("fractions") };
        let settings = settings(&case, protocol, &["1", "0.6", "0.3", "0.05"]);
        let fingerprint = settings.fingerprint("weights", &exam, &truncation);
        let open = |name: &str, resume| Store::open(&case.store(name), &fingerprint, resume);
        let go = |store: &mut Store, observer: &dyn SearchObserver| {
            search(&case.model, &exam, &truncation, &settings, store, observer)
        };
        let whole = format!("{method:?}.sqlite");
        let mut store = open(&whole, false).expect("store");
        let all = StopAfter { passes: usize::MAX, ..StopAfter::default() };
        let found = go(&mut store, &all).expect("search");
        assert_eq!(found.explored.trials.len(), settings.space.arms(case.model.config()).len());
        let all = all.seen.into_inner();

        for passes in [0, 1, 9, all - 1, all] {
            let name = format!("{method:?}-{passes}.sqlite");
            let mut store = open(&name, false).expect("store");
            let stop = StopAfter { passes, ..StopAfter::default() };
            let error = go(&mut store, &stop).expect_err("the search is stopped");
            assert!(matches!(error, Error::Interrupted), "{error}");
            let ran = stop.seen.into_inner();
            assert!((passes..passes + 2).contains(&ran), "only the passes in hand go on: {ran} of {passes}");
            drop(store);

            // A store without trials holds nothing that could be taken for another run's.
            match open(&name, false) {
                Ok(_) => assert_eq!(ran, 0, "a run is not gone on with unasked"),
                Err(refused) => assert!(refused.to_string().contains("--resume"), "{refused}"),
            }
            let mut store = open(&name, true).expect("resume");
            let counted = StopAfter { passes: usize::MAX, ..StopAfter::default() };
            let resumed = go(&mut store, &counted).expect("resume");
            let again = counted.seen.into_inner();
            assert!(again + ran <= all + BASE_PASSES, "only what is missing is run: {again} after {ran} of {all}");
            assert!(told(&resumed) == told(&found), "{method:?}: stopped after {passes}");
        }

        let other = |settings: &Settings, model: &str, exam: &Evaluator<'_>, truncation: &Truncation| {
            let fingerprint = settings.fingerprint(model, exam, truncation);
            let error = Store::open(&case.store(&whole), &fingerprint, true).expect_err("another run");
            assert!(error.to_string().contains("belongs to another run"), "{error}");
        };
        let word = case.exam(Score::Generate { max_tokens: 10, matching: Match::Word });
        other(&settings, "other weights", &exam, &truncation);
        other(&settings, "weights", &word, &truncation);
        other(&settings, "weights", &exam, &Truncation::new(SvdMethod::Randomized { seed: 6 }, None, 1));
        other(&Settings { split_seed: 4, ..settings.clone() }, "weights", &exam, &truncation);
        other(&Settings { finalists: 5, ..settings.clone() }, "weights", &exam, &truncation);
        other(&Settings { protocol: Protocol::Paper, ..settings.clone() }, "weights", &exam, &truncation);
        other(&Settings { space: case.space(&["0.6", "0.3"]), ..settings.clone() }, "weights", &exam, &truncation);
    }
}
