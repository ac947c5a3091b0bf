//! Continuations of variants side by side against the continuations of each edit by itself, token by token.

use std::path::Path;

use candle_core::{DType, Device};
use laser_linalg::RankRule;

use crate::edit::Edit;
use crate::edit::reduction::Reduction;
use crate::edit::truncation::{SvdMethod, Truncation};
use crate::evaluate::Evaluator;
use crate::evaluate::base_states::BaseStates;
use crate::evaluate::batch::Batch;
use crate::evaluate::scorer::{Detail, Scorer};
use laser_model::Model;
use laser_model::load::ModelFiles;
use laser_model::tokenizer::Tokenizer;
use laser_model::weight_id::{WeightId, WeightKind};
use laser_task::score::{Match, Score};
use laser_task::{Item, Task};

const RANKS: [usize; 4] = [1, 8, 8, 15];
/// Largest difference of two logits whose order rounding may change.
const NEAR_TIE: f32 = 1e-3;

fn tiny() -> (Model, Tokenizer) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/tiny/llama-bytes");
    let files = ModelFiles::open(&folder).expect("a golden");
    (files.load(&Device::Cpu, DType::F32, 1).expect("weights"), files.tokenizer().expect("tokenizer"))
}

/// Prompts with common prefixes. Each answer is the third token of the model's continuation, so that texts are complete
/// early.
fn task(model: &Model, tokenizer: &Tokenizer) -> Task {
    let item = |i: usize| {
        let prompt = format!("{}{}", ["the heron ", "the rain in ", "a stone"][i % 3], &"winter tide"[..1 + i / 3]);
        let tokens = tokenizer.encode(&prompt, true).expect("encode");
        let third = tokenizer.decode(&model.greedy(&tokens, 3).expect("greedy")[2..]).expect("decode");
        let answer = if third.trim().is_empty() || third.contains('\u{fffd}') { "he".to_owned() } else { third };
        let id = i.to_string();
        Item { group: id.clone(), id, prompt, answers: vec![answer], ..Item::default() }
    };
    let items = (0..18).map(item).collect();
    Task::new("tiny".into(), items, Score::GENERATE).expect("items")
}

/// Whether rounding may change the most likely token after `tokens`.
fn near_tie(model: &Model, tokens: &[u32]) -> bool {
    let logits = model.next_token_logits(&[tokens], 1).expect("logits").to_vec2::<f32>().expect("values");
    let mut row = logits[0].clone();
    row.sort_by(f32::total_cmp);
    row[row.len() - 1] - row[row.len() - 2] < NEAR_TIE
}

fn variants(model: &Model, truncation: &Truncation, id: WeightId, ranks: &[usize]) -> Model {
    let reductions: Vec<_> = ranks.iter().map(|rank| Reduction::Leading(RankRule::Absolute(*rank))).collect();
    model.with_overlay(truncation.variants(model, id, &reductions).expect("variants").into_iter().collect())
}

fn base(model: &Model, scorer: &Scorer<'_>, batch: &Batch, layer: usize) -> BaseStates {
    let texts = scorer.run(model, batch, None).expect("run").remove(0).into_iter().map(|s| s.continuation);
    let mut base = BaseStates::new(model, batch, texts.collect(), scorer.score).expect("base");
    base.enter(model, batch).expect("enter");
    for _ in 0..layer {
        base.advance();
        base.enter(model, batch).expect("enter");
    }
    base
}

/// Counts of continuations by their relation to the unedited model's.
#[derive(Default)]
struct Counts {
    same: usize,
    /// Equal at first, then different.
    diverging: usize,
    /// Complete before the largest number of tokens.
    shorter: usize,
}

