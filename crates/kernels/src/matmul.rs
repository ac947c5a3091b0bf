//! Matrix products of activations with each other on the CPU, through the `gemm` crate.

#![allow(unsafe_code)]

use std::ops::Range;

use gemm::Parallelism;

/// A row-major matrix inside a larger buffer: `rows × cols`, rows `stride` apart.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub(super) data: &'a [f32],
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) stride: usize,
}

impl<'a> View<'a> {
    /// All of a row-major `rows × cols` buffer.
    pub fn new(data: &'a [f32], rows: usize, cols: usize) -> Self {
        Self::strided(data, rows, cols, cols)
    }

    /// `rows × cols` values, rows `stride` apart.
    ///
    /// # Panics
    /// If the buffer is too short.
    pub fn strided(data: &'a [f32], rows: usize, cols: usize, stride: usize) -> Self {
        let needed = if rows == 0 || cols == 0 { 0 } else { (rows - 1) * stride + cols };
        assert!(data.len() >= needed && (rows <= 1 || stride >= cols), "view exceeds its buffer");
        Self { data, rows, cols, stride }
    }

    /// Some rows.
    pub fn rows(self, rows: Range<usize>) -> Self {
        let start = (rows.start * self.stride).min(self.data.len());
        Self::strided(&self.data[start..], rows.len(), self.cols, self.stride)
    }

    /// The columns `from..to` of every row.
    pub fn columns(self, from: usize, to: usize) -> Self {
        Self::strided(&self.data[from.min(self.data.len())..], self.rows, to - from, self.stride)
    }
}

/// What happens to the values already in the output.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Overwritten.
    Replace,
    /// Added to.
    Accumulate,
}

/// `out (+)= x · wᵀ` for `x [m,k]`, `w [n,k]`, `out [m,n]` with rows `out_stride` apart.
///
/// # Panics
/// If shapes do not fit.
pub fn times_transposed(out: &mut [f32], out_stride: usize, x: View<'_>, w: View<'_>, output: Output, threads: usize) {
    assert_eq!(x.cols, w.cols, "inner dimensions differ");
    product(out, out_stride, x, w.rows, (w, 1, w.stride), output, threads);
}

/// `out (+)= x · y` for `x [m,k]`, `y [k,n]`, `out [m,n]` with rows `out_stride` apart.
///
/// # Panics
/// If shapes do not fit.
pub fn times(out: &mut [f32], out_stride: usize, x: View<'_>, y: View<'_>, output: Output, threads: usize) {
    assert_eq!(x.cols, y.rows, "inner dimensions differ");
    product(out, out_stride, x, y.cols, (y, y.stride, 1), output, threads);
}

/// The call itself; `right` is the right operand with its row and column strides as a `k × n` matrix.
fn product(
    out: &mut [f32],
    out_stride: usize,
    x: View<'_>,
    n: usize,
    right: (View<'_>, usize, usize),
    output: Output,
    threads: usize,
) {
    let (m, k) = (x.rows, x.cols);
    if m == 0 || n == 0 {
        return;
    }
    assert!(out.len() >= (m - 1) * out_stride + n && (m == 1 || out_stride >= n), "output too short");
    let parallelism = if threads > 1 { Parallelism::Rayon(threads) } else { Parallelism::None };
    let stride = |s: usize| isize::try_from(s).expect("a slice's length fits isize because Rust guarantees it");
    let (right, right_rows, right_cols) = right;
    let accumulate = output == Output::Accumulate;
    // SAFETY: the views were checked to lie inside their slices (`View::strided`), `out` was checked just above,
    // and `out` is borrowed mutably, so it overlaps neither operand; the strides are those the checks used.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            stride(out_stride),
            accumulate,
            x.data.as_ptr(),
            1,
            stride(x.stride),
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
            let view = View::strided(&x, m, k, xs);
            times_transposed(&mut out, os, view, View::strided(&w, n, k, ws), Output::Accumulate, 1);
            let mut plain = vec![9.0; m * os];
            times(&mut plain, os, view, View::strided(&y, k, n, n + 4), Output::Replace, 2);
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
}
