//! Covariances against those of each prompt run by itself, and the effect of whitening on the outputs.

use laser_linalg::Matrix;

use super::*;
use crate::edit::Edit;
use crate::edit::edited_matrix::EditedMatrix;
use crate::edit::truncation::{SvdMethod, Truncation};
use crate::evaluate::batch::{Packing, plan};
use crate::evaluate::encode::EncodedItem;
use laser_kernels::batch_layout::BatchLayout;
use laser_model::load::ModelFiles;
use laser_model::parallel::Unobserved;
use laser_model::weight_id::WeightKind;

/// Prompts with common prefixes; one is a prefix of another.
const PROMPTS: [&[u32]; 5] = [&[1, 2, 3, 4], &[1, 2, 7], &[9, 8, 7, 6, 5], &[1, 2, 3], &[1, 2, 3, 4]];

fn model() -> Model {
    let goldens = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/tiny");
    let files = ModelFiles::open(&goldens.join("llama-gqa-untied")).expect("a golden");
    files.load(&Device::Cpu, DType::F32, 1).expect("loads")
}

fn batches(rows: usize) -> Vec<Batch> {
    let encode = |prompt: &&[u32]| EncodedItem {
        prompt: prompt.to_vec(),
        prediction_positions: vec![prompt.len() - 1],
        ..EncodedItem::default()
    };
    let encoded: Vec<EncodedItem> = PROMPTS.iter().map(encode).collect();
    plan(&encoded, &[0, 1, 2, 3, 4], Packing { target_rows: rows, alone_beyond: None, causal: true })
}

fn measure(model: &Model, rows: usize, matrices: &[WeightId], threads: usize) -> Result<Activations> {
    let context = RunContext { threads, stage: "activations", observer: &Unobserved };
    measure_batches(model, &batches(rows), matrices, context)
}

fn all(model: &Model) -> Vec<WeightId> {
    (0..model.config().n_layers).flat_map(|layer| model.config().stored(layer)).collect()
}

fn rows_of(x: &Tensor) -> Vec<Vec<f64>> {
    let rows: Vec<Vec<f32>> = x.to_vec2().expect("rows of numbers");
    rows.into_iter().map(|row| row.into_iter().map(f64::from).collect()).collect()
}

/// Σ xᵢ·xⱼ over rows / number of rows.
fn moments(rows: &[Vec<f64>]) -> impl Fn(usize, usize) -> f64 + '_ {
    move |i, j| rows.iter().map(|x| x[i] * x[j]).sum::<f64>() / rows.len() as f64
}

fn check(name: &str, size: usize, found: impl Fn(usize, usize) -> f64, expected: impl Fn(usize, usize) -> f64) {
    let largest = (0..size).map(|i| expected(i, i)).fold(0.0, f64::max);
    for i in 0..size {
        for j in 0..size {
            let difference = (found(i, j) - expected(i, j)).abs();
            assert!(difference <= 1e-5 * largest, "{name} ({i}, {j}): {difference:e} of {largest:e}");
        }
    }
}

