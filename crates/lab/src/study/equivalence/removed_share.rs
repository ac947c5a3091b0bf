//! Where a matrix changed: in the directions that a truncation of it keeps, or in those that it removes.

use laser::linalg::{Matrix, Svd};

/// Share of ‖W′ − W‖² outside of the `rank` leading left and right singular directions of W, and the share that a change
/// in random directions would have on average; `None` if nothing changed.
///
/// With U and V the leading singular vectors and Δ = W′ − W `[m, n]`, the share is
/// ‖(1 − UUᵀ)·Δ·(1 − VVᵀ)‖²/‖Δ‖² = 1 − (‖UᵀΔ‖² + ‖ΔV‖² − ‖UᵀΔV‖²)/‖Δ‖². Under a random rotation of each side, its mean is
/// (1 − rank/m)·(1 − rank/n).
///
/// # Panics
/// If the shapes differ, or the decomposition is of another shape.
pub(super) fn removed_share(w: &Matrix, changed: &Matrix, svd: &Svd, rank: usize) -> Option<[f64; 2]> {
    let (m, n) = (w.rows(), w.cols());
    assert_eq!((m, n), (changed.rows(), changed.cols()), "the same matrix of two models");
    assert_eq!((m, n), (svd.u.rows(), svd.vt.cols()), "the decomposition of that matrix");
    let delta: Vec<f64> = changed.data().iter().zip(w.data()).map(|(a, b)| f64::from(*a) - f64::from(*b)).collect(); // [m, n]
    let total: f64 = delta.iter().map(|x| x * x).sum();
    if total == 0.0 {
        return None;
    }
    let right = |row: &[f64], i: usize| -> f64 { row.iter().zip(svd.vt.row(i)).map(|(d, v)| d * f64::from(*v)).sum() };
    let (mut left_energy, mut right_energy, mut both_energy) = (0.0, 0.0, 0.0);
    for i in 0..rank {
        // A row of UᵀΔ, `[n]`.
        let mut row = vec![0.0; n];
        for (j, delta) in delta.chunks_exact(n).enumerate() {
            let u = f64::from(svd.u.row(j)[i]);
            row.iter_mut().zip(delta).for_each(|(sum, d)| *sum += u * d);
        }
        left_energy += row.iter().map(|x| x * x).sum::<f64>();
        both_energy += (0..rank).map(|j| right(&row, j).powi(2)).sum::<f64>();
        right_energy += delta.chunks_exact(n).map(|row| right(row, i).powi(2)).sum::<f64>();
    }
    let share = 1.0 - (left_energy + right_energy - both_energy) / total;
    let random = (1.0 - rank as f64 / m as f64) * (1.0 - rank as f64 / n as f64);
    Some([share.clamp(0.0, 1.0), random])
}

#[cfg(test)]
mod tests {
    use laser::linalg::{Method, decompose};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn random(m: usize, n: usize, seed: u64) -> Matrix {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        Matrix::new(m, n, (0..m * n).map(|_| rng.random_range(-1.0..1.0)).collect()).expect("a matrix")
    }

    fn sum(w: &Matrix, delta: &Matrix) -> Matrix {
        let values = w.data().iter().zip(delta.data()).map(|(a, b)| a + b).collect();
        Matrix::new(w.rows(), w.cols(), values).expect("a matrix")
    }

    #[test]
    fn changes_within_components_are_told_apart() {
        let w = random(12, 8, 1);
        let svd = decompose(w.view(), Method::Auto, 1).expect("decomposes");
        let component = |i: usize, j: usize| {
            let values = (0..12).flat_map(|r| (0..8).map(move |c| (r, c)));
            Matrix::new(12, 8, values.map(|(r, c)| svd.u.row(r)[i] * svd.vt.row(j)[c]).collect()).expect("a matrix")
        };
        let share = |delta: &Matrix| removed_share(&w, &sum(&w, delta), &svd, 3).expect("changed")[0];
        assert!(share(&component(1, 2)) < 1e-5);
        assert!(share(&component(5, 2)) < 1e-5, "a kept right direction is kept");
        assert!((share(&component(5, 7)) - 1.0).abs() < 1e-5);
        assert!((share(&sum(&component(0, 0), &component(6, 6))) - 0.5).abs() < 1e-5);
        assert_eq!(removed_share(&w, &w, &svd, 3), None);
    }

    #[test]
    fn random_changes_have_the_expected_share() {
        let w = random(40, 20, 2);
        let svd = decompose(w.view(), Method::Auto, 1).expect("decomposes");
        let shares: Vec<[f64; 2]> =
            (3..23).map(|seed| removed_share(&w, &sum(&w, &random(40, 20, seed)), &svd, 5).expect("changed")).collect();
        let mean = shares.iter().map(|share| share[0]).sum::<f64>() / 20.0;
        let expected = (1.0 - 5.0 / 40.0) * (1.0 - 5.0 / 20.0);
        assert!((shares[0][1] - expected).abs() < 1e-12);
        assert!((mean - expected).abs() < 0.01, "{mean} {expected}");
    }
}
