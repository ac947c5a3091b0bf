//! Choice of the winner by either protocol, and its statistics on the test split.

use std::collections::BTreeSet;

use laser::edit::Edit;
use laser::edit::truncation::{SvdMethod, Truncation};
use laser::evaluate::outcome::Outcome;
use laser::model::Model;
use laser::model::parallel::Unobserved;
use laser::model::weight_id::WeightId;
use laser::search::store::{Outcomes, Store, Trial};
use laser::search::{Fingerprint, ItemOrder, Protocol, SearchContext, Settings, explore, search};
use laser::statistics::Split;
use laser::task::score::Score;

use super::case::{Case, ITEMS, context, honest, indices, settings};

/// Orders outcomes by accuracy, then by log-loss; the better ones are `Greater`.
fn compare(a: &Outcomes, b: &Outcomes) -> std::cmp::Ordering {
    let right = |o: &Outcomes| o.correct.iter().filter(|c| **c).count();
    let log_likelihood = |o: &Outcomes| o.logprobs.iter().sum::<f64>();
    right(a).cmp(&right(b)).then(log_likelihood(a).total_cmp(&log_likelihood(b)))
}

fn accuracy(outcomes: &[Outcome], items: &[usize]) -> f64 {
    items.iter().filter(|i| outcomes[**i].correct).count() as f64 / items.len() as f64
}

#[test]
fn the_papers_protocol_selects_on_the_first_fifth_in_the_order_of_the_reference_code() {
    let case = Case::new("llama-bytes");
    let truncation = Truncation::new(SvdMethod::Exact, None, 1);
    // In the last two lists every trial is tied with others: 0.05 and 0.04 keep equally many components, 1 keeps all.
    let lists: [(Score, &[&str]); 4] = [
        (Score::CHOICE, &["0.9", "0.5", "0.2", "0.05"]),
        (Score::GENERATE, &["0.9", "0.5", "0.2", "0.05"]),
        (Score::CHOICE, &["0.05", "0.04"]),
        (Score::CHOICE, &["1"]),
    ];
    for (i, (score, rhos)) in lists.into_iter().enumerate() {
        let evaluator = case.evaluator(score);
        let settings = settings(&case, Protocol::Paper, rhos);
        let mut store =
            Store::open(&case.store(&format!("paper{i}")), &Fingerprint::named("paper"), false).expect("store");
        let found =
            search(SearchContext::new(&case.model, &evaluator, &truncation, &settings, &Unobserved), &mut store)
                .expect("search");

        let (first, rest): (Vec<usize>, Vec<usize>) = indices(&evaluator).into_iter().partition(|i| *i < ITEMS / 5);
        assert_eq!(found.explored.splits.items(Split::Search), first);
        assert_eq!(found.explored.splits.items(Split::Test), rest);

        // The loops of the reference code: layers downwards, matrices as listed, the most severe ρ first; strictly
        // better wins.
        let mut severe: Vec<&str> = rhos.to_vec();
        severe.sort_unstable();
        let mut winner: Option<&Trial> = None;
        for layer in [1, 0] {
            for kind in crate::support::KINDS {
                for rho in &severe {
                    let id = WeightId::new(layer, kind);
                    let edit = Edit::single(id, rho.parse().expect("a fraction"));
                    let trial =
                        found.explored.trials.iter().find(|t| t.edit == edit).expect("every candidate is tried");
                    assert_eq!(trial.outcomes.correct.len(), first.len());
                    if winner.is_none_or(|w| compare(&trial.outcomes, &w.outcomes).is_gt()) {
                        winner = Some(trial);
                    }
                }
            }
        }
        let winner = winner.expect("a winner");
        assert_eq!(found.winner, winner.edit, "list {i}");
        if rhos == ["1"] {
            assert_eq!(winner.edit.to_string(), "L1.q_proj@1");
            assert_eq!(found.best, found.base);
        }

        let edited = case.edited(&truncation, &found.winner);
        let alone = |model: &Model| evaluator.evaluate(model, &indices(&evaluator), context(2)).expect("evaluate");
        assert_eq!(found.base, alone(&case.model));
        assert_eq!(found.best, alone(&edited));
        let gain = |items: &[usize]| accuracy(&found.best, items) - accuracy(&found.base, items);
        let held_out = &found.proof.held_out;
        assert_eq!(held_out.n, rest.len());
        assert!((held_out.diff - gain(&rest)).abs() < 1e-12);
        assert!((held_out.shrinkage - (gain(&first) - gain(&rest))).abs() < 1e-12);
    }
}

