//! Truncation to a rank r: takes a decomposition or a matrix, gives the r largest components as factors or densely.

use crate::error::LinalgError;
use crate::low_rank::LowRank;
use crate::matrix::{Matrix, MatrixView};
use crate::rank::check_rank;
use crate::svd::{Method, Svd, decompose};

/// Keeps the `rank` largest components as two factors.
///
/// Their product is the closest matrix of that rank (Eckart and Young 1936).
///
/// # Panics
/// If `rank` is above the number of components. [`RankRule::resolve`](crate::RankRule::resolve) never gives such a rank
/// for an exact decomposition.
#[must_use]
pub fn truncate(svd: &Svd, rank: usize) -> LowRank {
    let [m, k, n] = [svd.u.rows(), svd.s.len(), svd.vt.cols()];
    assert!(rank <= k, "rank {rank} of a decomposition with {k} components");
    let mut us = Vec::with_capacity(m * rank);
    for i in 0..m {
        // u·σ is computed in f64 and rounded once.
        let scaled = svd.u.row(i)[..rank].iter().zip(&svd.s);
        us.extend(scaled.map(|(&u, &s)| (f64::from(u) * s) as f32));
    }
    let us = Matrix::new(m, rank, us).expect("m rows of rank elements because each was cut");
    let vt = svd.vt.data()[..rank * n].to_vec();
    let vt = Matrix::new(rank, n, vt).expect("rank rows because that many were taken");
    LowRank { us, vt, rank }
}

/// Truncates the matrix `w` \[m, n\] to `rank` and returns it densely, using its decomposition `svd`.
///
/// The full rank gives `w` back bit for bit and rank 0 gives zeros, whatever the factors. Multiplies on `threads`
/// threads (0 counts as 1).
///
/// # Errors
/// [`LinalgError::RankTooLarge`] if `rank` is above min(m, n), [`LinalgError::Overflow`] if the result does not fit f32.
///
/// # Panics
/// If `svd` decomposes a matrix of another shape than that of `w`.
pub fn truncate_matrix_with_svd(
    w: MatrixView<'_>,
    svd: &Svd,
    rank: usize,
    threads: usize,
) -> Result<Matrix, LinalgError> {
    let [m, n] = [w.rows(), w.cols()];
    check_rank(rank, m, n)?;
    assert_eq!([svd.u.rows(), svd.vt.cols()], [m, n], "the factors belong to another matrix");
    // The full rank copies `w`, because the product of the factors would round it.
    if rank == w.max_rank() { Ok(w.to_matrix()) } else { truncate(svd, rank).materialise_finite(threads) }
}

