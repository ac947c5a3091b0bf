//! Products of two activation matrices on the CPU, through the `gemm` crate. (Products with a weight of the model are
//! in `packed`.)

#![allow(unsafe_code)] // `gemm::gemm` takes pointers

use gemm::Parallelism;

use crate::matrix_view::MatrixView;

/// Whether a product overwrites the output or is added to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutputMode {
    /// The product overwrites the output.
    Replace,
    /// The product is added to the output.
    Accumulate,
}

/// Computes `x · wᵀ`; `mode` says whether it replaces `out` or is added to it: `x [m, k]`, `w [n, k]`, `out [m, n]` with rows `out_stride` values apart.
///
/// # Panics
/// If shapes do not fit.
pub(crate) fn matmul_transposed(
    out: &mut [f32],
    out_stride: usize,
    x: MatrixView<'_>,
    w: MatrixView<'_>,
    mode: OutputMode,
    threads: usize,
) {
    assert_eq!(x.cols, w.cols, "inner dimensions differ");
    let sizes = (x.rows, w.rows, x.cols);
    call_gemm(out, out_stride, sizes, (x, x.stride, 1), (w, 1, w.stride), mode, threads);
}

/// Computes `x · y`; `mode` says whether it replaces `out` or is added to it: `x [m, k]`, `y [k, n]`, `out [m, n]` with rows `out_stride` values apart.
///
/// # Panics
/// If shapes do not fit.
pub(crate) fn matmul(
    out: &mut [f32],
    out_stride: usize,
    x: MatrixView<'_>,
    y: MatrixView<'_>,
    mode: OutputMode,
    threads: usize,
) {
    assert_eq!(x.cols, y.rows, "inner dimensions differ");
    let sizes = (x.rows, y.cols, x.cols);
    call_gemm(out, out_stride, sizes, (x, x.stride, 1), (y, y.stride, 1), mode, threads);
}

/// Computes `xᵀ · y`; `mode` says whether it replaces `out` or is added to it: `x [k, m]`, `y [k, n]`, `out [m, n]` with rows `out_stride` values apart.
///
/// # Panics
/// If shapes do not fit.
pub(crate) fn matmul_left_transposed(
    out: &mut [f32],
    out_stride: usize,
    x: MatrixView<'_>,
    y: MatrixView<'_>,
    mode: OutputMode,
    threads: usize,
) {
    assert_eq!(x.rows, y.rows, "inner dimensions differ");
    let sizes = (x.cols, y.cols, x.rows);
    call_gemm(out, out_stride, sizes, (x, 1, x.stride), (y, y.stride, 1), mode, threads);
}

/// A matrix with the distances, in values, between its rows and between its columns.
type Strided<'a> = (MatrixView<'a>, usize, usize);

/// Computes a product of the sizes `(m, n, k)`: `left` as a matrix `[m, k]` times `right` as a matrix `[k, n]`.
fn call_gemm(
    out: &mut [f32],
    out_stride: usize,
    (m, n, k): (usize, usize, usize),
    left: Strided<'_>,
    right: Strided<'_>,
    mode: OutputMode,
    threads: usize,
) {
    if m == 0 || n == 0 {
        return;
    }
    assert!(out.len() >= (m - 1) * out_stride + n && (m == 1 || out_stride >= n), "output too short");
    let parallelism = if threads > 1 { Parallelism::Rayon(threads) } else { Parallelism::None };
    let stride = |s: usize| isize::try_from(s).expect("a slice's length fits isize because Rust guarantees it");
    let ((left, left_rows, left_cols), (right, right_rows, right_cols)) = (left, right);
    let accumulate = mode == OutputMode::Accumulate;
    // SAFETY: both operands lie inside their slices (checked in `MatrixView::strided`), `out` is long enough (checked
    // above), and `out` is borrowed mutably, so it overlaps neither operand; the strides are those of the checks.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            stride(out_stride),
            accumulate,
            left.data.as_ptr(),
            stride(left_cols),
            stride(left_rows),
            right.data.as_ptr(),
            stride(right_cols),
            stride(right_rows),
            if accumulate { 1.0 } else { 0.0 },
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(n: usize, seed: f32) -> Vec<f32> {
        (0..n).map(|i| (i as f32 * 0.7 + seed).sin()).collect()
    }

    #[test]
    fn both_products_equal_the_naive_sum_on_strided_views() {
        for (m, n, k) in [(1, 1, 1), (1, 7, 5), (3, 16, 33), (17, 5, 64), (40, 30, 20), (2, 3, 0)] {
            let (xs, ws, os) = (k + 3, k + 1, n + 2);
            let (x, w) = (values(m * xs + 1, 0.1), values(n * ws + 1, 0.2));
            let y = values(k * (n + 4) + 1, 0.3);
            let mut out = vec![0.5; m * os];
            let view = MatrixView::strided(&x, m, k, xs);
            matmul_transposed(&mut out, os, view, MatrixView::strided(&w, n, k, ws), OutputMode::Accumulate, 1);
            let mut plain = vec![9.0; m * os];
            matmul(&mut plain, os, view, MatrixView::strided(&y, k, n, n + 4), OutputMode::Replace, 2);
            for i in 0..m {
                for j in 0..n {
                    let sum: f64 = (0..k).map(|l| f64::from(x[i * xs + l]) * f64::from(w[j * ws + l])).sum();
                    assert!((f64::from(out[i * os + j]) - 0.5 - sum).abs() < 1e-4);
                    let sum: f64 = (0..k).map(|l| f64::from(x[i * xs + l]) * f64::from(y[l * (n + 4) + j])).sum();
                    assert!((f64::from(plain[i * os + j]) - sum).abs() < 1e-4);
                }
                assert!(out[i * os + n..(i + 1) * os].iter().all(|v| *v == 0.5), "wrote between rows");
            }
        }
    }

    #[test]
    fn the_product_with_a_transposed_left_matrix_equals_the_naive_sum() {
        for (m, n, k) in [(1, 1, 1), (7, 3, 5), (40, 30, 20), (3, 2, 0)] {
            let (x, y) = (values(k * (m + 2) + 1, 0.1), values(k * (n + 1) + 1, 0.2));
            let mut out = vec![0.5; m * n];
            let (left, right) = (MatrixView::strided(&x, k, m, m + 2), MatrixView::strided(&y, k, n, n + 1));
            matmul_left_transposed(&mut out, n, left, right, OutputMode::Accumulate, 1);
            for (i, out) in out.iter().enumerate() {
                let (row, col) = (i / n, i % n);
                let sum: f64 = (0..k).map(|l| f64::from(x[l * (m + 2) + row]) * f64::from(y[l * (n + 1) + col])).sum();
                assert!((f64::from(*out) - 0.5 - sum).abs() < 1e-4);
            }
        }
    }
}
