//! The randomised decomposition that the LASER reference code uses, with a seed; it serves comparisons only.
//!
//! The reference truncates with `torch.svd_lowrank(W, q = r, niter = 2)`, the range finder of Halko, Martinsson and
//! Tropp (arXiv 0909.4061, algorithms 4.4 and 5.1) without oversampling. On flat spectra the components it keeps differ
//! from the largest ones, and from seed to seed.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::backend::{self, Mat, MatRef, NoConvergence};
use crate::error::LinalgError;
use crate::matrix::{Matrix, MatrixView};
use crate::rank::check_rank;
use crate::svd::{Svd, scaled_to_f64};

/// Approximates the `q` largest components of a matrix \[m, n\] on one thread.
///
/// A is W or Wᵀ, whichever is tall. The steps are: Q = orth(A·G) with a Gaussian G of `q` columns; then
/// `power_iterations` times Q ← orth(Aᵀ·Q), Q ← orth(A·Q); then the exact decomposition of Qᵀ·A.
///
/// Differs from `svd_lowrank` of PyTorch 2.15: the arithmetic is f64 instead of f32, and the random stream is
/// ChaCha8, so that a torch seed does not give torch's numbers.
///
/// # Errors
/// [`LinalgError::RankTooLarge`] if `q` is above min(m, n), [`LinalgError::NotFinite`],
/// [`LinalgError::NoConvergence`].
pub fn randomized_svd(w: MatrixView<'_>, q: usize, power_iterations: usize, seed: u64) -> Result<Svd, LinalgError> {
    let [m, n] = [w.rows(), w.cols()];
    check_rank(q, m, n)?;
    w.check_finite()?;
    if q == 0 {
        return Ok(Svd { u: Matrix::zeros(m, 0), s: Vec::new(), vt: Matrix::zeros(0, n) });
    }
    let par = backend::parallelism(1);
    let (data, scale) = scaled_to_f64(w);
    let a = MatRef::from_row_major_slice(&data, m, n);
    let a = if m >= n { a } else { a.transpose() };

    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let gaussian: Mat<f64> = Mat::from_fn(a.ncols(), q, |_, _| StandardNormal.sample(&mut rng));
    let orthonormal_basis =
        |a: MatRef<'_, f64>, x: &Mat<f64>| backend::thin_qr(backend::product(a, x.as_ref(), par), par).0;
    let mut range = orthonormal_basis(a, &gaussian); // Q [max(m, n), q]
    for _ in 0..power_iterations {
        // Orthogonal after each product: otherwise all columns would lean towards the first singular vector.
        let domain = orthonormal_basis(a.transpose(), &range);
        range = orthonormal_basis(a, &domain);
    }
    let projected = backend::product(range.transpose(), a, par); // [q, min(m, n)]
    let mut factors = backend::thin_svd(projected.as_ref(), par)
        .map_err(|NoConvergence| LinalgError::NoConvergence { rows: m, cols: n })?;
    factors.left = backend::product(range.as_ref(), factors.left.as_ref(), par);
    let factors = if m >= n { factors } else { factors.transposed() };
    Ok(factors.into_svd(scale))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Tolerance;
    use crate::svd::{Method, decompose};
    use crate::test_matrices::{gaussian, with_spectrum};
    use crate::truncate::truncate;

    #[test]
    fn a_matrix_of_rank_q_is_found_exactly() {
        for (m, n) in [(40, 25), (25, 40), (30, 30)] {
            let mut s = vec![0.0; 25.min(m)];
            s[..4].copy_from_slice(&[8.0, 4.0, 2.0, 1.0]);
            let w = with_spectrum(m, n, &s, 3);
            let svd = randomized_svd(w.view(), 4, 2, 7).unwrap();
            let tolerance = Tolerance { absolute: 0.0, relative: 1e-5 };
            let dense = truncate(&svd, 4).materialise(1);
            assert_eq!(tolerance.check(dense.data(), w.data()), Ok(()));
        }
    }

    #[test]
    fn the_result_depends_on_the_seed_where_the_spectrum_is_flat() {
        let w = gaussian(60, 40, 1);
        let run = |seed| randomized_svd(w.view(), 8, 2, seed).unwrap();
        assert_eq!(run(5), run(5));
        let energy = |svd: &Svd| svd.s.iter().map(|x| x * x).sum::<f64>();
        let exact = decompose(w.view(), Method::Thin, 1).unwrap();
        let best: f64 = exact.s[..8].iter().map(|x| x * x).sum();
        assert!(run(5) != run(6));
        assert!(energy(&run(5)) < best, "no 8 components hold more energy than the largest ones");
        let more = randomized_svd(w.view(), 8, 1000, 5).unwrap();
        assert!((energy(&more) / best - 1.0).abs() < 1e-6, "power iterations converge");
    }

    #[test]
    fn the_number_of_columns_is_checked() {
        let w = gaussian(4, 6, 1);
        assert!(matches!(randomized_svd(w.view(), 5, 2, 0), Err(LinalgError::RankTooLarge { rank: 5, max: 4, .. })));
        let empty = randomized_svd(w.view(), 0, 2, 0).unwrap();
        assert_eq!([empty.u.rows(), empty.u.cols(), empty.vt.cols()], [4, 0, 6]);
    }
}
