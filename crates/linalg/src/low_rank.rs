//! A matrix of low rank as two factors, which are multiplied only when a dense matrix is needed.

use crate::backend;
use crate::error::LinalgError;
use crate::matrix::{Matrix, MatrixView};
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
    /// Products are summed in f32: an element is off by at most about r·6e-8·Σₖ|usᵢₖ·vtₖⱼ|, in practice by √r·6e-8 of
    /// that sum.
    #[must_use]
    pub fn materialise(&self, threads: usize) -> Matrix {
        let [m, r, n] = [self.us.rows(), self.rank, self.vt.cols()];
        let mut dense = Matrix::zeros(m, n);
        // An empty product is the matrix of zeros already.
        if r > 0 && m > 0 && n > 0 {
            let par = backend::parallelism(threads);
            backend::product_f32([m, r, n], self.us.data(), self.vt.data(), dense.data_mut(), par);
        }
        dense
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
