//! Scoring and search give the outcomes of one item, one edit and one run at a time, whatever is batched, shared,
//! started at a middle layer or resumed.

mod case;
mod naive;
mod proof;
mod resume;

use case::{Case, ITEMS, MAX_TOKENS, context, evaluate, honest, indices, settings};
use laser::edit::Edit;
use laser::edit::activations::Activations;
use laser::edit::truncation::{SvdMethod, Truncation};
use laser::error::Error;
use laser::evaluate::outcome::Outcome;
use laser::evaluate::{Evaluator, measure_activations};
use laser::model::Model;
use laser::model::parallel::Unobserved;
use laser::model::weight_id::{MatrixPart, WeightId, WeightKind};
use laser::search::store::{Outcomes, Store, Trial};
use laser::search::{Candidate, Fingerprint, SearchContext, Settings, sweep};
use laser::statistics::Split;
use laser::task::Item;
use laser::task::score::{LengthNormalization, Match, Score, Ties};
use naive::{NEAR_TIE, Naive, SAME_SUMS, assert_same, naive};

/// Largest difference between a trial and its edit scored alone, nats. The trial multiplies by the two factors of the
/// truncated matrix, the edit by their product. The seeded models have logits in the tens, so that f32 rounding shows
/// in the fifth digit of an answer's summed log-probability.
const SAME_EDIT: f64 = 1e-3;

const MODELS: [&str; 3] = ["llama-bytes", "mistral-window", "qwen2-bias"];

fn scores() -> Vec<Score> {
    let matches = [Match::Continuation, Match::PromptContinuation, Match::Word, Match::Exact];
    let generate = matches.map(|matching| Score::Generate { max_tokens: MAX_TOKENS, matching });
    let choice = [LengthNormalization::Sum, LengthNormalization::PerByte]
        .map(|length| Score::Choice { length, ties: Ties::Wrong });
    [Score::Top1, Score::Greedy].into_iter().chain(generate).chain(choice).collect()
}

#[test]
fn batches_equal_single_items_whatever_the_threads() {
    for case in MODELS.map(Case::new) {
        let edit = Edit::parse("L0.v_proj@0.2,L1.down_proj@0.5", case.model.config()).expect("edit");
        let edited = case.edited(&Truncation::new(SvdMethod::Exact, None, 1), &edit);
        for score in scores() {
            let evaluator = case.evaluator(score);
            for (of, model) in [("base", &case.model), ("edited", &edited)] {
                let what = format!("{}: {score:?}: {of}", case.name);
                let one_by_one = evaluator.evaluate_one_by_one(model, &indices(&evaluator)).expect("one by one");
                let batched = evaluate(&evaluator, model, &indices(&evaluator));
                assert_same(&what, &case, model, &evaluator, &batched, &one_by_one);
                assert_margins_agree(&what, score, &batched);
                for threads in [2, 3] {
                    let again = evaluator.evaluate(model, &indices(&evaluator), context(threads)).expect("threads");
                    assert_eq!(again, batched, "{what}: {threads} threads");
                }
                let some: Vec<usize> = indices(&evaluator).into_iter().rev().step_by(5).collect();
                for (index, outcome) in some.iter().zip(evaluate(&evaluator, model, &some)) {
                    assert!((outcome.logprob - batched[*index].logprob).abs() <= SAME_SUMS, "{what}: order of items");
                }
            }
        }
    }
}

#[test]
fn single_items_equal_the_naive_reference() {
    for case in MODELS.map(Case::new) {
        for score in scores() {
            let evaluator = case.evaluator(score);
            let single = evaluator.evaluate_one_by_one(&case.model, &indices(&evaluator)).expect("one by one");
            let of = |item: &&Item| {
                let Naive { correct, logprob, answer_tokens, prediction, lead, .. } =
                    naive(&case, &case.model, item, score);
                Outcome {
                    correct,
                    logprob,
                    margin: lead,
                    answer_tokens,
                    prediction,
                    candidates: Vec::new(),
                    rank: None,
                    tied: false,
                    play: None,
                }
            };
            let reference: Vec<Outcome> = evaluator.items().iter().map(of).collect();
            assert_same(&format!("{}: {score:?}", case.name), &case, &case.model, &evaluator, &single, &reference);
        }
    }
}

