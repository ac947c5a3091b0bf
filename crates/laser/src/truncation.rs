//! Edits → overlay: decomposes the edited matrices (once each, cached on disk) and builds their replacements.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{Device, Tensor};
use laser_linalg::{Matrix, Method, RankRule, Svd, decompose, randomized_svd, truncate};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::model::{Model, Replacement, Variants, Weight};
use crate::weight::WeightId;

/// How a matrix is decomposed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum SvdMethod {
    /// The exact decomposition: the best approximation of each rank, as the paper defines it.
    #[default]
    Exact,
    /// The range finder of the reference code (no oversampling, 2 power iterations), with a seed.
    ///
    /// Differs from the paper, whose truncation is exact; the reference's is unseeded.
    Randomized {
        /// Seed; each matrix and rank derives its own from it.
        seed: u64,
    },
}

/// Makes replacements for matrices.
#[derive(Debug, Clone)]
pub struct Truncation {
    method: SvdMethod,
    /// Folder of cached decompositions.
    cache: Option<PathBuf>,
    threads: usize,
}

/// An edited matrix, as a report shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TruncationRecord {
    /// `L27.gate_proj`.
    pub matrix: String,
    /// Rank kept.
    pub rank: usize,
    /// Largest rank.
    pub max_rank: usize,
    /// `‖W − Ŵ‖_F / ‖W‖_F` of the exact truncation, from the singular values.
    pub relative_error: f64,
}

impl Truncation {
    /// `cache`: folder to keep decompositions in.
    pub fn new(method: SvdMethod, cache: Option<PathBuf>, threads: usize) -> Self {
        Self { method, cache, threads: threads.max(1) }
    }

    /// How matrices are decomposed.
    pub fn method(&self) -> SvdMethod {
        self.method
    }

    /// The model with an edit applied: dense replacements, one a matrix.
    ///
    /// A rank that keeps everything leaves the matrix alone, so ρ = 1 is the same model to the bit.
    pub fn apply(&self, model: &Model, edit: &Edit) -> Result<(Model, Vec<TruncationRecord>)> {
        let mut overlay = BTreeMap::new();
        let mut records = Vec::new();
        for (id, rule) in edit.rules() {
            let (matrix, record) = self.truncated(model, id, rule)?;
            if let Some(matrix) = matrix {
                overlay.insert(id, Replacement::Dense(on_device(matrix, model)?));
            }
            records.push(record);
        }
        Ok((model.with_overlay(overlay), records))
    }

    /// One matrix truncated; `None` where the rank keeps everything.
    pub fn truncated(
        &self,
        model: &Model,
        id: WeightId,
        rule: &RankRule,
    ) -> Result<(Option<Matrix>, TruncationRecord)> {
        let wrong = |source| Error::Linalg { matrix: id.to_string(), source };
        let w = model.matrix(id)?;
        let max_rank = w.rows().min(w.cols());
        let svd = self.svd(id, &w)?;
        let rank = rule.resolve(w.rows(), w.cols(), Some(&svd.s)).map_err(wrong)?;
        let record = TruncationRecord {
            matrix: id.to_string(),
            rank,
            max_rank,
            relative_error: laser_linalg::LowRank::relative_error(&svd, rank),
        };
        if rank == max_rank {
            return Ok((None, record));
        }
        let low = match self.method {
            SvdMethod::Exact => truncate(&svd, rank),
            SvdMethod::Randomized { seed } => truncate(&self.randomized(id, &w, rank, seed)?, rank),
        };
        Ok((Some(low.materialise(self.threads)), record))
    }

    /// A stack of truncations of one matrix to `ranks` (sorted upwards, all below the largest rank).
    pub(crate) fn variants(&self, model: &Model, id: WeightId, ranks: &[usize]) -> Result<Replacement> {
        let w = model.matrix(id)?;
        let top = ranks.last().copied().unwrap_or(0);
        let low = match self.method {
            SvdMethod::Exact => truncate(&self.svd(id, &w)?, top),
            SvdMethod::Randomized { seed } => truncate(&self.randomized(id, &w, top, seed)?, top),
        };
        let variants = Variants::nested(on_device(low.us, model)?, on_device(low.vt, model)?, ranks.to_vec())?;
        Ok(Replacement::Variants(Arc::new(variants)))
    }

