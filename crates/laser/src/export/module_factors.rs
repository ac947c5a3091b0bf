//! Factors of edited matrices → factors of the tensors that hold them: an edited matrix may be part of a tensor, several
//! may share one, and one may lie in several.

use std::collections::BTreeMap;
use std::ops::Range;

use laser_linalg::{LowRank, Matrix};

use crate::error::{Error, Result};
use laser_model::config::ModelConfig;
use laser_model::tensor_layout::TensorLocation;
use laser_model::weight_id::WeightId;

/// The sum of U·V of all edited matrices in one tensor, as one product B·A in the orientation `[out, in]`.
#[derive(Debug)]
pub(super) struct ModuleFactors {
    /// A stored matrix in the tensor.
    pub(super) stored: WeightId,
    /// Name of the tensor, without `.weight`.
    pub(super) stem: String,
    /// True for a tensor that is stored `[in, out]`.
    pub(super) transposed: bool,
    /// B, `[out, rank]`.
    pub(super) b: Matrix,
    /// A, `[rank, in]`.
    pub(super) a: Matrix,
    /// True for a tensor that is one edited matrix and nothing else.
    pub(super) is_whole: bool,
}

impl ModuleFactors {
    /// Rows of A and columns of B.
    pub(super) fn rank(&self) -> usize {
        self.a.rows()
    }

    /// Shape `[out, in]` of the tensor.
    pub(super) fn shape(&self) -> [usize; 2] {
        [self.b.rows(), self.a.cols()]
    }
}

/// A stored matrix and its location.
type Place = (WeightId, TensorLocation);

/// One edited matrix's part of a tensor.
struct Part {
    /// `[out, rank]`, zero in rows that belong to other matrices.
    b: Vec<f32>,
    /// `[rank, in]`, zero in columns that belong to other matrices.
    a: Vec<f32>,
    rank: usize,
    /// Columns of the tensor that belong to the matrix.
    cols: Range<usize>,
    /// Number of rows of the tensor that belong to it.
    rows: usize,
}

/// Factors of the tensors that `locate` names for stored matrices, from the factors U·V of edited matrices; ordered by
/// name. Matrices of rank 0 contribute nothing.
///
/// # Errors
/// Those of `locate`, and a tensor that has a matrix for each head.
pub(super) fn by_module(
    config: &ModelConfig,
    matrices: &[(WeightId, LowRank)],
    locate: impl Fn(WeightId) -> Result<TensorLocation>,
) -> Result<Vec<ModuleFactors>> {
    let mut modules: BTreeMap<String, (Place, Vec<Part>)> = BTreeMap::new();
    for (id, low) in matrices.iter().filter(|(_, low)| low.rank > 0) {
        // Pieces of one matrix in the same tensor share A.
        let mut own: BTreeMap<String, (Place, Vec<Part>)> = BTreeMap::new();
        let mut first_row = 0; // of U, where the rows of the next piece begin
        for piece in config.pieces(*id).unwrap_or_default() {
            let location = locate(piece.id)?;
            if location.is_by_head() {
                let found = format!("{}, which has a matrix for each head", location.weight_name());
                return Err(Error::setting(
                    "matrix",
                    format!("{id}: expected a tensor with one matrix, found {found}"),
                ));
            }
            let width = config.shape(piece.id)[1];
            let of_tensor = own.entry(location.stem.clone());
            let (_, parts) = of_tensor.or_insert_with(|| ((piece.id, location.clone()), Vec::new()));
            if parts.last().is_none_or(|part| part.cols != piece.cols) {
                parts.push(Part::new(location.total_rows(), width, low, piece.cols.clone()));
            }
            let part = parts.last_mut().expect("one was added if there was none");
            for (row, i) in piece.rows.clone().zip(first_row..) {
                let at = location.rows()[row];
                part.b[at * low.rank..(at + 1) * low.rank].copy_from_slice(low.us.row(i));
            }
            part.rows += piece.rows.len();
            first_row += piece.rows.len();
        }
        for (stem, (place, parts)) in own {
            modules.entry(stem).or_insert_with(|| (place, Vec::new())).1.extend(parts);
        }
    }
    Ok(modules.into_values().map(|(place, parts)| joined(place, &parts)).collect())
}

impl Part {
    /// A part without rows yet, of a tensor with `out` rows and `width` columns.
    fn new(out: usize, width: usize, low: &LowRank, cols: Range<usize>) -> Self {
        let mut a = vec![0.0; low.rank * width];
        for (row, values) in a.chunks_exact_mut(width.max(1)).enumerate() {
            values[cols.clone()].copy_from_slice(low.vt.row(row));
        }
        Self { b: vec![0.0; out * low.rank], a, rank: low.rank, cols, rows: 0 }
    }
}

/// The parts of a tensor, side by side in B and one below the other in A.
fn joined((stored, location): Place, parts: &[Part]) -> ModuleFactors {
    let out = location.total_rows();
    let rank: usize = parts.iter().map(|part| part.rank).sum();
    let width = parts.first().map_or(0, |part| part.a.len() / part.rank);
    let mut b = Vec::with_capacity(out * rank);
    for row in 0..out {
        parts.iter().for_each(|part| b.extend_from_slice(&part.b[row * part.rank..(row + 1) * part.rank]));
    }
    let a: Vec<f32> = parts.iter().flat_map(|part| part.a.iter().copied()).collect();
    let is_whole = matches!(parts, [part] if part.rows == out && part.cols == (0..width));
    ModuleFactors {
        stored,
        transposed: location.is_transposed(),
        b: Matrix::new(out, rank, b).expect("each row has the values of all parts"),
        a: Matrix::new(rank, width, a).expect("each part has rows of one width"),
        is_whole,
        stem: location.stem,
    }
}