#[test]
fn several_tasks_together_have_the_outcomes_of_each_task_alone() {
    let case = Case::new("llama-bytes");
    let alone = [case.evaluator(Score::GENERATE), case.evaluator(Score::CHOICE)];
    let tasks = [(&case.open, Score::GENERATE), (&case.choice, Score::CHOICE)];
    let both = Evaluator::new(&tasks, &case.tokenizer, case.model.config()).expect("evaluator");
    let ranges: Vec<_> = both.tasks().iter().map(|part| part.range.clone()).collect();
    assert_eq!(ranges, [0..ITEMS, ITEMS..2 * ITEMS]);
    let expected: Vec<Outcome> =
        alone.iter().flat_map(|evaluator| evaluate(evaluator, &case.model, &indices(evaluator))).collect();
    assert_eq!(evaluate(&both, &case.model, &indices(&both)), expected);
    let mixed: Vec<usize> = indices(&both).into_iter().rev().step_by(3).collect();
    let one_by_one = both.evaluate_one_by_one(&case.model, &mixed).expect("one by one");
    assert_eq!(both.task_indices(&mixed), mixed.iter().map(|i| usize::from(*i >= ITEMS)).collect::<Vec<_>>());
    for (index, outcome) in mixed.iter().zip(one_by_one) {
        let expected = &expected[*index];
        assert!((outcome.logprob - expected.logprob).abs() <= SAME_SUMS, "item {index}");
        assert_eq!(outcome.answer_tokens, expected.answer_tokens, "item {index}");
    }
    // Both tasks have groups g0, g1, …; together their names are told apart.
    assert_eq!((alone[0].group(3), alone[0].task_name(3)), ("g1".to_owned(), None));
    assert_eq!(both.group(3), format!("{}: g1", case.open.name));
    assert_eq!(both.group(ITEMS + 3), format!("{}: g1", case.choice.name));

    // A trial on both tasks has the outcomes of the trials on each.
    let truncation = Truncation::new(SvdMethod::Exact, None, 1);
    let candidates = case.space(&["0.5", "0.1"]).candidates(case.model.config());
    let trials = [&alone[0], &alone[1], &both].map(|evaluator| {
        run(
            &case,
            evaluator,
            &truncation,
            &candidates,
            2,
            &format!("{}-{}", evaluator.items().len(), evaluator.tasks()[0].score),
        )
    });
    let [open, choice, both] = trials;
    for ((open, choice), both) in open.iter().zip(&choice).zip(&both) {
        let joined = |of: fn(&Outcomes) -> &Vec<f64>| [&of(&open.outcomes)[..], &of(&choice.outcomes)[..]].concat();
        assert_eq!(both.outcomes.correct, [&open.outcomes.correct[..], &choice.outcomes.correct[..]].concat());
        // Together, other items share their batches, so that sums are rounded otherwise.
        let pairs =
            [(&both.outcomes.logprobs, joined(|o| &o.logprobs)), (&both.outcomes.margins, joined(|o| &o.margins))];
        for (together, apart) in pairs {
            assert_eq!(together.len(), apart.len());
            assert!(together.iter().zip(&apart).all(|(a, b)| (a - b).abs() <= SAME_SUMS), "{together:?} {apart:?}");
        }
    }
    let twice = Evaluator::new(&[tasks[0], tasks[0]], &case.tokenizer, case.model.config());
    assert!(twice.expect_err("one name twice").to_string().contains("twice"));
}

/// Asserts that an item of positive margin is right and one of negative margin is wrong.
fn assert_margins_agree(what: &str, score: Score, outcomes: &[Outcome]) {
    for outcome in outcomes {
        match score {
            Score::Greedy | Score::Choice { .. } => {
                assert!(outcome.correct || outcome.margin <= 0.0, "{what}: {outcome:?}");
                assert!(!outcome.correct || outcome.margin > 0.0 || outcome.tied, "{what}: {outcome:?}");
            }
            Score::Top1 => assert!(outcome.correct || outcome.margin <= 0.0, "{what}: {outcome:?}"),
            _ => {}
        }
    }
}

