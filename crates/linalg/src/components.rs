//! Any set of components of a decomposition: takes factors and positions, gives those components as a low-rank matrix.

use crate::low_rank::LowRank;
use crate::matrix::Matrix;
use crate::svd::Svd;

/// Keeps the components at the positions `kept` (from 0, ascending): Σ_{i∈kept} σᵢ·uᵢ·vᵢᵀ.
///
/// For `kept` = 0, 1, …, r−1 the result is that of [`truncate`](crate::truncate) to rank r, bit for bit.
///
/// # Panics
/// If a position is not below the number of components.
#[must_use]
pub fn keep_components(svd: &Svd, kept: &[usize]) -> LowRank {
    let [m, n, rank] = [svd.u.rows(), svd.vt.cols(), kept.len()];
    let mut us = Vec::with_capacity(m * rank);
    for i in 0..m {
        let row = svd.u.row(i);
        us.extend(kept.iter().map(|&k| (f64::from(row[k]) * svd.s[k]) as f32));
    }
    let vt: Vec<f32> = kept.iter().flat_map(|&k| svd.vt.row(k)).copied().collect();
    let us = Matrix::new(m, rank, us).expect("m rows of one element a component because each row was cut so");
    let vt = Matrix::new(rank, n, vt).expect("one row a component because those rows were taken");
    LowRank { us, vt, rank }
}

/// Relative error of keeping only the components `kept` of a matrix with the singular values `s`; 0 for a zero matrix.
///
/// ‖W − Σ_{i∈kept} σᵢuᵢvᵢᵀ‖_F/‖W‖_F = √(Σ_{i∉kept} σᵢ²/Σ σᵢ²).
///
/// # Panics
/// If a position is not below the number of singular values.
#[must_use]
pub fn relative_error_of_components(s: &[f64], kept: &[usize]) -> f64 {
    let mut lost = s.to_vec();
    kept.iter().for_each(|&k| lost[k] = 0.0);
    // Summed from the smallest value on, so that rounding does not swallow the small ones.
    let energy = |s: &[f64]| s.iter().rev().map(|x| x * x).sum::<f64>();
    let total = energy(s);
    if total > 0.0 { (energy(&lost) / total).sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::compare::relative_error;
    use crate::svd::{Method, decompose};
    use crate::test_matrices::gaussian;
    use crate::truncate::truncate;

    /// Computes the sum of outer products in f64.
    fn sum_of_components(svd: &Svd, kept: &[usize]) -> Matrix {
        let [m, n] = [svd.u.rows(), svd.vt.cols()];
        let at = |i: usize, j: usize| {
            let term = |&k: &usize| svd.s[k] * f64::from(svd.u.row(i)[k]) * f64::from(svd.vt.row(k)[j]);
            kept.iter().map(term).sum::<f64>() as f32
        };
        Matrix::new(m, n, (0..m * n).map(|x| at(x / n, x % n)).collect()).unwrap()
    }

    #[test]
    fn the_leading_components_are_the_truncation_to_the_bit() {
        let svd = decompose(gaussian(14, 9, 3).view(), Method::Auto, 1).unwrap();
        for rank in 0..=9 {
            let prefix: Vec<usize> = (0..rank).collect();
            assert_eq!(keep_components(&svd, &prefix), truncate(&svd, rank), "rank {rank}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

        #[test]
        fn any_set_gives_the_sum_of_its_components_and_the_error_of_the_others(
            (m, n, mask) in (1usize..10, 1usize..10)
                .prop_flat_map(|(m, n)| (Just(m), Just(n), prop::collection::vec(any::<bool>(), m.min(n)))),
            seed in 0u64..500,
        ) {
            let w = gaussian(m, n, seed);
            let svd = decompose(w.view(), Method::Auto, 1).unwrap();
            let kept: Vec<usize> = (0..mask.len()).filter(|&i| mask[i]).collect();
            let dense = keep_components(&svd, &kept).materialise(1);
            let expected = sum_of_components(&svd, &kept);
            let distance = dense.data().iter().zip(expected.data()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            prop_assert!(f64::from(distance) <= 1e-6 * svd.s[0].max(1e-3), "off by {distance}");
            let error = relative_error_of_components(&svd.s, &kept);
            prop_assert!((error - relative_error(dense.view(), w.view())).abs() < 1e-5);
        }
    }
}
