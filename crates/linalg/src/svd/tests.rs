//! Tests of the decomposition on all kinds of matrices: every property it must have, and the singular values against a
//! one-sided Jacobi iteration that shares no code with it.

use proptest::prelude::*;

use super::*;
use crate::compare::Tolerance;
use crate::test_matrices::{gaussian, with_spectrum};

const METHODS: [Method; 3] = [Method::Auto, Method::Gram, Method::Thin];

/// Computes singular values in f64 by rotating pairs of columns of the tall side until all are orthogonal
/// (Hestenes 1958).
fn jacobi(w: &Matrix) -> Vec<f64> {
    let [m, n] = [w.rows(), w.cols()];
    let at = |i: usize, j: usize| f64::from(w.row(i)[j]);
    let mut columns: Vec<Vec<f64>> = if m >= n {
        (0..n).map(|j| (0..m).map(|i| at(i, j)).collect()).collect()
    } else {
        (0..m).map(|i| (0..n).map(|j| at(i, j)).collect()).collect()
    };
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    for _ in 0..60 {
        let mut rotated = false;
        for p in 0..columns.len() {
            for q in p + 1..columns.len() {
                let (head, tail) = columns.split_at_mut(q);
                let [x, y] = [&mut head[p], &mut tail[0]];
                let [xx, yy, xy] = [dot(x, x), dot(y, y), dot(x, y)];
                if xy.abs() <= 1e-15 * (xx * yy).sqrt() {
                    continue;
                }
                rotated = true;
                let zeta = (yy - xx) / (2.0 * xy);
                let t = zeta.signum() / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
                let c = 1.0 / (1.0 + t * t).sqrt();
                for (x, y) in x.iter_mut().zip(y.iter_mut()) {
                    (*x, *y) = (c * (*x - t * *y), c * (*y + t * *x));
                }
            }
        }
        if !rotated {
            break;
        }
    }
    let mut s: Vec<f64> = columns.iter().map(|x| dot(x, x).sqrt()).collect();
    s.sort_by(|a, b| b.total_cmp(a));
    s
}

/// Computes max |Qᵀ·Q − I| over pairs of columns of Q; `rows` are the rows of Qᵀ.
fn orthogonality_error(rows: &[Vec<f64>]) -> f64 {
    let mut worst = 0.0f64;
    for (i, x) in rows.iter().enumerate() {
        for (j, y) in rows.iter().enumerate().take(i + 1) {
            let dot: f64 = x.iter().zip(y).map(|(x, y)| x * y).sum();
            worst = worst.max((dot - f64::from(u8::from(i == j))).abs());
        }
    }
    worst
}

fn to_f64(row: &[f32]) -> Vec<f64> {
    row.iter().map(|&x| f64::from(x)).collect()
}

/// Checks shapes, order, signs, orthogonality and reconstruction, and compares σ with [`jacobi`].
fn check(w: &Matrix, method: Method, threads: usize) {
    let svd = decompose(w.view(), method, threads).unwrap();
    let [m, n, k] = [w.rows(), w.cols(), w.rows().min(w.cols())];
    let context = format!("{m} x {n}, {method:?}, {threads} threads");
    assert_eq!([svd.u.rows(), svd.u.cols(), svd.vt.rows(), svd.vt.cols()], [m, k, k, n]);

    let largest = svd.s[0];
    assert!(svd.s.windows(2).all(|s| s[0] >= s[1]), "{context}: order");
    assert!(svd.s[k - 1] >= 0.0, "{context}: sign of σ");
    for (i, (found, expected)) in svd.s.iter().zip(jacobi(w)).enumerate() {
        let error = (found - expected).abs();
        assert!(error <= 1e-10 * largest, "{context}: σ{i} {found}, expected {expected}");
    }

    let columns: Vec<Vec<f64>> = (0..k).map(|j| (0..m).map(|i| f64::from(svd.u.row(i)[j])).collect()).collect();
    let rows: Vec<Vec<f64>> = (0..k).map(|j| to_f64(svd.vt.row(j))).collect();
    for (side, vectors) in [("u", &columns), ("v", &rows)] {
        let error = orthogonality_error(vectors);
        assert!(error < 1e-6, "{context}: {side} orthogonal within {error:e}");
    }
    for column in &columns {
        let largest = column.iter().fold(0.0f64, |a, x| if x.abs() > a.abs() { *x } else { a });
        assert!(largest > 0.0, "{context}: sign convention");
    }

    let mut product = vec![0.0f64; m * n];
    for ((u, v), s) in columns.iter().zip(&rows).zip(&svd.s) {
        for i in 0..m {
            for j in 0..n {
                product[i * n + j] += s * u[i] * v[j];
            }
        }
    }
    for (found, &expected) in product.iter().zip(w.data()) {
        let error = (found - f64::from(expected)).abs();
        assert!(error <= 1e-6 * largest, "{context}: reconstruction off by {error:e}");
    }
}