#[test]
fn continuations_of_variants_equal_those_of_single_edits() {
    let (model, tokenizer) = tiny();
    let truncation = Truncation::new(SvdMethod::Exact, None, 1);
    let task = task(&model, &tokenizer);
    let mut counts = Counts::default();
    for matching in [Match::Continuation, Match::PromptContinuation, Match::Word, Match::Exact] {
        for max_tokens in [1, 2, 7] {
            let score = Score::Generate { max_tokens, matching };
            let evaluator = Evaluator::new(&[(&task, score)], &tokenizer, model.config()).expect("encodes");
            let indices: Vec<usize> = (0..task.items.len()).collect();
            for batch in evaluator.batches(&indices, |_| 60) {
                // Also with an end token that appears in the texts: the fourth token of the first.
                let unended = evaluator.scorer(&batch, Detail::Full).run(&model, &batch, None).expect("run").remove(0);
                let ends: Vec<u32> = unended[0].continuation.get(3).copied().into_iter().collect();
                for eos in [&[][..], &ends] {
                    let scorer = Scorer { eos, ..evaluator.scorer(&batch, Detail::Score) };
                    for layer in 0..model.config().n_layers {
                        let base = base(&model, &scorer, &batch, layer);
                        for id in model.config().stored(layer) {
                            let edited = variants(&model, &truncation, id, &RANKS);
                            let side_by_side =
                                scorer.run(&edited, &batch, Some((&base, id.block_entry()))).expect("variants");
                            for (rank, texts) in RANKS.into_iter().zip(side_by_side) {
                                let edit = Edit::single(id, Reduction::Leading(RankRule::Absolute(rank)));
                                let alone = truncation.apply(&model, &edit).expect("apply").0;
                                let expected = scorer.run(&alone, &batch, None).expect("alone").remove(0);
                                for (i, (a, b)) in texts.iter().zip(&expected).enumerate() {
                                    let (a, b) = (&a.continuation, &b.continuation);
                                    let prompt =
                                        &evaluator.scorer(&batch, Detail::Score).encoded[batch.items[i].index].prompt;
                                    let shared = a.iter().zip(b).take_while(|(a, b)| a == b).count();
                                    let until = [prompt, &b[..shared]].concat();
                                    assert!(a == b || near_tie(&alone, &until), "{id}@r{rank}: {a:?}, {b:?}");
                                    let known = base.continuation(i);
                                    counts.same += usize::from(a == known);
                                    counts.diverging += usize::from(a != known && a.first() == known.first());
                                    counts.shorter += usize::from(a.len() < max_tokens);
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    let Counts { same, diverging, shorter } = counts;
    assert!(same > 50 && diverging > 50 && shorter > 50, "too few cases: {same}, {diverging}, {shorter}");
}

#[test]
fn equal_variants_share_the_layers_below_their_matrix() {
    let (model, tokenizer) = tiny();
    let truncation = Truncation::new(SvdMethod::Exact, None, 1);
    let task = task(&model, &tokenizer);
    let evaluator = Evaluator::new(&[(&task, Score::GENERATE)], &tokenizer, model.config()).expect("encodes");
    let batch = evaluator.batches(&[0, 1, 2], |_| 60).remove(0);
    let scorer = evaluator.scorer(&batch, Detail::Full);
    let id = WeightId::new(1, WeightKind::Q);
    let base = base(&model, &scorer, &batch, id.layer);
    let work = |ranks: &[usize]| {
        let before = model.work();
        let texts = scorer.run(&variants(&model, &truncation, id, ranks), &batch, Some((&base, id.block_entry())));
        let texts: Vec<_> = texts.expect("variants").into_iter().flatten().map(|s| s.continuation).collect();
        (model.work().since(before).row_layers, texts)
    };
    let ((one, text), (three, texts)) = (work(&[2]), work(&[2; 3]));
    assert_eq!(texts, [&text[..]; 3].concat());
    assert!((0..text.len()).any(|i| text[i] != *base.continuation(i)), "some text needs rows below the matrix");
    assert!(three < 3 * one, "{three} row-layers for three, {one} for one");
}
