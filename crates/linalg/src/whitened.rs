//! Activation-aware truncation: a matrix and the covariance of its inputs in, the best low-rank outputs out.

use crate::backend::{self, MatRef};
use crate::rank::check_rank;
use crate::svd::{factorise, widened};
use crate::{Covariance, LinalgError, LowRank, Matrix, MatrixView, Method};

/// What is added to the diagonal of C, as a share of its mean diagonal entry.
const RIDGE: f64 = 1e-6;

/// A matrix W \[m, n\] in the order of what its components do to typical inputs, k = min(m, n) of them.
///
/// With S·Sᵀ = C + λI and W·S = U·Σ·Vᵀ, the matrix of rank r closest to W in ‖(W − Ŵ)·S‖_F, the mean error of the
/// outputs, is trunc_r(W·S)·S⁻¹ = U_r·U_rᵀ·W: no inverse is formed. λ = 10⁻⁶·tr(C)/n makes directions that no input
/// had count a little rather than not at all; without any input (C = 0) this is the plain order.
#[derive(Debug, Clone, PartialEq)]
pub struct Whitened {
    /// U \[m, k\].
    u: Matrix,
    /// UᵀW \[k, n\].
    utw: Matrix,
    /// The singular values of W·S \[k\], descending.
    s: Vec<f64>,
}

impl Whitened {
    /// Orders the components of `w` by the inputs' covariance, on `threads` threads (0 counts as 1).
    ///
    /// # Errors
    /// [`LinalgError::InputSize`] if the covariance is of other inputs than `w` has columns,
    /// [`LinalgError::NotFinite`], [`LinalgError::NoConvergence`].
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
        let root = inputs.root(if mean > 0.0 { RIDGE * mean } else { 1.0 }, par)?;
        let (data, scale) = widened(w);
        let w = MatRef::from_row_major_slice(&data, m, n);
        let ws = backend::product(w, root.as_ref(), par); // [m, n]
        let factors = factorise(ws.as_ref(), Method::Auto, par)?.into_svd(scale);
        let u: Vec<f64> = factors.u.data().iter().map(|&x| f64::from(x)).collect();
        let u = MatRef::from_row_major_slice(&u, m, factors.s.len());
        let utw = backend::product(u.transpose(), w, par); // [k, n]
        let values = (0..utw.nrows() * n).map(|i| (utw[(i / n, i % n)] * scale) as f32).collect();
        let utw = Matrix::new(utw.nrows(), n, values)?;
        Ok(Self { u: factors.u, utw, s: factors.s })
    }

    /// The singular values of W·S, descending: rank r leaves a mean squared output error of Σ_{i>r} sᵢ².
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.s
    }

    /// The matrix of rank `rank` with the smallest error of the outputs.
    ///
    /// # Errors
    /// [`LinalgError::RankTooLarge`] above min(m, n).
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
    use crate::samples::gaussian;
    use crate::{decompose, truncated};

    fn covariance(x: &Matrix) -> Covariance {
        let mut c = Covariance::new(x.cols());
        c.add(x.view(), &vec![1.0; x.rows()], 1).unwrap();
        c
    }

    /// Inputs whose directions differ in size by up to 100.
    fn inputs(rows: usize, n: usize, seed: u64) -> Matrix {
        let mixed = gaussian(n, n, seed + 1000);
        let x = gaussian(rows, n, seed);
        let at = |t: usize, j: usize| {
            (0..n).map(|k| x.row(t)[k] * 100f32.powf(-(k as f32) / n as f32) * mixed.row(k)[j]).sum::<f32>()
        };
        Matrix::new(rows, n, (0..rows * n).map(|i| at(i / n, i % n)).collect()).unwrap()
    }

    /// ‖(W − Ŵ)·Xᵀ‖_F²/rows, row of inputs by row of inputs.
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
    fn with_equal_inputs_in_all_directions_it_is_the_plain_truncation() {
        for (m, n) in [(12, 7), (7, 12), (9, 9)] {
            let w = gaussian(m, n, 31);
            let mut identity = Matrix::zeros(n, n);
            (0..n).for_each(|i| identity.data_mut()[i * n + i] = (n as f32).sqrt());
            let whitened = Whitened::new(w.view(), &covariance(&identity), 1).unwrap();
            let blind = Whitened::new(w.view(), &Covariance::new(n), 1).unwrap();
            for rank in 0..=m.min(n) {
                let plain = truncated(w.view(), rank, Method::Auto, 1).unwrap();
                for found in [&whitened, &blind] {
                    let dense = found.truncate(rank).unwrap().materialise(1);
                    let distance = output_error(&plain, &dense, &identity).sqrt();
                    assert!(distance < 1e-5, "{m} x {n}, rank {rank}: {distance}");
                }
            }
        }
    }

    #[test]
    fn a_covariance_of_other_inputs_and_a_rank_too_large_are_refused() {
        let w = gaussian(4, 6, 1);
        let error = Whitened::new(w.view(), &Covariance::new(5), 1).unwrap_err();
        assert_eq!(error, LinalgError::InputSize { expected: 6, found: 5 });
        let whitened = Whitened::new(w.view(), &covariance(&gaussian(9, 6, 2)), 1).unwrap();
        assert!(matches!(whitened.truncate(5), Err(LinalgError::RankTooLarge { rank: 5, max: 4, .. })));
    }

    #[test]
    fn fewer_inputs_than_columns_are_enough() {
        let (w, x) = (gaussian(20, 30, 8), gaussian(6, 30, 9));
        let whitened = Whitened::new(w.view(), &covariance(&x), 1).unwrap();
        let dense = whitened.truncate(6).unwrap().materialise(1);
        let error = output_error(&w, &dense, &x) / output_error(&w, &Matrix::zeros(20, 30), &x);
        assert!(error < 1e-6, "six inputs need six components: {error:e}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

        /// Eckart and Young in the norm of the outputs: the error is the tail of the spectrum of the outputs, and the
        /// plain truncation, which is closer to W, does not do better.
        #[test]
        fn no_matrix_of_the_rank_has_better_outputs(
            (m, n, rank) in (2usize..12, 2usize..12)
                .prop_flat_map(|(m, n)| (Just(m), Just(n), 0..m.min(n))),
            seed in 0u64..500,
        ) {
            let (w, x) = (gaussian(m, n, seed), inputs(3 * n, n, seed));
            let whitened = Whitened::new(w.view(), &covariance(&x), 1).unwrap();
            let best = whitened.truncate(rank).unwrap().materialise(1);
            let total = output_error(&w, &Matrix::zeros(m, n), &x);
            let error = output_error(&w, &best, &x);
            // Rounding, and what the ridge adds: λ·‖W‖², which is not small where W hardly meets its inputs.
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
            let plain = truncated(w.view(), rank, Method::Auto, 1).unwrap();
            prop_assert!(error <= output_error(&w, &plain, &x) + slack);
            prop_assert!(relative_error(plain.view(), w.view()) <= relative_error(best.view(), w.view()) + 1e-6);
        }
    }
}