/// Asserts that a trial has the outcomes of its edit evaluated alone. Returns the number of items that are right in the
/// trial and wrong without the edit, or the other way round.
fn assert_trial(
    case: &Case,
    evaluator: &Evaluator<'_>,
    candidate: &Candidate,
    edited: &Model,
    trial: &Trial,
    base: &[Outcome],
) -> usize {
    let alone = evaluate(evaluator, edited, &indices(evaluator));
    let what = format!("{}: {:?}: {}", case.name, evaluator.tasks()[0].score, candidate.edit());
    assert_eq!((&trial.edit, trial.rank), (&candidate.edit(), candidate.rank(case.model.config())), "{what}");
    assert_eq!(trial.split, Split::Search);
    assert_eq!(trial.outcomes.correct.len(), alone.len(), "{what}: items");
    let mut near_ties = 0;
    for (i, alone) in alone.iter().enumerate() {
        let item = &evaluator.items()[i];
        let (correct, logprob) = (trial.outcomes.correct[i], trial.outcomes.logprobs[i]);
        assert!((logprob - alone.logprob).abs() <= SAME_EDIT, "{what}: item {}: {logprob}, {alone:?}", item.id);
        if correct != alone.correct {
            let margin = naive(case, edited, item, evaluator.tasks()[0].score).margin;
            assert!(margin < NEAR_TIE, "{what}: item {}, margin {margin}: {correct}, {alone:?}", item.id);
            near_ties += 1;
        }
    }
    assert!(near_ties <= 1, "{what}: {near_ties} items differ near a tie");
    trial.outcomes.correct.iter().zip(base).filter(|(a, b)| **a != b.correct).count()
}

fn run(
    case: &Case,
    evaluator: &Evaluator<'_>,
    truncation: &Truncation,
    candidates: &[Candidate],
    threads: usize,
    name: &str,
) -> Vec<Trial> {
    let mut store = Store::open(&case.store(name), &Fingerprint::named(name), false).expect("store");
    let items = indices(evaluator);
    let settings = &Settings { threads, ..settings(case, honest(), &["1"]) };
    let context = SearchContext::new(&case.model, evaluator, truncation, settings, &Unobserved);
    sweep(context, candidates, &items, &mut store).expect("sweep")
}

/// Tries every matrix of a model at ranks from zero to full, under every score. Returns the number of outcomes that
/// differ from the base, for each score.
fn assert_trials(name: &str) -> Vec<usize> {
    let case = Case::new(name);
    let truncation = Truncation::new(SvdMethod::Exact, None, 1);
    let candidates = case.space(&["1", "0.9", "0.5", "0.2", "0.05", "0"]).candidates(case.model.config());
    assert_eq!(candidates.len(), 2 * 7 * 6);
    let edited: Vec<Model> = candidates.iter().map(|candidate| case.edited(&truncation, &candidate.edit())).collect();
    let of_score = |score: Score| {
        let evaluator = case.evaluator(score);
        let base = evaluate(&evaluator, &case.model, &indices(&evaluator));
        let file = format!("{score:?}.sqlite");
        let trials = run(&case, &evaluator, &truncation, &candidates, 2, &file);
        let store = Store::open_existing(&case.store(&file)).expect("store");
        let mut flips = 0;
        for ((candidate, model), trial) in candidates.iter().zip(&edited).zip(&trials) {
            flips += assert_trial(&case, &evaluator, candidate, model, trial, &base);
            let stored = store.get(&candidate.edit(), Split::Search).expect("get");
            let right = |outcomes: &Outcomes| outcomes.correct.iter().filter(|c| **c).count();
            assert_eq!(right(&stored), right(&trial.outcomes), "the stored outcomes are those returned");
        }
        if matches!(score, Score::Top1 | Score::Generate { matching: Match::Word, .. }) {
            let one = run(&case, &evaluator, &truncation, &candidates, 1, &format!("{score:?}-one.sqlite"));
            assert_eq!(one, trials, "{name}: {score:?}: threads");
        }
        flips
    };
    scores().into_iter().map(of_score).collect()
}

#[test]
fn every_trial_equals_its_edit_alone() {
    let flips = std::thread::scope(|scope| {
        let models = MODELS.map(|name| scope.spawn(|| assert_trials(name)));
        models.map(|model| model.join().expect("no thread panics"))
    });
    for (s, score) in scores().into_iter().enumerate() {
        let flips: usize = flips.iter().map(|model| model[s]).sum();
        assert!(flips >= 20, "{score:?}: only {flips} outcomes differ from the base, so the test shows little");
    }
}

