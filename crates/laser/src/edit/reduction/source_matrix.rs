//! The matrix that is being reduced, with its decompositions, each computed at most once and only if it is needed.

use std::cell::OnceCell;
use std::fmt;

use laser_linalg::{
    Covariance, LinalgError, LowRank, Matrix, Spectrum, Svd, keep_components, relative_error,
    relative_error_of_components,
};

use super::{Factors, ReducedMatrix};
use crate::edit::decomposition::{Decomposer, matrix_error};
use crate::error::{Error, Result};
use laser_model::weight_id::WeightId;

/// A matrix `[m, n]` before its reduction. All reductions of it share its decompositions.
#[derive(Debug)]
pub(crate) struct SourceMatrix<'a> {
    id: WeightId,
    matrix: Matrix,
    decomposer: &'a Decomposer,
    /// Second moments of the matrix's inputs, if they were measured.
    inputs: Option<&'a Covariance>,
    svd: OnceCell<Svd>,
    whitened: OnceCell<laser_linalg::WhitenedSvd>,
}

impl<'a> SourceMatrix<'a> {
    pub(crate) fn new(
        id: WeightId,
        matrix: Matrix,
        decomposer: &'a Decomposer,
        inputs: Option<&'a Covariance>,
    ) -> Self {
        Self { id, matrix, decomposer, inputs, svd: OnceCell::new(), whitened: OnceCell::new() }
    }

    /// Name of the matrix.
    pub(super) fn id(&self) -> WeightId {
        self.id
    }

    /// The values, `[m, n]`.
    pub(crate) fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// The shape `[m, n]`.
    pub(super) fn shape(&self) -> [usize; 2] {
        [self.matrix.rows(), self.matrix.cols()]
    }

    /// Largest rank, min(m, n).
    pub(crate) fn max_rank(&self) -> usize {
        self.matrix.view().max_rank()
    }

    /// The exact decomposition.
    ///
    /// # Errors
    /// Values that are not finite, or a solver that does not converge.
    pub(super) fn svd(&self) -> Result<&Svd> {
        match self.svd.get() {
            Some(svd) => Ok(svd),
            None => {
                let svd = self.decomposer.svd(self.id, &self.matrix)?;
                Ok(self.svd.get_or_init(|| svd))
            }
        }
    }

    /// The singular values and the statistics computed from them.
    ///
    /// # Errors
    /// Those of [`SourceMatrix::svd`].
    pub(crate) fn spectrum(&self) -> Result<Spectrum> {
        let [m, n] = self.shape();
        Spectrum::new(self.svd()?.s.clone(), m, n).map_err(self.error())
    }

    /// The decomposition whose components are ordered by their effect on the matrix's inputs. `reduction`: the
    /// reduction that needs it, for the error text.
    ///
    /// # Errors
    /// [`Error::Uncalibrated`] if the inputs were not measured; a solver that does not converge.
    pub(super) fn whitened(&self, reduction: &dyn fmt::Display) -> Result<&laser_linalg::WhitenedSvd> {
        if let Some(whitened) = self.whitened.get() {
            return Ok(whitened);
        }
        let inputs = self.inputs.ok_or_else(|| Error::Uncalibrated { edit: format!("{}@{reduction}", self.id) })?;
        let whitened =
            laser_linalg::WhitenedSvd::new(self.matrix.view(), inputs, self.threads()).map_err(self.error())?;
        Ok(self.whitened.get_or_init(|| whitened))
    }

    /// The largest `rank` components as factors, by the decomposer's method.
    ///
    /// # Errors
    /// Those of [`SourceMatrix::svd`], or components beyond the range of f32.
    pub(crate) fn leading(&self, rank: usize) -> Result<LowRank> {
        let low = self.decomposer.leading(self.id, &self.matrix, rank, || self.svd())?;
        low.check_finite().map_err(self.error())?;
        Ok(low)
    }

    /// The result of a reduction that keeps everything.
    pub(super) fn unchanged(&self, rank: Option<usize>) -> ReducedMatrix {
        ReducedMatrix { matrix: None, factors: None, parameters: self.matrix.data().len(), rank, relative_error: 0.0 }
    }

    /// True if the largest components are those of the exact decomposition.
    pub(super) fn is_exact(&self) -> bool {
        self.decomposer.nests()
    }

    /// The components `kept` of the exact decomposition, positions from 0 in ascending order: their sum, or the matrix
    /// without the others, whichever has fewer terms.
    pub(super) fn components(&self, kept: &[usize]) -> Result<ReducedMatrix> {
        let max = self.max_rank();
        if kept.len() == max {
            return Ok(self.unchanged(Some(kept.len())));
        }
        let svd = self.svd()?;
        let factors = if 2 * kept.len() <= max {
            Factors::Kept(keep_components(svd, kept))
        } else {
            let mut is_kept = vec![false; max];
            kept.iter().for_each(|k| is_kept[*k] = true);
            let removed: Vec<usize> = (0..max).filter(|k| !is_kept[*k]).collect();
            Factors::Removed(keep_components(svd, &removed))
        };
        let mut reduced = self.of_factors(factors, kept.len())?;
        // From the singular values, which is more accurate than the difference of two f32 matrices.
        reduced.relative_error = relative_error_of_components(&svd.s, kept);
        Ok(reduced)
    }

    /// The matrix of rank `rank` that `factors` determine, as the result of a reduction.
    ///
    /// # Errors
    /// Values beyond the range of f32.
    pub(super) fn of_factors(&self, factors: Factors, rank: usize) -> Result<ReducedMatrix> {
        factors.low_rank().check_finite().map_err(self.error())?;
        let dense = factors.dense(self.matrix.view(), self.threads()).map_err(self.error())?;
        Ok(ReducedMatrix { rank: Some(rank), factors: Some(factors), ..self.dense(dense, self.parameters(rank)) })
    }

    /// A dense matrix `[m, n]` that `parameters` numbers describe, as the result of a reduction.
    pub(super) fn dense(&self, matrix: Matrix, parameters: usize) -> ReducedMatrix {
        let relative_error = relative_error(matrix.view(), self.matrix.view());
        ReducedMatrix { matrix: Some(matrix), factors: None, parameters, rank: None, relative_error }
    }

    /// Number of values that describe a matrix of rank r: r·(m + n) for its factors, or m·n if that is less.
    pub(super) fn parameters(&self, rank: usize) -> usize {
        let [m, n] = self.shape();
        (rank * (m + n)).min(m * n)
    }

    pub(super) fn threads(&self) -> usize {
        self.decomposer.threads()
    }

    /// Adds the matrix's name to an error of linear algebra.
    pub(super) fn error(&self) -> impl Fn(LinalgError) -> Error + use<> {
        matrix_error(self.id)
    }
}