fn check_all(w: &Matrix) {
    for method in METHODS {
        check(w, method, 1);
    }
}

#[test]
fn the_jacobi_reference_is_right_for_a_known_matrix() {
    let w = Matrix::new(2, 2, vec![3.0, 0.0, 4.0, 5.0]).unwrap(); // σ = 3√5, √5
    let s = jacobi(&w);
    assert!((s[0] - 45f64.sqrt()).abs() < 1e-14 && (s[1] - 5f64.sqrt()).abs() < 1e-14);
}

#[test]
fn tall_wide_square_and_degenerate_shapes() {
    for (m, n) in [(1, 1), (1, 9), (9, 1), (2, 2), (33, 20), (20, 33), (48, 48), (300, 7), (7, 300)] {
        check_all(&gaussian(m, n, (m * 1000 + n) as u64));
    }
}

#[test]
fn sizes_above_the_divide_and_conquer_threshold() {
    for (m, n) in [(150, 150), (140, 200)] {
        check_all(&gaussian(m, n, 5));
        check(&gaussian(m, n, 5), Method::Auto, 2);
    }
}

#[test]
fn rank_deficient_matrices() {
    let mut s = vec![0.0; 24];
    s[..5].copy_from_slice(&[9.0, 4.0, 3.0, 1.0, 0.1]);
    for (m, n) in [(24, 24), (24, 60), (60, 24)] {
        check_all(&with_spectrum(m, n, &s, 17));
    }
    // Exactly deficient: equal rows, and a block of zeros.
    let mut data = gaussian(20, 30, 3).into_data();
    data.copy_within(0..30, 30);
    data[60..300].fill(0.0);
    check_all(&Matrix::new(20, 30, data).unwrap());
}

#[test]
fn a_spectrum_over_many_orders_of_magnitude() {
    // σ/σ₁ from 1 to 1e-10: on both sides of the ratio where the Gram method starts to refine.
    let s: Vec<f64> = (0..40).map(|i| 10f64.powf(-0.25 * f64::from(i))).collect();
    for (m, n) in [(40, 40), (40, 90), (90, 40)] {
        check_all(&with_spectrum(m, n, &s, 23));
    }
}

#[test]
fn repeated_singular_values() {
    let identity: Vec<f32> = (0..36).map(|i| f32::from(u8::from(i % 7 == 0))).collect();
    check_all(&Matrix::new(6, 6, identity).unwrap());
    let s: Vec<f64> = (0..30).map(|i| if i < 15 { 2.0 } else { 1.0 }).collect();
    check_all(&with_spectrum(30, 45, &s, 29));
}

#[test]
fn constant_matrices() {
    for (m, n) in [(1, 1), (8, 8), (5, 40), (40, 5), (150, 160)] {
        check_all(&Matrix::new(m, n, vec![0.25; m * n]).unwrap());
        check_all(&Matrix::new(m, n, vec![-3.0; m * n]).unwrap());
    }
}

#[test]
fn a_zero_matrix_has_zero_values_and_orthonormal_vectors() {
    for (m, n) in [(1, 1), (4, 4), (3, 8), (8, 3), (140, 140)] {
        for method in METHODS {
            let svd = decompose(Matrix::zeros(m, n).view(), method, 1).unwrap();
            assert!(svd.s.iter().all(|&s| s == 0.0));
            let rows: Vec<_> = (0..svd.s.len()).map(|j| to_f64(svd.vt.row(j))).collect();
            assert!(orthogonality_error(&rows) < 1e-6);
        }
    }
}

