//! A matrix that is being reduced, with what its reductions share: its decomposition, and the order of its inputs.

use std::cell::OnceCell;
use std::fmt;

use laser_linalg::{LowRank, Matrix, Spectrum, Svd, keep_components, relative_error, relative_error_of_components};

use super::Reduced;
use crate::edit::truncation::Truncation;
use crate::error::{Error, Result};
use laser_model::weight_id::WeightId;

/// A matrix `[m, n]` and, computed when first asked for and once, what is known of it.
#[derive(Debug)]
pub struct Source<'a> {
    id: WeightId,
    matrix: Matrix,
    truncation: &'a Truncation,
    svd: OnceCell<Svd>,
    whitened: OnceCell<laser_linalg::WhitenedSvd>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(id: WeightId, matrix: Matrix, truncation: &'a Truncation) -> Self {
        Self { id, matrix, truncation, svd: OnceCell::new(), whitened: OnceCell::new() }
    }

    /// Which matrix it is.
    pub fn id(&self) -> WeightId {
        self.id
    }

    /// The values `[m, n]`.
    pub fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// `[m, n]`.
    pub fn shape(&self) -> [usize; 2] {
        [self.matrix.rows(), self.matrix.cols()]
    }

    /// min(m, n).
    pub fn max_rank(&self) -> usize {
        self.matrix.view().max_rank()
    }

    /// The exact decomposition.
    ///
    /// # Errors
    /// Values that are not finite, a solver that does not converge, a cache that cannot be written.
    pub fn svd(&self) -> Result<&Svd> {
        match self.svd.get() {
            Some(svd) => Ok(svd),
            None => {
                let svd = self.truncation.svd(self.id, &self.matrix)?;
                Ok(self.svd.get_or_init(|| svd))
            }
        }
    }

    /// The singular values with what they say.
    ///
    /// # Errors
    /// Those of [`Source::svd`].
    pub fn spectrum(&self) -> Result<Spectrum> {
        let [m, n] = self.shape();
        Spectrum::new(self.svd()?.s.clone(), m, n).map_err(self.wrong())
    }

    /// The components in the order of what they do to the matrix's inputs. `asking`: the reduction that needs it.
    ///
    /// # Errors
    /// [`Error::Uncalibrated`] where the inputs were not measured; a solver that does not converge.
    pub(super) fn whitened(&self, asking: &dyn fmt::Display) -> Result<&laser_linalg::WhitenedSvd> {
        if let Some(whitened) = self.whitened.get() {
            return Ok(whitened);
        }
        let inputs = self
            .truncation
            .inputs(self.id)
            .ok_or_else(|| Error::Uncalibrated { edit: format!("{}@{asking}", self.id) })?;
        let whitened =
            laser_linalg::WhitenedSvd::new(self.matrix.view(), inputs, self.threads()).map_err(self.wrong())?;
        Ok(self.whitened.get_or_init(|| whitened))
    }

    /// The largest `rank` components as factors, by the method the user chose.
    pub(crate) fn leading(&self, rank: usize) -> Result<LowRank> {
        self.truncation.leading(self, rank)
    }

    /// The matrix as it is.
    pub(super) fn untouched(&self, rank: Option<usize>) -> Reduced {
        Reduced { matrix: None, parameters: self.matrix.data().len(), rank, relative_error: 0.0 }
    }

    /// The components `kept`, positions from 0 upwards, of the exact decomposition.
    pub(super) fn components(&self, kept: &[usize]) -> Result<Reduced> {
        if kept.len() == self.max_rank() {
            return Ok(self.untouched(Some(kept.len())));
        }
        let svd = self.svd()?;
        let mut reduced = self.low_rank(&keep_components(svd, kept));
        reduced.relative_error = relative_error_of_components(&svd.s, kept);
        Ok(reduced)
    }

    /// A product of factors.
    pub(super) fn low_rank(&self, low: &LowRank) -> Reduced {
        let dense = low.materialise(self.threads());
        Reduced { rank: Some(low.rank), ..self.dense(dense, self.parameters(low.rank)) }
    }

    /// A matrix of `parameters` numbers.
    pub(super) fn dense(&self, matrix: Matrix, parameters: usize) -> Reduced {
        let relative_error = relative_error(matrix.view(), self.matrix.view());
        Reduced { matrix: Some(matrix), parameters, rank: None, relative_error }
    }

    /// Numbers that a matrix of rank r needs: r·(m + n) for its factors, or m·n if that is less.
    pub(super) fn parameters(&self, rank: usize) -> usize {
        let [m, n] = self.shape();
        (rank * (m + n)).min(m * n)
    }

    pub(super) fn threads(&self) -> usize {
        self.truncation.threads()
    }

    /// An error of linear algebra as one of this matrix.
    pub(super) fn wrong(&self) -> impl Fn(laser_linalg::LinalgError) -> Error + use<> {
        let id = self.id;
        move |source| Error::Linalg { matrix: id.to_string(), source }
    }
}
