//! Activation-aware truncation: takes a matrix and the covariance of its inputs, gives the matrix of a lower rank that
//! changes the outputs least.

use crate::backend::{self, MatRef};
use crate::covariance::Covariance;
use crate::error::LinalgError;
use crate::low_rank::LowRank;
use crate::matrix::{Matrix, MatrixView};
use crate::rank::check_rank;
use crate::svd::{Method, factorise, scaled_to_f64};

/// Value added to the diagonal of the covariance C, as a share of the mean diagonal entry.
const RIDGE: f64 = 1e-6;

/// A decomposition of W \[m, n\] whose components are ordered by their effect on the outputs for given inputs.
///
/// Let C be the covariance of the inputs, S·Sᵀ = C + λI and W·S = U·Σ·Vᵀ with k = min(m, n) components. Among the
/// matrices Ŵ of rank r, the mean error of the outputs ‖(W − Ŵ)·S‖_F is smallest for trunc_r(W·S)·S⁻¹. This equals
/// U_r·U_rᵀ·W, so no inverse is computed. With λ = 10⁻⁶·tr(C)/n, directions in which no input points still count a
/// little. Without any input (C = 0) the components have the order of the plain decomposition.
#[derive(Debug, Clone, PartialEq)]
pub struct WhitenedSvd {
    /// Left singular vectors U of W·S: the columns of \[m, k\].
    u: Matrix,
    /// The product UᵀW \[k, n\].
    utw: Matrix,
    /// Singular values of W·S \[k\], descending.
    s: Vec<f64>,
}

impl WhitenedSvd {
    /// Decomposes `w` \[m, n\] with respect to inputs of n values, on `threads` threads (0 counts as 1).
    ///
    /// # Errors
    /// [`LinalgError::InputSize`] if the inputs do not have n values, [`LinalgError::NotFinite`] if an entry of `w` is
    /// NaN or infinite, [`LinalgError::NoConvergence`].
    pub fn new(w: MatrixView<'_>, inputs: &Covariance, threads: usize) -> Result<Self, LinalgError> {
        let [m, n] = [w.rows(), w.cols()];
        if inputs.size() != n {
            return Err(LinalgError::InputSize { expected: n, found: inputs.size() });
        }
        w.check_finite()?;
        if w.max_rank() == 0 {
            return Ok(Self { u: Matrix::zeros(m, 0), utw: Matrix::zeros(0, n), s: Vec::new() });
        }
        let par = backend::parallelism(threads);
        let mean = inputs.mean_square();
        // Without inputs any ridge makes S a multiple of the identity, and the order is that of the plain
        // decomposition.
        let root = inputs.root(if mean > 0.0 { RIDGE * mean } else { 1.0 }, par)?;
        let (data, scale) = scaled_to_f64(w);
        let w = MatRef::from_row_major_slice(&data, m, n);
        let ws = backend::product(w, root.as_ref(), par); // [m, n]
        let factors = factorise(ws.as_ref(), Method::Auto, par)?.into_svd(scale);
        // UᵀW from the rounded U, so that the two factors of a truncation fit each other.
        let u: Vec<f64> = factors.u.data().iter().map(|&x| f64::from(x)).collect();
        let u = MatRef::from_row_major_slice(&u, m, factors.s.len());
        let utw = backend::product(u.transpose(), w, par); // [k, n]
        let values = (0..utw.nrows() * n).map(|i| (utw[(i / n, i % n)] * scale) as f32).collect();
        let utw = Matrix::new(utw.nrows(), n, values)?;
        Ok(Self { u: factors.u, utw, s: factors.s })
    }

