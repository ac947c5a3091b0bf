//! The inputs of matrices on items of a task: prompts in, one covariance a distinct input out.

use std::collections::{BTreeMap, BTreeSet};

use candle_core::{DType, Device, Tensor};
use laser_linalg::{Covariance, MatrixView};

use crate::error::{Error, Result};
use crate::evaluate::Evaluator;
use crate::evaluate::batch::Batch;
use laser_kernels::batch_layout::KvCache;
use laser_kernels::with_values;
use laser_model::Model;
use laser_model::forward::ForwardPass;
use laser_model::forward::inputs::BlockInputs;
use laser_model::parallel::{Observer, map};
use laser_model::weight_id::{MatrixPart, WeightId, WeightKind};

/// Rows of one pass, as in an evaluation.
const PASS_ROWS: usize = 512;

/// What is put into the matrices of a block; several share an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Input {
    /// Of q, k and v.
    Attention,
    /// Of o.
    Output,
    /// Of gate and up.
    Mlp,
    /// Of down.
    Hidden,
}

impl Input {
    /// What a matrix reads; `None` where only some tokens reach it, or only some of its columns are meant.
    fn of(id: WeightId) -> Option<Self> {
        use WeightKind::{Down, Gate, GateUp, K, O, Q, Qkv, Router, SharedGate, SharedUp, Up, V};
        match (id.kind, id.part) {
            (Q | K | V | Qkv, _) => Some(Self::Attention),
            (O, MatrixPart::Whole) => Some(Self::Output),
            (Gate | Up | GateUp | Router | SharedGate | SharedUp, MatrixPart::Whole) => Some(Self::Mlp),
            (Down, MatrixPart::Whole) => Some(Self::Hidden),
            _ => None,
        }
    }

    fn pick(self, block: &BlockInputs) -> Option<&Tensor> {
        match self {
            Self::Attention => Some(&block.attention),
            Self::Output => Some(&block.output),
            Self::Mlp => Some(&block.mlp),
            Self::Hidden => block.hidden.as_ref(),
        }
    }
}

/// C = XᵀX/N of the inputs of matrices, over all tokens of the prompts of some items.
///
/// Answers and choices are left out, so that calibration sees no solution. A token that several prompts share is
/// computed once and counted for each.
#[derive(Debug)]
pub struct Activations {
    inputs: BTreeMap<(usize, Input), Covariance>,
}

impl Activations {
    /// Measures the inputs of `matrices` on `items` of an exam in one walk up the layers.
    ///
    /// Memory: the residual stream of all prompts, and n² numbers of 8 bytes for each distinct input of n values. The
    /// result is the same for any `threads`.
    ///
    /// # Errors
    /// No items, a matrix the model does not have, values that are not finite.
    pub fn measure(
        model: &Model,
        exam: &Evaluator<'_>,
        items: &[usize],
        matrices: &[WeightId],
        threads: usize,
        observer: &dyn Observer,
    ) -> Result<Self> {
        if items.is_empty() {
            return Err(Error::setting("items", "expected at least one to measure activations on, found none"));
        }
        Self::over(model, &exam.prompt_batches(items, PASS_ROWS), matrices, threads, observer)
    }

    /// The same over batches of prompts.
    fn over(
        model: &Model,
        batches: &[Batch],
        matrices: &[WeightId],
        threads: usize,
        observer: &dyn Observer,
    ) -> Result<Self> {
        let mut asked: BTreeMap<usize, BTreeSet<Input>> = BTreeMap::new();
        for id in matrices {
            model.pieces(*id)?;
            let input = Input::of(*id).ok_or_else(|| {
                let problem = "the inputs of one expert's matrices, or of some columns, are not measured".into();
                Error::Edit { edit: id.to_string(), problem }
            })?;
            asked.entry(id.layer).or_default().insert(input);
        }
        let mut inputs = BTreeMap::new();
        let Some(&last) = asked.keys().next_back() else { return Ok(Self { inputs }) };
        let model = &model.with_threads(1);
        let weights: Vec<Vec<f64>> = batches.iter().map(occurrences).collect();
        let embed = |batch: &Batch| ForwardPass::new(model, &batch.rows, &mut no_cache(model), false)?.embed();
        let mut streams = map(batches.iter().collect(), threads, observer, embed)?; // of each batch, [rows, d_model]
        for layer in 0..=last {
            let here = asked.remove(&layer).unwrap_or_default();
            // As many batches as threads at a time: more would only hold more of the wide inputs.
            for first in (0..batches.len()).step_by(threads.max(1)) {
                let group: Vec<usize> = (first..batches.len().min(first + threads.max(1))).collect();
                let run = |b: usize| {
                    let mut cache = no_cache(model);
                    let mut pass = ForwardPass::new(model, &batches[b].rows, &mut cache, false)?.forgetting();
                    pass.block_inputs(layer, &streams[b])
                };
                let blocks = map(group.clone(), threads, observer, run)?;
                for (b, block) in group.into_iter().zip(blocks) {
                    for &input in &here {
                        let Some(x) = input.pick(&block) else { continue };
                        let x = x.to_dtype(DType::F32)?.to_device(&Device::Cpu)?.contiguous()?;
                        let (rows, width) = x.dims2()?;
                        let sum = inputs.entry((layer, input)).or_insert_with(|| Covariance::new(width));
                        with_values(&x, |x| sum.add(MatrixView::new(rows, width, x)?, &weights[b], threads))?.map_err(
                            |source| Error::Linalg { matrix: format!("inputs of layer {layer}: {input:?}"), source },
                        )?;
                    }
                    streams[b] = block.out;
                }
            }
            observer.progress("activations", layer + 1, last + 1);
        }
        Ok(Self { inputs })
    }

