//! The parameters of a LoRA adapter in training: W + s·B·A with W frozen.
//!
//! Of a recorded matrix with input x and output gradient δ, `h = x·Aᵀ` gives dB = s·δᵀ·h and dA = s·(δ·B)ᵀ·x: no gradient of
//! W is computed.

use std::collections::BTreeMap;
use std::ops::Range;

use candle_core::{DType, Device, Tensor};
use laser::kernels::linear::add_weight_gradient;
use laser::kernels::weight::Weight;
use laser::model::load::FileParameters;
use laser::model::parameters::{ParameterId, ParameterOwner, ParameterSource};
use laser::model::tensor_layout::TensorLayout;
use laser::model::{Model, ModelConfig, ModelFiles, Replacement, Result as ModelResult, WeightId};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::backward::{SliceGradient, differentiate};
use super::slice::Slice;
use super::trainable::Trainable;
use crate::error::{Error, Result};

/// A module of the Hugging Face class with an update of its own; its weight may be several matrices of a block.
#[derive(Debug, Clone)]
pub struct AdaptedModule {
    /// Its path: `model.layers.0.self_attn.q_proj`.
    pub path: String,
    /// Rows and columns of its weight.
    pub shape: [usize; 2],
    /// Whether its files store `[in, out]`.
    pub transposed: bool,
    /// Place of A `[rank, in]` in the values.
    pub a: Range<usize>,
    /// Place of B `[out, rank]` in the values.
    pub b: Range<usize>,
    /// The matrices in it, with the rows of its weight that belong to each.
    matrices: Vec<(WeightId, Vec<usize>)>,
}

/// The parameters of a LoRA adapter, and the frozen model that it adapts.
#[derive(Debug)]
pub struct LowRankParameters {
    base: Model,
    /// The adapted modules, in the order of the forward pass.
    pub modules: Vec<AdaptedModule>,
    /// Module of each adapted matrix, and its position there.
    by_matrix: BTreeMap<WeightId, (usize, usize)>,
    rank: usize,
    scale: f32,
    /// All values: A and B of each module.
    pub values: Vec<f32>,
}

/// A model's parameters as plain tensors, through which gradients can flow.
struct Frozen<'a>(FileParameters<'a>);

impl ParameterSource for Frozen<'_> {
    fn tensor(&self, id: ParameterId, shape: &[usize]) -> ModelResult<Tensor> {
        self.0.tensor(id, shape)
    }
}

impl LowRankParameters {
    /// The parameters of a new adapter of rank `rank` of the matrices `ids`, with the scale `alpha / rank`. A has uniform
    /// values within ±1/√in from `seed`, as PEFT draws them, and B is zero.
    ///
    /// # Errors
    /// A model with experts, no matrices, a rank of nothing, or tensors that cannot be read.
    pub fn new(files: &ModelFiles, ids: &[WeightId], rank: usize, alpha: f64, seed: u64) -> Result<Self> {
        let config = files.config();
        if config.mlp.experts.is_some() {
            let name = config.family.name;
            return Err(Error::setting("model", format!("expected one without experts, found a {name} with experts")));
        }
        if rank == 0 || ids.is_empty() {
            return Err(Error::setting("rank", "expected at least 1, and at least one matrix"));
        }
        let source = Frozen(files.parameters(&Device::Cpu, DType::F32));
        let base = Model::from_parameters(config.clone(), &source, &Device::Cpu, DType::F32)?;
        let (modules, by_matrix) = modules(config, ids, rank);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut values = vec![0.0; modules.last().map_or(0, |module| module.b.end)];
        for module in &modules {
            let bound = 1.0 / (module.shape[1] as f32).sqrt();
            values[module.a.clone()].iter_mut().for_each(|value| *value = rng.random_range(-bound..bound));
        }
        Ok(Self { base, modules, by_matrix, rank, scale: (alpha / rank as f64) as f32, values })
    }

    /// A of a module as a tensor `[rank, in]`.
    fn a(&self, module: &AdaptedModule) -> Result<Tensor> {
        Ok(Tensor::from_slice(&self.values[module.a.clone()], (self.rank, module.shape[1]), &Device::Cpu)?)
    }