/// One family for each form of block: parallel branches, norms before and after, experts, fused matrices, several kinds
/// of positions.
const FORMS: [&str; 14] = [
    "bloom",
    "falcon-new",
    "gemma3_text",
    "gpt2",
    "gpt_neox",
    "granite",
    "lfm2",
    "mixtral",
    "olmo2",
    "opt-post-norm",
    "phi3",
    "qwen2_moe-sparse",
    "smollm3",
    "stablelm-parallel",
];

#[test]
fn trials_of_every_form_of_block_equal_their_edits_alone() {
    for name in FORMS {
        let case = Case::changed(name, |config| {
            // The items' texts are longer than the goldens' tables of learned positions.
            let key = if config["n_positions"].is_null() { "max_position_embeddings" } else { "n_positions" };
            config[key] = 64.into();
        });
        let config = case.model.config();
        let mut ids: Vec<WeightId> = (0..config.n_layers).flat_map(|layer| config.stored(layer)).collect();
        for part in [MatrixPart::Whole, MatrixPart::Group(0)] {
            let of = |kind| WeightId { layer: 1, part, kind };
            ids.extend([WeightKind::Qkv, WeightKind::K, WeightKind::O, WeightKind::GateUp].map(of));
        }
        ids.sort_unstable();
        ids.dedup();
        ids.retain(|id| config.pieces(*id).is_some());
        let reductions = ["0.5", "0.05"].map(|rho| rho.parse().expect("a fraction"));
        let candidates: Vec<Candidate> =
            ids.iter().flat_map(|id| reductions.map(|reduction| Candidate { id: *id, reduction })).collect();
        let truncation = Truncation::new(SvdMethod::Exact, None, 1);
        let edited: Vec<Model> =
            candidates.iter().map(|candidate| case.edited(&truncation, &candidate.edit())).collect();
        let mut flips = 0;
        for score in [Score::Top1, Score::GENERATE, Score::CHOICE] {
            let evaluator = case.evaluator(score);
            let base = evaluate(&evaluator, &case.model, &indices(&evaluator));
            let trials = run(&case, &evaluator, &truncation, &candidates, 2, &format!("{score:?}"));
            for ((candidate, model), trial) in candidates.iter().zip(&edited).zip(&trials) {
                flips += assert_trial(&case, &evaluator, candidate, model, trial, &base);
            }
        }
        assert!(flips >= 20, "{name}: only {flips} outcomes differ from the base, so the test shows little");
    }
}

#[test]
fn a_randomized_trial_equals_its_edit_with_the_same_seed() {
    let case = Case::new("qwen2-bias");
    let candidates = case.space(&["1", "0.9", "0.5", "0.1", "0"]).candidates(case.model.config());
    let seeded = |seed| Truncation::new(SvdMethod::Randomized { seed }, None, 1);
    for score in [Score::GENERATE, Score::Choice { length: LengthNormalization::PerByte, ties: Ties::Wrong }] {
        let evaluator = case.evaluator(score);
        let base = evaluate(&evaluator, &case.model, &indices(&evaluator));
        let trials = run(&case, &evaluator, &seeded(7), &candidates, 1, &format!("{score}-7"));
        for (candidate, trial) in candidates.iter().zip(&trials) {
            let edited = case.edited(&seeded(7), &candidate.edit());
            assert_trial(&case, &evaluator, candidate, &edited, trial, &base);
        }
        assert_eq!(run(&case, &evaluator, &seeded(7), &candidates, 2, &format!("{score}-7-again")), trials);
        assert_ne!(
            run(&case, &evaluator, &seeded(8), &candidates, 1, &format!("{score}-8")),
            trials,
            "another seed gives other outcomes"
        );
    }
}

/// A model whose continuations are all empty, because every token ends the text.
#[test]
fn empty_continuations_are_searched_too() {
    let case = Case::changed("qwen2-bias", |config| {
        config["eos_token_id"] = (0..96).collect::<Vec<u32>>().into();
    });
    let evaluator = case.evaluator(Score::GENERATE);
    let truncation = Truncation::new(SvdMethod::Exact, None, 1);
    let candidates = case.space(&["0.5", "0"]).candidates(case.model.config());
    let base = evaluate(&evaluator, &case.model, &indices(&evaluator));
    assert!(base.iter().all(|o| o.prediction.is_empty() && !o.correct));
    for (candidate, trial) in candidates.iter().zip(run(&case, &evaluator, &truncation, &candidates, 1, "silent")) {
        assert_trial(&case, &evaluator, candidate, &case.edited(&truncation, &candidate.edit()), &trial, &base);
    }
}

