//! A matrix of low rank as two factors, which are multiplied only when a dense matrix is needed.

use crate::error::LinalgError;
use crate::matrix::{Matrix, MatrixView};
use crate::ordered_product::ordered_product;
use crate::svd::Svd;

/// A matrix \[m, n\] of rank r as two factors: W_r = (U_r·Σ_r)·V_rᵀ, made of r components of a decomposition.
#[derive(Debug, Clone, PartialEq)]
pub struct LowRank {
    /// U_r·Σ_r, the left singular vectors scaled by the singular values: \[m, r\].
    pub us: Matrix,
    /// V_rᵀ, the right singular vectors as rows: \[r, n\].
    pub vt: Matrix,
    /// Number r of components kept.
    pub rank: usize,
}

impl LowRank {
    /// Multiplies the factors into the dense matrix \[m, n\] on `threads` threads (0 counts as 1).
    ///
    /// Elements are summed in f64 in the order of the components and rounded to f32 once: the same factors give the same
    /// bits on every machine and for any number of threads.
    #[must_use]
    pub fn materialise(&self, threads: usize) -> Matrix {
        ordered_product(&self.us, &self.vt, threads, |_, sum| sum as f32)
    }

    /// Computes W − (U_r·Σ_r)·V_rᵀ for a matrix W \[m, n\], with the same care as [`materialise`](Self::materialise).
    ///
    /// # Errors
    /// [`LinalgError::Shape`] if W has another shape, [`LinalgError::Overflow`] with the place of an element that is
    /// infinite or NaN.
    pub fn subtract_from(&self, w: MatrixView<'_>, threads: usize) -> Result<Matrix, LinalgError> {
        let [rows, cols] = [self.us.rows(), self.vt.cols()];
        if [w.rows(), w.cols()] != [rows, cols] {
            return Err(LinalgError::Shape { rows, cols, found: w.data().len() });
        }
        let values = w.data();
        let dense = ordered_product(&self.us, &self.vt, threads, |at, sum| (f64::from(values[at]) - sum) as f32);
        check_finite(dense.view(), self.rank).map(|()| dense)
    }

    /// Checks that no element of the factors is infinite or NaN, as it is after rounding singular values beyond f32.
    ///
    /// # Errors
    /// [`LinalgError::Overflow`] with the place of the element in its factor.
    pub fn check_finite(&self) -> Result<(), LinalgError> {
        check_finite(self.us.view(), self.rank).and_then(|()| check_finite(self.vt.view(), self.rank))
    }

    /// Multiplies the factors like [`materialise`](Self::materialise), and checks the product.
    ///
    /// # Errors
    /// [`LinalgError::Overflow`] with the place of an element that is infinite or NaN.
    pub fn materialise_finite(&self, threads: usize) -> Result<Matrix, LinalgError> {
        let dense = self.materialise(threads);
        check_finite(dense.view(), self.rank).map(|()| dense)
    }

    /// Number of elements in the two factors, r·(m + n).
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.us.data().len() + self.vt.data().len()
    }

    /// Largest rank at which the factors of a matrix \[m, n\] have no more elements than the matrix: ⌊m·n/(m + n)⌋.
    #[must_use]
    pub fn break_even_rank(m: usize, n: usize) -> usize {
        let [m, n] = [m as u128, n as u128]; // the product may not fit 64 bits
        let rank = (m * n).checked_div(m + n).unwrap_or(0);
        usize::try_from(rank).expect("below min(m, n) because m/(m + n) is below 1")
    }

    /// Relative error of truncating W to `rank`, a fraction from 0 to 1; 0 for a zero matrix.
    ///
    /// ‖W − W_r‖_F/‖W‖_F = √(Σ_{i>r} σᵢ²/Σ σᵢ²) (Eckart and Young 1936).
    ///
    /// # Panics
    /// If `rank` is above the number of components.
    #[must_use]
    pub fn relative_error(svd: &Svd, rank: usize) -> f64 {
        // Summed from the smallest value on, so that rounding does not swallow the small ones.
        let energy = |s: &[f64]| s.iter().rev().map(|x| x * x).sum::<f64>();
        let total = energy(&svd.s);
        if total > 0.0 { (energy(&svd.s[rank..]) / total).sqrt() } else { 0.0 }
    }
}

/// Checks a matrix that was computed at `rank`.
fn check_finite(matrix: MatrixView<'_>, rank: usize) -> Result<(), LinalgError> {
    matrix.check_finite().map_err(|error| match error {
        LinalgError::NotFinite { row, col, value } => LinalgError::Overflow { rank, row, col, value },
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dense_product_is_the_sum_of_products() {
        let us = Matrix::new(3, 2, vec![1., 2., 3., 4., 5., 6.]).unwrap();
        let vt = Matrix::new(2, 2, vec![1., -1., 10., 100.]).unwrap();
        let low_rank = LowRank { us, vt, rank: 2 };
        assert_eq!(low_rank.materialise(1).data(), [21., 199., 43., 397., 65., 595.]);
        assert_eq!(low_rank.parameters(), 2 * (3 + 2));
    }

    #[test]
    fn components_are_subtracted_and_shapes_checked() {
        let us = Matrix::new(2, 1, vec![1., 2.]).unwrap();
        let low_rank = LowRank { us, vt: Matrix::new(1, 3, vec![1., 0., -1.]).unwrap(), rank: 1 };
        let w = Matrix::new(2, 3, vec![1., 2., 3., 4., 5., 6.]).unwrap();
        assert_eq!(low_rank.subtract_from(w.view(), 1).unwrap().data(), [0., 2., 4., 2., 5., 8.]);
        assert!(low_rank.subtract_from(Matrix::zeros(3, 2).view(), 1).is_err());
        let nothing = LowRank { us: Matrix::zeros(2, 0), vt: Matrix::zeros(0, 3), rank: 0 };
        assert_eq!(nothing.subtract_from(w.view(), 1).unwrap(), w);
        let large = LowRank { us: Matrix::new(2, 1, vec![f32::MAX; 2]).unwrap(), ..low_rank };
        let w = Matrix::new(2, 3, vec![-f32::MAX; 6]).unwrap();
        assert!(matches!(large.subtract_from(w.view(), 1), Err(LinalgError::Overflow { row: 0, col: 0, .. })));
    }

    #[test]
    fn factors_above_the_break_even_rank_are_larger_than_the_matrix() {
        for (m, n) in [(576, 1536), (4096, 4096), (1, 7), (16384, 4096)] {
            let rank = LowRank::break_even_rank(m, n);
            assert!(rank * (m + n) <= m * n && (rank + 1) * (m + n) > m * n, "{m} x {n}: {rank}");
        }
        assert_eq!(LowRank::break_even_rank(0, 0), 0);
    }

    #[test]
    fn the_relative_error_is_the_root_of_the_lost_energy() {
        let s = vec![4.0, 3.0, 0.0];
        let svd = Svd { u: Matrix::zeros(3, 3), s, vt: Matrix::zeros(3, 3) };
        let errors = [0, 1, 2, 3].map(|r| LowRank::relative_error(&svd, r));
        assert_eq!(errors, [1.0, 0.6, 0.0, 0.0]);
    }
}
