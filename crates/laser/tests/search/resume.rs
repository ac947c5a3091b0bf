//! Searches that are stopped and resumed.

use std::sync::atomic::{AtomicUsize, Ordering};

use laser::edit::truncation::{SvdMethod, Truncation};
use laser::error::Error;
use laser::evaluate::Evaluator;
use laser::model::parallel::Observer;
use laser::search::observer::SearchObserver;
use laser::search::store::Store;
use laser::search::{Fingerprint, Protocol, SearchContext, SearchResult, Settings, search};
use laser::statistics::Fractions;
use laser::task::score::{Match, Score};

use super::case::{Case, settings};

/// Stops a search after a number of batches, and counts them.
#[derive(Default)]
struct StopAfter {
    batches: usize,
    seen: AtomicUsize,
}

impl SearchObserver for StopAfter {}

impl Observer for StopAfter {
    fn progress(&self, stage: &str, _: usize, _: usize) {
        self.seen.fetch_add(usize::from(stage == "search"), Ordering::Relaxed);
    }

    fn stopped(&self) -> bool {
        self.seen.load(Ordering::Relaxed) >= self.batches
    }
}

/// The whole result of a search, in a form that can be compared.
fn text_of(found: &SearchResult) -> String {
    format!("{found:?}")
}

/// Upper bound of the batches of the unedited model, which a resumed search computes again.
const BASE_BATCHES: usize = 8;

#[test]
fn a_resumed_search_finds_what_an_uninterrupted_one_does() {
    let case = Case::new("llama-bytes");
    let evaluator = case.evaluator(Score::GENERATE);
    for method in [SvdMethod::Exact, SvdMethod::Randomized { seed: 5 }] {
        let truncation = Truncation::new(method, None, 1);
        // A search split of several batches.
        let protocol = Protocol::Honest { fractions: Fractions::new(0.7, 0.15).expect("fractions") };
        let settings = settings(&case, protocol, &["1", "0.6", "0.3", "0.05"]);
        let fingerprint = Fingerprint::new(&settings, "weights", &evaluator, &truncation);
        let open = |name: &str, resume| Store::open(&case.store(name), &fingerprint, resume);
        let go = |store: &mut Store, observer: &dyn SearchObserver| {
            search(SearchContext::new(&case.model, &evaluator, &truncation, &settings, observer), store)
        };
        let whole = format!("{method:?}.sqlite");
        let mut store = open(&whole, false).expect("store");
        let all = StopAfter { batches: usize::MAX, ..StopAfter::default() };
        let found = go(&mut store, &all).expect("search");
        assert_eq!(found.explored.trials.len(), settings.space.candidates(case.model.config()).len());
        let all = all.seen.into_inner();

        for batches in [0, 1, 9, all - 1, all] {
            let name = format!("{method:?}-{batches}.sqlite");
            let mut store = open(&name, false).expect("store");
            let stop = StopAfter { batches, ..StopAfter::default() };
            let error = go(&mut store, &stop).expect_err("the search is stopped");
            assert!(matches!(error, Error::Interrupted), "{error}");
            let ran = stop.seen.into_inner();
            assert!(
                (batches..batches + 2).contains(&ran),
                "only batches that have begun are finished: {ran} of {batches}"
            );
            drop(store);

            // A store without trials may be opened for any run.
            match open(&name, false) {
                Ok(_) => assert_eq!(ran, 0, "a run is resumed only on request"),
                Err(refused) => assert!(refused.to_string().contains("resume it"), "{refused}"),
            }
            let mut store = open(&name, true).expect("resume");
            let counted = StopAfter { batches: usize::MAX, ..StopAfter::default() };
            let resumed = go(&mut store, &counted).expect("resume");
            let again = counted.seen.into_inner();
            assert!(again + ran <= all + BASE_BATCHES, "only missing batches are run: {again} after {ran} of {all}");
            assert!(text_of(&resumed) == text_of(&found), "{method:?}: stopped after {batches}");
        }

        let other = |settings: &Settings, model: &str, evaluator: &Evaluator<'_>, truncation: &Truncation| {
            let fingerprint = Fingerprint::new(settings, model, evaluator, truncation);
            let error = Store::open(&case.store(&whole), &fingerprint, true).expect_err("another run");
            assert!(error.to_string().contains("holds another run"), "{error}");
        };
        let word = case.evaluator(Score::Generate { max_tokens: 10, matching: Match::Word });
        other(&settings, "other weights", &evaluator, &truncation);
        other(&settings, "weights", &word, &truncation);
        other(&settings, "weights", &evaluator, &Truncation::new(SvdMethod::Randomized { seed: 6 }, None, 1));
        other(&Settings { split_seed: 4, ..settings.clone() }, "weights", &evaluator, &truncation);
        other(&Settings { finalists: 5, ..settings.clone() }, "weights", &evaluator, &truncation);
        other(&Settings { protocol: Protocol::Paper, ..settings.clone() }, "weights", &evaluator, &truncation);
        other(&Settings { space: case.space(&["0.6", "0.3"]), ..settings.clone() }, "weights", &evaluator, &truncation);
    }
}