    /// The rows of B that belong to one of a module's matrices, as a tensor `[out, rank]`.
    fn b(&self, module: &AdaptedModule, rows: &[usize]) -> Result<Tensor> {
        let all = &self.values[module.b.clone()];
        let picked = rows.iter().flat_map(|row| all[row * self.rank..(row + 1) * self.rank].iter().copied());
        Ok(Tensor::from_vec(picked.collect::<Vec<f32>>(), (rows.len(), self.rank), &Device::Cpu)?)
    }

    /// W + s·B·A of a matrix.
    fn adapted(&self, id: WeightId) -> Result<Tensor> {
        let (module, position) = self.by_matrix[&id];
        let module = &self.modules[module];
        let update = self.b(module, &module.matrices[position].1)?.matmul(&self.a(module)?)?; // [out, in]
        let scaled = (update * f64::from(self.scale))?;
        Ok((self.base.dense(id).weight.to_tensor()? + scaled)?)
    }
}

/// The modules that hold the matrices `ids`, with places for their factors.
fn modules(
    config: &ModelConfig,
    ids: &[WeightId],
    rank: usize,
) -> (Vec<AdaptedModule>, BTreeMap<WeightId, (usize, usize)>) {
    let layout = TensorLayout::of_new_files(config.family.tensor_names);
    let mut modules: Vec<AdaptedModule> = Vec::new();
    let mut by_matrix = BTreeMap::new();
    for id in ids {
        let Some(location) = layout.location(config, *id, |_| false) else { continue };
        let index = modules.iter().position(|module| module.path == location.stem).unwrap_or(modules.len());
        if index == modules.len() {
            let start = modules.last().map_or(0, |module| module.b.end);
            let shape = [location.total_rows(), config.shape(*id)[1]];
            let b = start + rank * shape[1];
            modules.push(AdaptedModule {
                path: location.stem.clone(),
                shape,
                transposed: location.is_transposed(),
                a: start..b,
                b: b..b + shape[0] * rank,
                matrices: Vec::new(),
            });
        }
        by_matrix.insert(*id, (index, modules[index].matrices.len()));
        modules[index].matrices.push((*id, location.rows().to_vec()));
    }
    (modules, by_matrix)
}

impl Trainable for LowRankParameters {
    type Prepared = Model;

    fn values(&self) -> &[f32] {
        &self.values
    }

    fn values_mut(&mut self) -> &mut Vec<f32> {
        &mut self.values
    }

    fn decays(&self) -> Vec<bool> {
        vec![true; self.values.len()]
    }

    fn prepare(&self) -> Result<Model> {
        let ids: Vec<WeightId> = self.by_matrix.keys().copied().collect();
        let replaced = ids
            .into_par_iter()
            .map(|id| Ok((id, Replacement::Dense(Weight::Tensor(self.adapted(id)?)))))
            .collect::<Result<Vec<_>>>()?;
        Ok(self.base.with_replacements(replaced))
    }

    fn gradient(&self, model: &Model, slice: &Slice) -> Result<SliceGradient> {
        let mut gradient = vec![0f32; self.values.len()];
        let (loss, _) = differentiate(model, slice, |tap, delta| {
            let ParameterOwner::Matrix(id) = tap.owner else { return Ok(()) };
            let Some((module, position)) = self.by_matrix.get(&id) else { return Ok(()) };
            let module = &self.modules[*module];
            let rows = &module.matrices[*position].1;
            let (a, b) = (self.a(module)?, self.b(module, rows)?);
            let scaled = (delta.contiguous()? * f64::from(self.scale))?; // s·δ: [rows, out]
            let input = tap.input.contiguous()?; // [rows, in]
            let hidden = input.matmul(&a.t()?)?; // h = x·Aᵀ: [rows, rank]
            let mut of_b = vec![0f32; rows.len() * self.rank];
            add_weight_gradient(&mut of_b, &hidden, &scaled)?;
            let all = &mut gradient[module.b.clone()];
            for (row, of_row) in rows.iter().zip(of_b.chunks_exact(self.rank)) {
                all[row * self.rank..(row + 1) * self.rank].iter_mut().zip(of_row).for_each(|(sum, x)| *sum += x);
            }
            add_weight_gradient(&mut gradient[module.a.clone()], &input, &scaled.matmul(&b)?)?;
            Ok(())
        })?;
        Ok(SliceGradient { loss, gradient })
    }
}