#[test]
fn an_empty_matrix_has_no_components() {
    for (m, n) in [(0, 0), (0, 5), (5, 0)] {
        let svd = decompose(Matrix::zeros(m, n).view(), Method::Auto, 1).unwrap();
        assert_eq!([svd.u.rows(), svd.s.len(), svd.vt.cols()], [m, 0, n]);
    }
}

#[test]
fn the_scale_of_the_entries_does_not_matter() {
    let plain = gaussian(20, 30, 31);
    let expected = decompose(plain.view(), Method::Auto, 1).unwrap();
    for scale in [1e-30f32, 1e-6, 1e6, 1e30] {
        let data: Vec<f32> = plain.data().iter().map(|x| x * scale).collect();
        let w = Matrix::new(20, 30, data).unwrap();
        check_all(&w);
        let svd = decompose(w.view(), Method::Auto, 1).unwrap();
        for (found, expected) in svd.s.iter().zip(&expected.s) {
            assert!((found / f64::from(scale) / expected - 1.0).abs() < 1e-6);
        }
    }
    // Subnormal entries differ from normal ones by a power of two only: the vectors agree to the bit.
    let small: Vec<f32> = [3.0f32, 1.0, 2.0, 5.0].map(|x| x * f32::from_bits(1)).to_vec();
    let small = decompose(Matrix::new(2, 2, small).unwrap().view(), Method::Auto, 1).unwrap();
    let large = Matrix::new(2, 2, vec![3.0, 1.0, 2.0, 5.0]).unwrap();
    let large = decompose(large.view(), Method::Auto, 1).unwrap();
    assert_eq!((small.u, small.vt), (large.u, large.vt));
}

#[test]
fn the_same_call_gives_the_same_bits() {
    let w = gaussian(160, 200, 37);
    for threads in [1, 2] {
        let run = || decompose(w.view(), Method::Auto, threads).unwrap();
        assert_eq!(run(), run());
    }
}

#[test]
fn the_methods_agree_on_every_component() {
    let w = gaussian(60, 100, 41);
    let [gram, thin] = [Method::Gram, Method::Thin].map(|x| decompose(w.view(), x, 1).unwrap());
    let tolerance = Tolerance { absolute: 1e-6, relative: 0.0 };
    assert_eq!(tolerance.check(gram.u.data(), thin.u.data()), Ok(()));
    assert_eq!(tolerance.check(gram.vt.data(), thin.vt.data()), Ok(()));
}

#[test]
fn the_coordinates_of_a_nan_are_reported() {
    let mut data = vec![1.0; 6];
    data[5] = f32::NAN;
    let w = Matrix::new(2, 3, data).unwrap();
    let error = decompose(w.view(), Method::Auto, 1).unwrap_err();
    assert!(matches!(error, LinalgError::NotFinite { row: 1, col: 2, .. }));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    /// Checks matrices of few distinct small integers, in which exact ties, zero rows and rank deficiency are common.
    #[test]
    fn small_integer_matrices(
        (m, n, data) in (1usize..=9, 1usize..=9).prop_flat_map(|(m, n)| {
            (Just(m), Just(n), prop::collection::vec(-2i8..=2, m * n))
        }),
        method in prop::sample::select(&METHODS[..]),
    ) {
        let data: Vec<f32> = data.into_iter().map(f32::from).collect();
        prop_assume!(data.iter().any(|&x| x != 0.0));
        check(&Matrix::new(m, n, data).unwrap(), method, 1);
    }

    /// Checks entries of widely different magnitudes, as far as f32 factors can hold their singular values.
    #[test]
    fn entries_of_all_magnitudes(
        (m, n, data) in (1usize..=6, 1usize..=6).prop_flat_map(|(m, n)| {
            (Just(m), Just(n), prop::collection::vec((-1.0f32..1.0, -30i32..30), m * n))
        }),
        method in prop::sample::select(&METHODS[..]),
    ) {
        let data: Vec<f32> = data.into_iter().map(|(x, e)| x * 10f32.powi(e)).collect();
        prop_assume!(data.iter().any(|&x| x != 0.0));
        check(&Matrix::new(m, n, data).unwrap(), method, 1);
    }
}