    /// Whether ranks of one matrix share their components, so that one stack of variants serves them all.
    pub(crate) fn nests(&self) -> bool {
        self.method == SvdMethod::Exact
    }

    fn randomized(&self, id: WeightId, w: &Matrix, rank: usize, seed: u64) -> Result<Svd> {
        let digest = Sha256::digest(format!("{seed} {id} {rank}"));
        let seed = u64::from_le_bytes(std::array::from_fn(|i| digest[i]));
        randomized_svd(w.view(), rank, 2, seed).map_err(|source| Error::Linalg { matrix: id.to_string(), source })
    }

    /// The exact decomposition of a matrix, from the cache if it is there.
    pub fn svd(&self, id: WeightId, w: &Matrix) -> Result<Svd> {
        let path = self.cache.as_ref().map(|folder| folder.join(format!("{}.safetensors", content_key(w))));
        if let Some(svd) = path.as_deref().and_then(|path| read_cached(path, w)) {
            return Ok(svd);
        }
        let svd = decompose(w.view(), Method::Auto, self.threads)
            .map_err(|source| Error::Linalg { matrix: id.to_string(), source })?;
        if let Some(path) = path {
            write_cached(&path, &svd)?;
        }
        Ok(svd)
    }
}

/// A matrix as a weight where the model computes, in its element type.
fn on_device(matrix: Matrix, model: &Model) -> Result<Weight> {
    let (rows, cols) = (matrix.rows(), matrix.cols());
    let tensor = Tensor::from_vec(matrix.into_data(), (rows, cols), &Device::Cpu)?;
    Weight::new(tensor.to_device(model.device())?.to_dtype(model.dtype())?)
}

/// Hash of shape, values and the version of the decomposition.
fn content_key(w: &Matrix) -> String {
    let mut hasher = Sha256::new();
    hasher.update(format!("laser svd 1 {}x{} ", w.rows(), w.cols()));
    for chunk in w.data().chunks(4096) {
        let bytes: Vec<u8> = chunk.iter().flat_map(|v| v.to_le_bytes()).collect();
        hasher.update(&bytes);
    }
    hasher.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

/// A cached decomposition; `None` if there is none or it is damaged, which only costs time.
fn read_cached(path: &Path, w: &Matrix) -> Option<Svd> {
    let bytes = std::fs::read(path).ok()?;
    let file = safetensors::SafeTensors::deserialize(&bytes).ok()?;
    let (m, n) = (w.rows(), w.cols());
    let k = m.min(n);
    let matrix = |name: &str, rows: usize, cols: usize| {
        let tensor = file.tensor(name).ok().filter(|t| t.shape() == [rows, cols])?;
        let values = tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        Matrix::new(rows, cols, values).ok()
    };
    let s = file.tensor("s").ok().filter(|t| t.shape() == [k])?;
    let s: Vec<f64> = s.data().chunks_exact(8).map(|b| f64::from_le_bytes(std::array::from_fn(|i| b[i]))).collect();
    Some(Svd { u: matrix("u", m, k)?, s, vt: matrix("vt", k, n)? })
}

fn write_cached(path: &Path, svd: &Svd) -> Result<()> {
    use safetensors::{Dtype, tensor::TensorView};
    let f32_bytes = |m: &Matrix| m.data().iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let (u, vt) = (f32_bytes(&svd.u), f32_bytes(&svd.vt));
    let s: Vec<u8> = svd.s.iter().flat_map(|v| v.to_le_bytes()).collect();
    let view = |dtype, shape: Vec<usize>, bytes| {
        TensorView::new(dtype, shape, bytes).expect("a view fits because its shape comes from its own matrix")
    };
    let views = [
        ("u", view(Dtype::F32, vec![svd.u.rows(), svd.u.cols()], &u)),
        ("s", view(Dtype::F64, vec![svd.s.len()], &s)),
        ("vt", view(Dtype::F32, vec![svd.vt.rows(), svd.vt.cols()], &vt)),
    ];
    let bytes = safetensors::serialize(views, None).map_err(|e| Error::parse(path, e))?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
    }
    Ok(laser_checkpoint::write_atomically(path, &bytes)?)
}
