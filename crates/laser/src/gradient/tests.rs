//! Sensitivities against finite differences of losses that are computed item by item from all logits.

use std::path::Path;

use candle_core::{DType, Device};

use super::*;
use crate::edit::stored_matrices::{device_weight, stored_matrices};
use crate::edit::truncation::SvdMethod;
use crate::evaluate::batch::{Packing, plan_unshared};
use crate::evaluate::encode::{CandidateTokens, EncodedItem};
use laser_model::Replacement;
use laser_model::load::ModelFiles;
use laser_model::parallel::Unobserved;
use laser_model::weight_id::{MatrixPart, WeightKind};
use laser_task::score::{LengthNormalization, Score, Ties};

fn model(name: &str) -> Model {
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens");
    let folder = ["tiny", "families"].map(|folder| goldens.join(folder).join(name));
    let folder = folder.into_iter().find(|folder| folder.exists()).unwrap_or_else(|| panic!("no golden {name}"));
    let files = ModelFiles::open(&folder).unwrap_or_else(|e| panic!("{name}: {e}"));
    files.load(&Device::Cpu, DType::F32, 1).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn packing(target_rows: usize) -> Packing {
    Packing { target_rows, alone_beyond: None, causal: true }
}

/// Makes items of unequal lengths. Some have common prefixes, and so have the candidates of one item.
fn items(score: Score, loss: Loss) -> LossItems {
    let token = |seed: usize| u32::try_from(5 + (seed * seed * 31 + seed * 7) % 90).expect("small");
    let divides = matches!(score, Score::Choice { length: LengthNormalization::PerByte, .. });
    let item = |j: usize| {
        let prompt: Vec<u32> = (0..2 + (j * 5) % 9).map(|t| token(t + j / 2)).collect();
        let answer = |c: usize| (0..1 + (j + c) % 3).map(|t| token(40 + j + t * (c + 1))).collect::<Vec<u32>>();
        if score.is_perplexity() {
            // A window: no prompt, one candidate.
            let candidates = vec![CandidateTokens::after(prompt, &answer(0))];
            return EncodedItem { candidates, length_divisors: vec![1.0], ..EncodedItem::default() };
        }
        EncodedItem {
            prediction_positions: vec![prompt.len() - 1],
            candidates: (0..3).map(|c| CandidateTokens::after(prompt.clone(), &answer(c))).collect(),
            length_divisors: if divides { vec![3.0, 4.0, 5.0] } else { vec![1.0; 3] },
            gold: j % 3,
            prompt,
            ..EncodedItem::default()
        }
    };
    let encoded: Vec<EncodedItem> = (0..9).map(|j| loss.required_part(&item(j), score)).collect();
    let batches = plan_unshared(&encoded, packing(20));
    assert!(batches.len() > 2, "several batches");
    let scores = vec![score; encoded.len()];
    LossItems { encoded, batches, scores, loss }
}

/// `ln softmax` of the logits at each token of a sequence, `[tokens][vocab]`.
fn log_softmax(model: &Model, tokens: &[u32]) -> Vec<Vec<f64>> {
    let logits = model.trace(tokens).expect("trace").logits.to_vec2::<f32>().expect("logits");
    let normalise = |row: Vec<f32>| {
        let partition = row.iter().map(|v| f64::from(*v).exp()).sum::<f64>().ln();
        row.iter().map(|v| f64::from(*v) - partition).collect()
    };
    logits.into_iter().map(normalise).collect()
}

/// The loss of one item by its definition.
fn naive_loss(model: &Model, items: &LossItems, item: &EncodedItem) -> f64 {
    // For each scored token of a candidate, the log-probabilities of all tokens, and the token.
    let rows = |candidate: &CandidateTokens| -> Vec<(Vec<f64>, u32)> {
        let all = log_softmax(model, &candidate.inputs);
        candidate.scored_tokens.iter().map(|(at, token)| (all[*at].clone(), *token)).collect()
    };
    let likelihood = |candidate: &CandidateTokens| rows(candidate).iter().map(|(row, t)| row[*t as usize]).sum::<f64>();
    let gold = &item.candidates[item.gold];
    match (items.loss, items.scores[0]) {
        (Loss::LogLoss, _) => -likelihood(gold),
        (Loss::Margin, Score::Choice { .. }) => {
            let unit = |c: usize| 1.0 / item.length_divisors[c];
            let scores: Vec<f64> = item.candidates.iter().enumerate().map(|(c, t)| unit(c) * likelihood(t)).collect();
            let rivals = scores.iter().enumerate().filter(|(c, _)| *c != item.gold).map(|(_, s)| *s);
            rivals.fold(f64::MIN, f64::max) - scores[item.gold]
        }
        (Loss::Margin, _) => {
            let margin = |(row, token): &(Vec<f64>, u32)| {
                let others = row.iter().enumerate().filter(|(t, _)| *t != *token as usize).map(|(_, v)| *v);
                row[*token as usize] - others.fold(f64::MIN, f64::max)
            };
            -rows(gold).iter().map(margin).fold(f64::MAX, f64::min)
        }
    }
}

/// The model with `W + step·uᵢvᵢᵀ` in place of a matrix W.
fn nudged(model: &Model, id: WeightId, i: usize, step: f32) -> Model {
    let w = model.matrix(id).expect("matrix");
    let svd = Truncation::new(SvdMethod::Exact, None, 1).svd(id, &w).expect("svd");
    let (rows, cols, k) = (w.rows(), w.cols(), svd.s.len());
    let mut values = w.into_data();
    for (r, row) in values.chunks_exact_mut(cols).enumerate() {
        for (value, v) in row.iter_mut().zip(svd.vt.row(i)) {
            *value += step * svd.u.data()[r * k + i] * v;
        }
    }
    let nudged = laser_linalg::Matrix::new(rows, cols, values).expect("finite");
    let stored = stored_matrices(model, id, &nudged, |id| Ok(model.matrix(id)?)).expect("the model has the matrix");
    let dense = |(id, matrix)| (id, Replacement::Dense(device_weight(matrix, model).expect("a weight")));
    model.with_overlay(stored.into_iter().map(dense).collect())
}

fn all(model: &Model) -> Vec<WeightId> {
    (0..model.config().n_layers).flat_map(|layer| model.config().stored(layer)).collect()
}

/// Matrices of layer 1 that consist of several stored matrices or are part of one.
fn parts(model: &Model) -> Vec<WeightId> {
    let of = |kind| [MatrixPart::Whole, MatrixPart::Group(0)].map(|part| WeightId { layer: 1, part, kind });
    use WeightKind::{GateUp, K, KeyB, KeyValueB, O, Q, Qkv, QueryB};
    let ids = [Q, K, O, Qkv, GateUp, QueryB, KeyB, KeyValueB].map(of).into_iter();
    ids.flatten().filter(|id| model.config().pieces(*id).is_some()).collect()
}

fn run(model: &Model, items: &LossItems, ids: &[WeightId], threads: usize) -> BTreeMap<WeightId, Sensitivity> {
    let truncation = Truncation::new(SvdMethod::Exact, None, 1);
    let context = RunContext { threads, stage: "gradient", observer: &Unobserved };
    differentiate(model, items, &(0..items.batches.len()).collect::<Vec<_>>(), ids, &truncation, context)
        .expect("differentiate")
}

#[test]
fn effects_equal_finite_differences_of_every_items_loss() {
    let choice = |length| Score::Choice { length, ties: Ties::Wrong };
    let cases = [
        ("llama-bytes", Score::TOP1, Loss::LogLoss),
        ("mistral-window", Score::GREEDY, Loss::LogLoss),
        ("qwen2-bias", choice(LengthNormalization::Sum), Loss::LogLoss),
        ("llama-gqa-untied", Score::TOP1, Loss::Margin),
        ("llama-tied", choice(LengthNormalization::Sum), Loss::Margin),
        ("qwen2-bias", choice(LengthNormalization::PerByte), Loss::Margin),
        ("llama-bytes", Score::PERPLEXITY, Loss::LogLoss),
        ("apertus", Score::GREEDY, Loss::LogLoss),
        ("bloom-prefix", Score::GREEDY, Loss::LogLoss),
        ("deepseek_v2", Score::GREEDY, Loss::LogLoss),
        ("deepseek_v3", Score::GREEDY, Loss::LogLoss),
        ("falcon-alibi", Score::GREEDY, Loss::LogLoss),
        ("gemma2", Score::GREEDY, Loss::LogLoss),
        ("gemma3_text", Score::GREEDY, Loss::LogLoss),
        ("glm4_moe", Score::GREEDY, Loss::LogLoss),
        ("granite", Score::GREEDY, Loss::LogLoss),
        ("hunyuan_v1_dense", Score::GREEDY, Loss::LogLoss),
        ("lfm2", Score::GREEDY, Loss::LogLoss),
        ("lfm2-biases", choice(LengthNormalization::Sum), Loss::Margin),
        ("ministral3", Score::GREEDY, Loss::LogLoss),
        ("modernbert", Score::GREEDY, Loss::LogLoss),
        ("olmo", Score::GREEDY, Loss::LogLoss),
        ("olmo2", Score::GREEDY, Loss::LogLoss),
        ("phi3", Score::GREEDY, Loss::LogLoss),
        ("qwen2_moe-sparse", Score::GREEDY, Loss::LogLoss),
        ("stablelm-parallel", Score::GREEDY, Loss::LogLoss),
    ];
    for (name, score, loss) in cases {
        let (model, mut items) = (model(name), items(score, loss));
        if !model.config().attention.causal {
            // A prefix of a longer sequence has other states then.
            items.batches = plan_unshared(&items.encoded, Packing { causal: false, ..packing(20) });
        }
        let found = run(&model, &items, &[all(&model), parts(&model)].concat(), 1);
        for (n, (id, sensitivity)) in found.iter().enumerate() {
            for (at, item) in items.encoded.iter().enumerate() {
                let expected = naive_loss(&model, &items, item);
                let loss = sensitivity.losses[at];
                assert!((loss - expected).abs() < 1e-4, "{name}: {id}: loss of item {at}: {loss}, not {expected}");
            }
            let i = (n * 5) % sensitivity.sigma.len();
            const STEP: f32 = 2e-3;
            let (up, down) = (nudged(&model, *id, i, STEP), nudged(&model, *id, i, -STEP));
            for (at, item) in items.encoded.iter().enumerate() {
                let difference = naive_loss(&up, &items, item) - naive_loss(&down, &items, item);
                let slope = difference / (2.0 * f64::from(STEP));
                let found = f64::from(sensitivity.effects(at)[i]) / sensitivity.sigma[i];
                let close = (found - slope).abs() < 5e-3 + 5e-3 * slope.abs();
                assert!(close, "{name}: {loss:?} of item {at} along component {i} of {id}: {found}, not {slope}");
            }
        }
    }
}

#[test]
fn results_do_not_depend_on_threads_batches_and_the_other_matrices() {
    let (model, mut items) = (model("llama-bytes"), items(Score::TOP1, Loss::LogLoss));
    let ids = all(&model);
    let one = run(&model, &items, &ids, 1);
    assert_eq!(one.len(), ids.len());
    assert_eq!(one, run(&model, &items, &ids, 2));
    assert_eq!(one[&ids[9]], run(&model, &items, &ids[9..10], 2)[&ids[9]]);
    items.batches = plan_unshared(&items.encoded, packing(1));
    for (id, alone) in run(&model, &items, &ids, 1) {
        let together = &one[&id];
        assert_eq!(alone.effects.len(), together.effects.len());
        for (a, b) in alone.effects.iter().zip(&together.effects) {
            assert!((a - b).abs() < 1e-4, "{id}: {a} alone, {b} together");
        }
    }
}

#[test]
fn effects_of_the_items_sum_to_the_gradient_of_the_summed_loss() {
    let (model, items) = (model("qwen2-bias"), items(Score::GREEDY, Loss::LogLoss));
    let id = WeightId::new(0, WeightKind::O);
    let sensitivity = &run(&model, &items, &[id], 1)[&id];
    let total = |model: &Model| items.encoded.iter().map(|item| naive_loss(model, &items, item)).sum::<f64>();
    for i in [0, 3] {
        const STEP: f32 = 2e-3;
        let slope =
            (total(&nudged(&model, id, i, STEP)) - total(&nudged(&model, id, i, -STEP))) / (2.0 * f64::from(STEP));
        let effects = (0..items.encoded.len()).map(|j| f64::from(sensitivity.effects(j)[i])).sum::<f64>();
        let found = effects / sensitivity.sigma[i];
        assert!((found - slope).abs() < 1e-2 + 5e-3 * slope.abs(), "component {i}: {found}, not {slope}");
    }
}