/// Truncates the matrix `w` \[m, n\] to `rank` and returns it densely.
///
/// The full rank gives `w` back bit for bit and rank 0 gives zeros; neither needs a decomposition. Works on `threads`
/// threads (0 counts as 1).
///
/// # Errors
/// [`LinalgError::RankTooLarge`] if `rank` is above min(m, n), [`LinalgError::Overflow`] if the result does not fit f32,
/// and the errors of [`decompose`].
pub fn truncate_matrix(w: MatrixView<'_>, rank: usize, method: Method, threads: usize) -> Result<Matrix, LinalgError> {
    let [m, n] = [w.rows(), w.cols()];
    check_rank(rank, m, n)?;
    w.check_finite()?; // before the shortcuts, so that every rank refuses the same matrices
    if rank == w.max_rank() {
        return Ok(w.to_matrix());
    }
    if rank == 0 {
        return Ok(Matrix::zeros(m, n));
    }
    truncate_matrix_with_svd(w, &decompose(w, method, threads)?, rank, threads)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::compare::Tolerance;
    use crate::test_matrices::{gaussian, with_spectrum};

    fn squared_distance(a: &Matrix, b: &Matrix) -> f64 {
        let pairs = a.data().iter().zip(b.data());
        pairs.map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum()
    }

    /// Checks that ‖W − W_r‖_F² = Σ_{i>r} σᵢ² for every r, and that the error falls as r grows.
    fn check_eckart_young(w: &Matrix) {
        let svd = decompose(w.view(), Method::Auto, 1).unwrap();
        let total: f64 = svd.s.iter().map(|s| s * s).sum();
        let mut before = f64::INFINITY;
        for rank in 0..=svd.s.len() {
            let lost: f64 = svd.s[rank..].iter().map(|s| s * s).sum();
            let dense = truncate(&svd, rank).materialise(1);
            let distance = squared_distance(w, &dense);
            // Factors and sums are f32, which rounds at about 6e-8 of ‖W‖_F a few times.
            let agrees = (distance.sqrt() - lost.sqrt()).abs() <= 1e-6 * total.sqrt();
            assert!(agrees, "rank {rank}: {distance}, expected {lost}");
            assert!(distance.sqrt() <= before + 1e-6 * total.sqrt(), "rank {rank}: error grew");
            before = distance.sqrt();
            let relative = LowRank::relative_error(&svd, rank);
            assert!((relative - (lost / total).sqrt()).abs() < 1e-12);
        }
    }

    #[test]
    fn eckart_and_young_hold_on_all_kinds_of_matrices() {
        let mut deficient = vec![0.0; 18];
        deficient[..3].copy_from_slice(&[3.0, 3.0, 1.0]);
        for (m, n) in [(18, 18), (18, 40), (40, 18)] {
            check_eckart_young(&gaussian(m, n, 51));
            check_eckart_young(&with_spectrum(m, n, &deficient, 53));
            check_eckart_young(&Matrix::new(m, n, vec![1e-20; m * n]).unwrap());
        }
        check_eckart_young(&Matrix::new(1, 1, vec![-4.0]).unwrap());
    }

    #[test]
    fn full_rank_is_the_same_bits_and_rank_zero_is_zero() {
        let mut data = gaussian(12, 20, 57).into_data();
        data[3] = -0.0;
        let w = Matrix::new(12, 20, data).unwrap();
        let bits = |m: &Matrix| m.data().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        let svd = decompose(w.view(), Method::Auto, 1).unwrap();
        for full in [
            truncate_matrix(w.view(), 12, Method::Auto, 1).unwrap(),
            truncate_matrix_with_svd(w.view(), &svd, 12, 1).unwrap(),
        ] {
            assert_eq!(bits(&full), bits(&w));
        }
        for nothing in [
            truncate_matrix(w.view(), 0, Method::Auto, 1).unwrap(),
            truncate_matrix_with_svd(w.view(), &svd, 0, 1).unwrap(),
        ] {
            assert_eq!(nothing, Matrix::zeros(12, 20));
        }
        let empty = Matrix::zeros(0, 4);
        assert_eq!(truncate_matrix(empty.view(), 0, Method::Auto, 1), Ok(empty.clone()));
    }

    #[test]
    fn all_ways_to_the_dense_matrix_agree() {
        let w = gaussian(12, 20, 59);
        let svd = decompose(w.view(), Method::Auto, 1).unwrap();
        let one = truncate_matrix(w.view(), 5, Method::Auto, 1).unwrap();
        assert_eq!(truncate_matrix_with_svd(w.view(), &svd, 5, 1).unwrap(), one);
        let naive: Vec<f32> = (0..12 * 20)
            .map(|at| {
                let terms =
                    (0..5).map(|k| svd.s[k] * f64::from(svd.u.row(at / 20)[k]) * f64::from(svd.vt.row(k)[at % 20]));
                terms.sum::<f64>() as f32
            })
            .collect();
        let tolerance = Tolerance { absolute: 0.0, relative: 1e-6 };
        assert_eq!(tolerance.check(one.data(), &naive), Ok(()));
    }

    #[test]
    fn a_rank_above_the_maximum_is_an_error() {
        let w = gaussian(3, 4, 61);
        let error = truncate_matrix(w.view(), 4, Method::Auto, 1).unwrap_err();
        assert!(matches!(error, LinalgError::RankTooLarge { rank: 4, max: 3, .. }));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

        #[test]
        fn eckart_and_young_hold_on_random_spectra(
            (m, n, mut s) in (1usize..=12, 1usize..=12).prop_flat_map(|(m, n)| {
                (Just(m), Just(n), prop::collection::vec(0.0f64..10.0, m.min(n)))
            }),
            seed in 0u64..1000,
        ) {
            s.sort_by(|a, b| b.total_cmp(a));
            prop_assume!(s[0] > 0.01);
            check_eckart_young(&with_spectrum(m, n, &s, seed));
        }
    }
}