/// Sequence lengths around the one from which on this model's rotary frequencies depend on the longest sequence of a
/// forward pass.
#[test]
fn sequences_that_change_the_rotary_frequencies_get_a_batch_of_their_own() {
    let case = Case::changed("llama-longrope", |config| {
        config["max_position_embeddings"] = 128.into();
        config["original_max_position_embeddings"] = 24.into();
        config["rope_scaling"]["original_max_position_embeddings"] = 24.into();
    });
    assert_eq!(case.model.config().attention.ropes[0].length_dependent_beyond(), Some(24));
    let across = Evaluator::new(&[(&case.open, Score::GENERATE)], &case.tokenizer, case.model.config());
    let error = across.expect_err("a text may not cross the change").to_string();
    assert!(error.contains("would cross 24"), "{error}");
    let truncation = Truncation::new(SvdMethod::Exact, None, 1);
    let candidates = case.space(&["1", "0.5", "0"]).candidates(case.model.config());
    for score in [Score::Top1, Score::Greedy, Score::CHOICE] {
        let evaluator = case.evaluator(score);
        let batched = evaluate(&evaluator, &case.model, &indices(&evaluator));
        let single = evaluator.evaluate_one_by_one(&case.model, &indices(&evaluator)).expect("one by one");
        assert_same(&format!("{}: {score:?}", case.name), &case, &case.model, &evaluator, &batched, &single);
        for (candidate, trial) in
            candidates.iter().zip(run(&case, &evaluator, &truncation, &candidates, 2, &format!("{score}")))
        {
            assert_trial(&case, &evaluator, candidate, &case.edited(&truncation, &candidate.edit()), &trial, &batched);
        }
    }
}

#[test]
fn full_rank_everywhere_gives_the_outcomes_of_the_base_to_the_bit() {
    for case in MODELS.map(Case::new) {
        let edit = Edit::parse("L*.all@1", case.model.config()).expect("edit");
        let same = case.edited(&Truncation::new(SvdMethod::Exact, None, 1), &edit);
        for score in scores() {
            let evaluator = case.evaluator(score);
            let items = indices(&evaluator);
            assert_eq!(evaluate(&evaluator, &same, &items), evaluate(&evaluator, &case.model, &items), "{}", case.name);
        }
    }
}

#[test]
fn whitened_edits_use_the_inputs_on_the_prompts_of_the_tasks() {
    let case = Case::new("llama-bytes");
    let model = &case.model;
    let id = WeightId::new(1, WeightKind::Down);
    let edit = Edit::parse("L1.down_proj@whitened(0.2)", model.config()).expect("edit");
    let truncation = Truncation::new(SvdMethod::Exact, None, 1);
    assert!(matches!(truncation.apply(model, &edit), Err(Error::Uncalibrated { .. })));

    let evaluator = case.evaluator(Score::TOP1);
    let items: Vec<usize> = (0..evaluator.items().len()).collect();
    let measured = |score: Score, threads: usize| {
        let evaluator = case.evaluator(score);
        measure_activations(model, &evaluator, &items, &[id], context(threads)).expect("measures")
    };
    let logits = |activations: Activations| {
        let truncation = truncation.clone().with_activations(std::sync::Arc::new(activations));
        let (edited, records) = truncation.apply(model, &edit).expect("applies");
        assert_eq!(records[0].rank, Some(model.config().max_rank(id) / 5));
        edited.trace(&[1, 2, 3]).expect("trace").logits.flatten_all().expect("flat").to_vec1::<f32>().expect("numbers")
    };
    let once = measured(Score::TOP1, 1);
    let tokens: usize = evaluator
        .items()
        .iter()
        .map(|item| case.tokenizer.encode_pair(&item.prompt, &format!(" {}", item.target())).expect("encodes").0.len())
        .sum();
    assert_eq!(once.inputs(id).expect("measured").weight(), tokens as f64, "every prompt counts in full");
    let edited = logits(once);
    // Neither the number of threads nor the score matters: only prompts are measured.
    assert_eq!(logits(measured(Score::TOP1, 3)), edited);
    assert_eq!(logits(measured(Score::GENERATE, 2)), edited);
    assert!(measure_activations(model, &evaluator, &[], &[id], context(1)).is_err());
}