    /// The inputs of a matrix, if they were measured.
    pub fn inputs(&self, id: WeightId) -> Option<&Covariance> {
        self.inputs.get(&(id.layer, Input::of(id)?))
    }
}

/// How many prompts of the batch each of its rows is part of.
fn occurrences(batch: &Batch) -> Vec<f64> {
    let mut counts = vec![0.0; batch.rows.len()];
    for range in batch.items.iter().flat_map(|item| &item.prompt) {
        counts[range.clone()].iter_mut().for_each(|count| *count += 1.0);
    }
    counts
}

fn no_cache(model: &Model) -> KvCache {
    KvCache::new(model.config().n_layers)
}

#[cfg(test)]
mod tests {
    use laser_linalg::Matrix;

    use super::*;
    use crate::evaluate::batch::{Packing, plan};
    use crate::evaluate::encode::Encoded;
    use laser_kernels::batch_layout::BatchLayout;
    use laser_model::load::ModelFiles;
    use laser_model::parallel::Unobserved;

    /// Prompts that share beginnings, and one that is another's beginning.
    const PROMPTS: [&[u32]; 5] = [&[1, 2, 3, 4], &[1, 2, 7], &[9, 8, 7, 6, 5], &[1, 2, 3], &[1, 2, 3, 4]];

    fn model() -> Model {
        let goldens = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/tiny");
        let files = ModelFiles::open(&goldens.join("llama-gqa-untied")).expect("a golden");
        files.load(&Device::Cpu, DType::F32, 1).expect("loads")
    }

    fn batches(rows: usize) -> Vec<Batch> {
        let encoded: Vec<Encoded> = PROMPTS
            .iter()
            .map(|prompt| Encoded { prompt: prompt.to_vec(), asked: vec![prompt.len() - 1], ..Encoded::default() })
            .collect();
        plan(&encoded, &[0, 1, 2, 3, 4], Packing { target: rows, alone_beyond: None, causal: true })
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

    /// Against each prompt run on its own, without sharing.
    #[test]
    fn covariances_are_those_of_every_prompt_on_its_own() {
        let model = model();
        let found = Activations::over(&model, &batches(4), &all(&model), 1, &Unobserved).expect("measures");
        let mut streams: Vec<(BatchLayout, Tensor)> = Vec::new();
        for prompt in PROMPTS {
            let mut rows = BatchLayout::default();
            rows.push(prompt, 0, vec![]);
            let x =
                ForwardPass::new(&model, &rows, &mut no_cache(&model), false).expect("pass").embed().expect("embeds");
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
            assert_eq!(attention.len(), 19, "prompts count in full");
            let c = |kind| found.inputs(WeightId::new(layer, kind)).expect("measured");
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
            // The input of o is seen through o: what it adds to the residual stream.
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
    fn threads_change_no_bit_and_only_what_was_asked_is_measured() {
        let model = model();
        let asked = [WeightId::new(1, WeightKind::Down), WeightId::new(0, WeightKind::K)];
        let of = |threads| Activations::over(&model, &batches(3), &asked, threads, &Unobserved).expect("measures");
        let [one, four] = [of(1), of(4)];
        assert_eq!(one.inputs.len(), 2);
        for id in asked {
            let [a, b] = [&one, &four].map(|found| found.inputs(id).expect("measured"));
            for i in 0..a.size() {
                assert!((0..a.size()).all(|j| a.get(i, j).to_bits() == b.get(i, j).to_bits()));
            }
        }
        // q and v share the input of k.
        assert!(one.inputs(WeightId::new(0, WeightKind::V)).is_some());
        assert!(one.inputs(WeightId::new(0, WeightKind::O)).is_none());
        assert!(one.inputs(WeightId::new(1, WeightKind::V)).is_none());
        let beyond = [WeightId::new(99, WeightKind::Q)];
        assert!(Activations::over(&model, &batches(3), &beyond, 1, &Unobserved).is_err());
    }

    #[test]
    fn whitened_matrices_have_better_outputs_than_plain_ones_of_the_same_rank() {
        use crate::edit::Edit;
        use crate::edit::truncation::{SvdMethod, Truncation};
        let model = model();
        let measured = Activations::over(&model, &batches(4), &all(&model), 1, &Unobserved).expect("measures");
        let truncation = Truncation::new(SvdMethod::Exact, None, 1).with_activations(std::sync::Arc::new(measured));
        let reduced = |id, text: &str| {
            let edit = Edit::parse(&format!("{id}@{text}"), model.config()).expect("edit");
            let (_, reduction) = edit.reductions().next().expect("one matrix");
            let (matrix, record) = truncation.reduced(&model, id, reduction).expect("reduces");
            (matrix.expect("not everything is kept"), record)
        };
        for id in all(&model) {
            let (w, c) = (model.matrix(id).expect("a matrix"), truncation.inputs(id).expect("measured"));
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
}