#[test]
fn finalists_are_measured_on_both_splits_and_one_of_them_or_none_wins() {
    let case = Case::new("qwen2-bias");
    let truncation = Truncation::new(SvdMethod::Exact, None, 1);
    for score in [Score::CHOICE, Score::GENERATE] {
        let evaluator = case.evaluator(score);
        let settings = settings(&case, honest(), &["0.9", "0.5", "0.2", "0.05"]);
        let mut store =
            Store::open(&case.store(&score.to_string()), &Fingerprint::named("honest"), false).expect("store");
        let found =
            search(SearchContext::new(&case.model, &evaluator, &truncation, &settings, &Unobserved), &mut store)
                .expect("search");

        let groups = |split| -> BTreeSet<&str> {
            found.explored.splits.items(split).iter().map(|i| evaluator.items()[*i].group.as_str()).collect()
        };
        let parts = [Split::Search, Split::Validation, Split::Test].map(groups);
        assert_eq!(parts.iter().map(BTreeSet::len).sum::<usize>(), ITEMS / 3, "no group is in two splits");

        let items = found.explored.splits.items(Split::Validation);
        let items = ItemOrder::new(&evaluator, &items, &settings).items;
        let both: Vec<usize> = found.explored.order.iter().chain(&items).copied().collect();
        let right = |model: &Model| {
            let outcomes = evaluator.evaluate(model, &both, context(2)).expect("evaluate");
            outcomes.iter().map(|o| f64::from(u8::from(o.correct))).sum::<f64>() / both.len() as f64
        };
        assert!((1..=settings.finalists).contains(&found.finalists.len()));
        for finalist in &found.finalists {
            let edited = case.edited(&truncation, &finalist.edit);
            let outcomes = Outcomes::of(&evaluator.evaluate(&edited, &items, context(2)).expect("evaluate"));
            let stored = store.get(&finalist.edit, Split::Validation).expect("get");
            assert_eq!(stored.correct, outcomes.correct);
            assert!(stored.logprobs.iter().zip(&outcomes.logprobs).all(|(a, b)| (a - b).abs() < 1e-4));
            assert!((finalist.measured.value - (right(&edited) - right(&case.model))).abs() < 1e-12);
        }
        match &found.none_because {
            Some(_) => assert!(found.winner.is_empty() && found.best == found.base),
            None => {
                let winner = found.finalists.iter().find(|finalist| finalist.edit == found.winner);
                assert!(winner.expect("the winner is a finalist").estimated.value > 0.0);
            }
        }
        assert_eq!(found.proof.held_out.n, found.explored.splits.items(Split::Test).len());
    }
}

#[test]
fn an_edit_found_by_two_stages_is_listed_once() {
    let case = Case::new("llama-bytes");
    let evaluator = case.evaluator(Score::CHOICE);
    let truncation = Truncation::new(SvdMethod::Exact, None, 1);
    for plan in ["exhaustive+greedy", "exhaustive+beam"] {
        let plan = plan.parse().expect("a plan");
        let settings = Settings { plan, ..settings(&case, honest(), &["0.5", "0.2"]) };
        let mut store =
            Store::open(&case.store(&settings.plan.to_string()), &Fingerprint::named("once"), false).expect("store");
        let explored =
            explore(SearchContext::new(&case.model, &evaluator, &truncation, &settings, &Unobserved), &mut store)
                .expect("explore");
        let composed = explored.steps.iter().any(|step| step.as_single().is_some());
        assert_eq!(composed, !explored.steps.is_empty(), "a composition begins with an edit of one matrix");
        let names: BTreeSet<String> = explored.found.iter().map(Edit::to_string).collect();
        assert_eq!(names.len(), explored.found.len(), "{}", settings.plan);
    }
}