#[test]
fn covariances_equal_those_of_every_prompt_by_itself() {
    let model = model();
    let measured = measure(&model, 4, &all(&model), 1).expect("measures");
    let mut streams: Vec<(BatchLayout, Tensor)> = Vec::new();
    for prompt in PROMPTS {
        let mut rows = BatchLayout::default();
        rows.push(prompt, 0, vec![]);
        let x = ForwardPass::new(&model, &rows, &mut no_cache(&model), false).expect("pass").embed().expect("embeds");
        streams.push((rows, x));
    }
    let norm = |row: &[f64], weight: &[f32]| -> Vec<f64> {
        let mean = row.iter().map(|x| x * x).sum::<f64>() / row.len() as f64;
        let scale = (mean + model.config().norm_eps).sqrt();
        row.iter().zip(weight).map(|(x, w)| x / scale * f64::from(*w)).collect()
    };
    for layer in 0..model.config().n_layers {
        let weights = &model.weights().layers[layer];
        let [attention_norm, mlp_norm] = [&weights.attention_norm, &weights.mlp_norm]
            .map(|norm| norm.as_ref().expect("Llama has both").weight.to_vec1::<f32>().expect("a vector"));
        let [mut attention, mut added, mut mlp, mut hidden] = [const { Vec::new() }; 4];
        for (rows, x) in &mut streams {
            let mut cache = no_cache(&model);
            let mut pass = ForwardPass::new(&model, rows, &mut cache, false).expect("pass");
            let states = pass.block(layer, x).expect("block");
            attention.extend(rows_of(x).iter().map(|row| norm(row, &attention_norm)));
            added.extend(rows_of(&(&states.mid - &*x).expect("one shape")));
            mlp.extend(rows_of(&states.mid).iter().map(|row| norm(row, &mlp_norm)));
            hidden.extend(rows_of(&states.hidden.expect("no experts")));
            *x = states.out;
        }
        assert_eq!(attention.len(), 19, "all tokens of all prompts");
        let c = |kind| measured.inputs(WeightId::new(layer, kind)).expect("measured");
        for (kind, rows) in [
            (WeightKind::Q, &attention),
            (WeightKind::K, &attention),
            (WeightKind::V, &attention),
            (WeightKind::Gate, &mlp),
            (WeightKind::Up, &mlp),
            (WeightKind::Down, &hidden),
        ] {
            assert_eq!((c(kind).weight(), c(kind).size()), (19.0, rows[0].len()));
            check(kind.name(), rows[0].len(), |i, j| c(kind).get(i, j), moments(rows));
        }
        // The input of o is not a state that `block` returns, so it is compared through o, in what it adds to the stream.
        let o: Matrix = model.matrix(WeightId::new(layer, WeightKind::O)).expect("o");
        let c = c(WeightKind::O);
        let through = |i: usize, j: usize| {
            let pairs = (0..o.cols()).flat_map(|a| (0..o.cols()).map(move |b| (a, b)));
            pairs.map(|(a, b)| f64::from(o.row(i)[a]) * c.get(a, b) * f64::from(o.row(j)[b])).sum::<f64>()
        };
        check("o_proj", o.rows(), through, moments(&added));
    }
}

#[test]
fn threads_change_no_bit_and_only_inputs_of_the_given_matrices_are_measured() {
    let model = model();
    let ids = [WeightId::new(1, WeightKind::Down), WeightId::new(0, WeightKind::K)];
    let [one, four] = [1, 4].map(|threads| measure(&model, 3, &ids, threads).expect("measures"));
    assert_eq!(one.len(), 2);
    for id in ids {
        let [a, b] = [&one, &four].map(|activations| activations.inputs(id).expect("measured"));
        for i in 0..a.size() {
            assert!((0..a.size()).all(|j| a.get(i, j).to_bits() == b.get(i, j).to_bits()));
        }
    }
    // q and v share the input of k.
    assert!(one.inputs(WeightId::new(0, WeightKind::V)).is_some());
    assert!(one.inputs(WeightId::new(0, WeightKind::O)).is_none());
    assert!(one.inputs(WeightId::new(1, WeightKind::V)).is_none());
    let beyond = [WeightId::new(99, WeightKind::Q)];
    assert!(measure(&model, 3, &beyond, 1).is_err());
}

#[test]
fn whitened_matrices_have_better_outputs_than_plain_ones_of_the_same_rank() {
    let model = model();
    let measured = measure(&model, 4, &all(&model), 1).expect("measures");
    let measured = std::sync::Arc::new(measured);
    let truncation = Truncation::new(SvdMethod::Exact, None, 1).with_activations(measured.clone());
    let reduced = |id, text: &str| {
        let edit = Edit::parse(&format!("{id}@{text}"), model.config()).expect("edit");
        let (_, reduction) = edit.reductions().next().expect("one matrix");
        let EditedMatrix { matrix, record, .. } = truncation.reduced(&model, id, reduction).expect("reduces");
        (matrix.expect("not everything is kept"), record)
    };
    for id in all(&model) {
        let (w, c) = (model.matrix(id).expect("a matrix"), measured.inputs(id).expect("measured"));
        // tr((W − Ŵ)·C·(W − Ŵ)ᵀ), the mean squared change of the outputs.
        let change = |other: &Matrix| {
            let at = |i: usize, j: usize| f64::from(w.row(i)[j]) - f64::from(other.row(i)[j]);
            let row = |i: usize| {
                let pairs = (0..w.cols()).flat_map(|a| (0..w.cols()).map(move |b| (a, b)));
                pairs.map(|(a, b)| at(i, a) * c.get(a, b) * at(i, b)).sum::<f64>()
            };
            (0..w.rows()).map(row).sum::<f64>()
        };
        let ((whitened, record), (plain, _)) = (reduced(id, "whitened(0.3)"), reduced(id, "0.3"));
        let (found, bound) = (change(&whitened), change(&plain));
        assert!(found < bound * 0.99, "{id}: {found}, plain {bound}");
        assert_eq!(record.rank, Some(3 * record.max_rank / 10));
    }
}