    /// Singular values sᵢ of W·S, descending. Truncating to rank r leaves a mean squared output error of Σ_{i>r} sᵢ².
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.s
    }

    /// Keeps the first `rank` components: the matrix of that rank with the smallest mean error of the outputs.
    ///
    /// # Errors
    /// [`LinalgError::RankTooLarge`] if `rank` is above min(m, n).
    pub fn truncate(&self, rank: usize) -> Result<LowRank, LinalgError> {
        let [m, n] = [self.u.rows(), self.utw.cols()];
        check_rank(rank, m, n)?;
        let us = (0..m).flat_map(|i| &self.u.row(i)[..rank]).copied().collect();
        let vt = self.utw.data()[..rank * n].to_vec();
        Ok(LowRank { us: Matrix::new(m, rank, us)?, vt: Matrix::new(rank, n, vt)?, rank })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::compare::relative_error;
    use crate::svd::decompose;
    use crate::test_matrices::gaussian;
    use crate::truncate::truncate_matrix;

    fn covariance(x: &Matrix) -> Covariance {
        let mut c = Covariance::new(x.cols());
        c.add(x.view(), &vec![1.0; x.rows()], 1).unwrap();
        c
    }

    /// Makes inputs whose size differs by up to a factor of 100 between directions.
    fn inputs(rows: usize, n: usize, seed: u64) -> Matrix {
        let mixed = gaussian(n, n, seed + 1000);
        let x = gaussian(rows, n, seed);
        let at = |t: usize, j: usize| {
            (0..n).map(|k| x.row(t)[k] * 100f32.powf(-(k as f32) / n as f32) * mixed.row(k)[j]).sum::<f32>()
        };
        Matrix::new(rows, n, (0..rows * n).map(|i| at(i / n, i % n)).collect()).unwrap()
    }

    /// Computes ‖(W − Ŵ)·Xᵀ‖_F²/rows, one input (row of `x`) after another.
    fn output_error(w: &Matrix, other: &Matrix, x: &Matrix) -> f64 {
        let mut sum = 0.0;
        for t in 0..x.rows() {
            for i in 0..w.rows() {
                let pairs = w.row(i).iter().zip(other.row(i)).zip(x.row(t));
                sum += pairs.map(|((w, o), x)| (f64::from(*w) - f64::from(*o)) * f64::from(*x)).sum::<f64>().powi(2);
            }
        }
        sum / x.rows() as f64
    }

    #[test]
    fn for_inputs_of_equal_size_in_all_directions_it_is_the_plain_truncation() {
        for (m, n) in [(12, 7), (7, 12), (9, 9)] {
            let w = gaussian(m, n, 31);
            let mut identity = Matrix::zeros(n, n);
            (0..n).for_each(|i| identity.data_mut()[i * n + i] = (n as f32).sqrt());
            let whitened = WhitenedSvd::new(w.view(), &covariance(&identity), 1).unwrap();
            let blind = WhitenedSvd::new(w.view(), &Covariance::new(n), 1).unwrap();
            for rank in 0..=m.min(n) {
                let plain = truncate_matrix(w.view(), rank, Method::Auto, 1).unwrap();
                for found in [&whitened, &blind] {
                    let dense = found.truncate(rank).unwrap().materialise(1);
                    let distance = output_error(&plain, &dense, &identity).sqrt();
                    assert!(distance < 1e-5, "{m} x {n}, rank {rank}: {distance}");
                }
            }
        }
    }

    #[test]
    fn inputs_of_another_size_and_a_rank_too_large_are_refused() {
        let w = gaussian(4, 6, 1);
        let error = WhitenedSvd::new(w.view(), &Covariance::new(5), 1).unwrap_err();
        assert_eq!(error, LinalgError::InputSize { expected: 6, found: 5 });
        let whitened = WhitenedSvd::new(w.view(), &covariance(&gaussian(9, 6, 2)), 1).unwrap();
        assert!(matches!(whitened.truncate(5), Err(LinalgError::RankTooLarge { rank: 5, max: 4, .. })));
    }

    #[test]
    fn fewer_inputs_than_columns_are_enough() {
        let (w, x) = (gaussian(20, 30, 8), gaussian(6, 30, 9));
        let whitened = WhitenedSvd::new(w.view(), &covariance(&x), 1).unwrap();
        let dense = whitened.truncate(6).unwrap().materialise(1);
        let error = output_error(&w, &dense, &x) / output_error(&w, &Matrix::zeros(20, 30), &x);
        assert!(error < 1e-6, "six inputs need six components: {error:e}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

        /// Checks the theorem of Eckart and Young for the outputs: the error is the tail of the outputs' spectrum, and
        /// the plain truncation, which is closer to W, does not have a smaller one.
        #[test]
        fn no_matrix_of_the_rank_has_better_outputs(
            (m, n, rank) in (2usize..12, 2usize..12)
                .prop_flat_map(|(m, n)| (Just(m), Just(n), 0..m.min(n))),
            seed in 0u64..500,
        ) {
            let (w, x) = (gaussian(m, n, seed), inputs(3 * n, n, seed));
            let whitened = WhitenedSvd::new(w.view(), &covariance(&x), 1).unwrap();
            let best = whitened.truncate(rank).unwrap().materialise(1);
            let total = output_error(&w, &Matrix::zeros(m, n), &x);
            let error = output_error(&w, &best, &x);
            // Rounding, and the λ·‖W‖² that the ridge adds; it matters where the inputs hardly pass through W.
            let square = |m: &Matrix| m.data().iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
            let slack = 1e-5 * total + 2e-6 * square(&x) / x.data().len() as f64 * square(&w);
            // The outputs X·Wᵀ/√rows have the singular values of W·S.
            let outputs: Vec<f32> = (0..x.rows() * m)
                .map(|i| {
                    let (x, w) = (x.row(i / m), w.row(i % m));
                    x.iter().zip(w).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>() as f32
                })
                .collect();
            let outputs = Matrix::new(x.rows(), m, outputs).unwrap();
            let s = decompose(outputs.view(), Method::Auto, 1).unwrap().s;
            let tail = s[rank..].iter().map(|s| s * s).sum::<f64>() / x.rows() as f64;
            prop_assert!((error - tail).abs() <= slack, "{error}, expected {tail} of {total}");
            let own_tail: f64 = whitened.values()[rank..].iter().map(|s| s * s).sum();
            prop_assert!((own_tail - tail).abs() <= slack);
            let plain = truncate_matrix(w.view(), rank, Method::Auto, 1).unwrap();
            prop_assert!(error <= output_error(&w, &plain, &x) + slack);
            prop_assert!(relative_error(plain.view(), w.view()) <= relative_error(best.view(), w.view()) + 1e-6);
        }
    }
}
