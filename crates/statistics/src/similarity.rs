//! Similarity of two representations of the same items, whatever their width, rotation and scale.

/// Linear centred kernel alignment (CKA) of `x [n, p]` and `y [n, q]`, row-major, one row an item in the same order;
/// debiased, at most 1 and about 0 for independent representations. `None` with fewer than four items, rows of width 0,
/// or a representation that does not vary.
///
/// HSIC(X, Y)/√(HSIC(X, X)·HSIC(Y, Y)) with the unbiased estimator of Song et al.: with the Gram matrices K = XXᵀ and
/// L = YYᵀ without their diagonals,
/// HSIC = (tr KL + 1ᵀK1·1ᵀL1/((n−1)(n−2)) − 2/(n−2)·1ᵀKL1)/(n(n−3)). The usual, biased estimate approaches 1 as the width
/// grows against the number of items. Rows of the Gram matrices are computed one pair at a time, so that memory is O(n).
///
/// Source: Kornblith et al. 2019, "Similarity of neural network representations revisited" (arXiv 1905.00414); Song et al.
/// 2012, "Feature selection via dependence maximization".
///
/// # Panics
/// If a slice is not `n` rows.
pub fn linear_cka(x: &[f32], y: &[f32], n: usize) -> Option<f64> {
    assert!(n == 0 || (x.len().is_multiple_of(n) && y.len().is_multiple_of(n)), "n rows of one width each");
    if n < 4 || x.is_empty() || y.is_empty() {
        return None;
    }
    // The estimator does not depend on the mean in exact arithmetic; centring keeps it exact in f64.
    let (x, y) = (centred(x, n), centred(y, n));
    let (mut row_x, mut row_y) = (vec![0.0; n], vec![0.0; n]);
    let mut traces = [0.0; 3]; // of KL, KK and LL
    for i in 0..n {
        for j in 0..i {
            let (k, l) = (dot(&x, i, j, n), dot(&y, i, j, n));
            row_x[i] += k;
            row_x[j] += k;
            row_y[i] += l;
            row_y[j] += l;
            // Twice: the matrices are symmetric.
            for (trace, product) in traces.iter_mut().zip([k * l, k * k, l * l]) {
                *trace += 2.0 * product;
            }
        }
    }
    let hsic = |trace: f64, a: &[f64], b: &[f64]| {
        let m = n as f64;
        let (sum_a, sum_b) = (a.iter().sum::<f64>(), b.iter().sum::<f64>());
        let through: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum(); // 1ᵀKL1
        (trace + sum_a * sum_b / ((m - 1.0) * (m - 2.0)) - 2.0 / (m - 2.0) * through) / (m * (m - 3.0))
    };
    let (xy, xx, yy) =
        (hsic(traces[0], &row_x, &row_y), hsic(traces[1], &row_x, &row_x), hsic(traces[2], &row_y, &row_y));
    (xx > 0.0 && yy > 0.0).then(|| xy / (xx * yy).sqrt())
}

/// Rows without their mean.
fn centred(rows: &[f32], n: usize) -> Vec<f64> {
    let width = rows.len() / n;
    let mut mean = vec![0.0; width];
    for row in rows.chunks_exact(width) {
        mean.iter_mut().zip(row).for_each(|(mean, value)| *mean += f64::from(*value) / n as f64);
    }
    rows.chunks_exact(width).flat_map(|row| row.iter().zip(&mean).map(|(v, mean)| f64::from(*v) - mean)).collect()
}

/// Scalar product of rows `i` and `j` of `n`.
fn dot(rows: &[f64], i: usize, j: usize, n: usize) -> f64 {
    let width = rows.len() / n;
    let row = |i: usize| &rows[i * width..(i + 1) * width];
    row(i).iter().zip(row(j)).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn random(n: usize, width: usize, seed: u64) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (0..n * width).map(|_| rng.random_range(-1.0..1.0)).collect()
    }

    /// The unbiased HSIC by whole matrices, without any shortcut.
    fn naive_hsic(x: &[f32], y: &[f32], n: usize) -> f64 {
        let gram = |rows: &[f32]| -> Vec<Vec<f64>> {
            let width = rows.len() / n;
            let entry = |i: usize, j: usize| match i == j {
                true => 0.0,
                false => (0..width).map(|c| f64::from(rows[i * width + c]) * f64::from(rows[j * width + c])).sum(),
            };
            (0..n).map(|i| (0..n).map(|j| entry(i, j)).collect()).collect()
        };
        let (k, l) = (gram(x), gram(y));
        let m = n as f64;
        let product = |i: usize, j: usize| (0..n).map(|t| k[i][t] * l[t][j]).sum::<f64>();
        let trace: f64 = (0..n).map(|i| product(i, i)).sum();
        let whole: f64 = (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).map(|(i, j)| product(i, j)).sum();
        let sum = |g: &Vec<Vec<f64>>| g.iter().flatten().sum::<f64>();
        (trace + sum(&k) * sum(&l) / ((m - 1.0) * (m - 2.0)) - 2.0 / (m - 2.0) * whole) / (m * (m - 3.0))
    }

    #[test]
    fn the_value_is_that_of_the_definition() {
        let n = 12;
        let (x, mut y) = (random(n, 5, 1), random(n, 3, 2));
        y.iter_mut().zip(&x).for_each(|(y, x)| *y += x);
        let naive = naive_hsic(&x, &y, n) / (naive_hsic(&x, &x, n) * naive_hsic(&y, &y, n)).sqrt();
        let got = linear_cka(&x, &y, n).expect("varies");
        assert!((got - naive).abs() < 1e-6, "{got} {naive}");
    }

    #[test]
    fn rotation_scale_and_shift_do_not_matter_and_independence_gives_about_zero() {
        let n = 200;
        let x = random(n, 2, 3);
        let turned: Vec<f32> = x
            .chunks(2)
            .flat_map(|r| [3.0 * (0.6 * r[0] - 0.8 * r[1]) + 5.0, 3.0 * (0.8 * r[0] + 0.6 * r[1]) - 1.0])
            .collect();
        assert!((linear_cka(&x, &turned, n).expect("varies") - 1.0).abs() < 1e-5);
        // As wide as there are items: the biased estimate would be about one half.
        let (a, b) = (random(n, n, 4), random(n, n, 5));
        assert!(linear_cka(&a, &b, n).expect("varies").abs() < 0.02);
    }

    #[test]
    fn too_little_gives_none() {
        assert_eq!(linear_cka(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0], 3), None);
        assert_eq!(linear_cka(&[], &[], 0), None);
        assert_eq!(linear_cka(&[1.0; 8], &[1.0, 2.0, 3.0, 4.0], 4), None);
    }
}
