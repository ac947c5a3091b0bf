//! Choice of the winner by either protocol, and its statistics on the test split.

use std::collections::BTreeSet;

use laser::edit::Edit;
use laser::edit::truncation::{SvdMethod, Truncation};
use laser::evaluate::outcome::Outcome;
use laser::model::Model;
use laser::model::parallel::Unobserved;
use laser::model::weight_id::WeightId;
use laser::search::store::{Outcomes, Store, Trial};
use laser::search::{Protocol, SearchContext, Settings, explore, search};
use laser::statistics::Split;
use laser::task::score::Score;

use crate::case::{Case, ITEMS, context, honest, indices, settings};

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
        let mut store = Store::open(&case.store(&format!("paper{i}")), "paper", false).expect("store");
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
fn the_best_finalist_on_the_validation_split_wins() {
    let case = Case::new("qwen2-bias");
    let truncation = Truncation::new(SvdMethod::Exact, None, 1);
    for score in [Score::CHOICE, Score::GENERATE] {
        let evaluator = case.evaluator(score);
        let settings = settings(&case, honest(), &["0.9", "0.5", "0.2", "0.05"]);
        let mut store = Store::open(&case.store(&score.to_string()), "honest", false).expect("store");
        let found =
            search(SearchContext::new(&case.model, &evaluator, &truncation, &settings, &Unobserved), &mut store)
                .expect("search");

        let groups = |split| -> BTreeSet<&str> {
            found.explored.splits.items(split).iter().map(|i| evaluator.items()[*i].group.as_str()).collect()
        };
        let parts = [Split::Search, Split::Validation, Split::Test].map(groups);
        assert_eq!(parts.iter().map(BTreeSet::len).sum::<usize>(), ITEMS / 3, "no group is in two splits");

        let mut order: Vec<&Trial> = found.explored.trials.iter().collect();
        order.sort_by(|a, b| compare(&b.outcomes, &a.outcomes));
        let items = found.explored.splits.items(Split::Validation);
        let mut winner: Option<(Outcomes, &Edit)> = None;
        for trial in &order[..settings.finalists] {
            let edited = case.edited(&truncation, &trial.edit);
            let outcomes = Outcomes::of(&evaluator.evaluate(&edited, &items, context(2)).expect("evaluate"));
            assert_eq!(store.get(&trial.edit, Split::Validation).expect("get"), outcomes);
            if winner.as_ref().is_none_or(|(best, _)| compare(&outcomes, best).is_gt()) {
                winner = Some((outcomes, &trial.edit));
            }
        }
        let (outcomes, edit) = winner.expect("a finalist");
        assert_eq!(found.winner, *edit);
        let base = Outcomes::of(&evaluator.evaluate(&case.model, &items, context(2)).expect("evaluate"));
        let warned = found.explored.notes.iter().any(|note| note.contains("does not beat the unedited model"));
        assert_eq!(warned, !compare(&outcomes, &base).is_gt());
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
        let mut store = Store::open(&case.store(&settings.plan.to_string()), "once", false).expect("store");
        let explored =
            explore(SearchContext::new(&case.model, &evaluator, &truncation, &settings, &Unobserved), &mut store)
                .expect("explore");
        let first = explored.steps.first().expect("a first step");
        assert!(first.as_single().is_some(), "the composition begins with an edit that the exhaustive stage found too");
        let names: BTreeSet<String> = explored.found.iter().map(Edit::to_string).collect();
        assert_eq!(names.len(), explored.found.len(), "{}", settings.plan);
    }
}
