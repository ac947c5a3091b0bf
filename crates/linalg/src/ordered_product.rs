//! The product of two f32 matrices with the same bits on every machine: takes the factors, gives the dense matrix.
//!
//! Each element is summed in f64 in the order of the inner index, and rounded to f32 once. The product of two f32 numbers
//! has at most 48 significant bits and is exact in f64, so that a sum depends on the order of its terms alone: not on the
//! width of vectors, on fused multiply-adds or on the number of threads. A general matrix product promises no order.

use std::thread;

use crate::matrix::Matrix;

/// Rows of a tile of sums.
const ROWS: usize = 2;
/// Columns of a tile of sums. With two rows, the sums fill half of the vector registers of the oldest processors.
const COLS: usize = 8;
/// Products of numbers below which starting a thread costs more than it saves.
const SMALL: usize = 1 << 20;

/// One column panel of the right factor in f64, `[inner, COLS]`.
type Panel = Vec<[f64; COLS]>;

/// Computes `finish(position, (left·right)[position])` for every element of the product of `left` \[m, k\] and `right`
/// \[k, n\], on `threads` threads (0 counts as 1). Positions count row by row.
pub(crate) fn ordered_product(
    left: &Matrix,
    right: &Matrix,
    threads: usize,
    finish: impl Fn(usize, f64) -> f32 + Sync,
) -> Matrix {
    let [m, k, n] = [left.rows(), left.cols(), right.cols()];
    let mut product = Matrix::zeros(m, n);
    if m == 0 || n == 0 {
        return product;
    }
    let is_small = m.saturating_mul(n).saturating_mul(k) < SMALL;
    let bands = if is_small { 1 } else { threads.clamp(1, m) };
    let rows = m.div_ceil(bands);
    let finish = &finish;
    thread::scope(|scope| {
        let mut bands = product.data_mut().chunks_mut(rows * n).enumerate();
        let own = bands.next();
        for (band, values) in bands {
            scope.spawn(move || fill_band(left, right, band * rows, values, finish));
        }
        if let Some((_, values)) = own {
            fill_band(left, right, 0, values, finish);
        }
    });
    product
}

/// Fills the rows of the product from row `first` on.
fn fill_band(left: &Matrix, right: &Matrix, first: usize, band: &mut [f32], finish: &impl Fn(usize, f64) -> f32) {
    let n = right.cols();
    let rows = band.len() / n;
    let mut panel: Panel = vec![[0.0; COLS]; right.rows()];
    for col in (0..n).step_by(COLS) {
        let cols = COLS.min(n - col);
        for (k, line) in panel.iter_mut().enumerate() {
            // What is left of a wider panel in the other columns is computed with, and not read.
            line.iter_mut().zip(&right.row(k)[col..col + cols]).for_each(|(x, y)| *x = f64::from(*y));
        }
        for row in (0..rows).step_by(ROWS) {
            // The last row of an odd number is computed twice.
            let other = (row + 1).min(rows - 1);
            let sums = tile([left.row(first + row), left.row(first + other)], &panel);
            for (row, sums) in [row, other].into_iter().zip(sums) {
                let start = row * n + col;
                for (j, (value, sum)) in band[start..start + cols].iter_mut().zip(sums).enumerate() {
                    *value = finish(first * n + start + j, sum);
                }
            }
        }
    }
}

/// Sums of the products of two rows of the left factor with a panel of the right one.
fn tile([a, b]: [&[f32]; ROWS], panel: &[[f64; COLS]]) -> [[f64; COLS]; ROWS] {
    let mut sums = [[0.0; COLS]; ROWS];
    for ((line, a), b) in panel.iter().zip(a).zip(b) {
        for (sums, factor) in sums.iter_mut().zip([f64::from(*a), f64::from(*b)]) {
            sums.iter_mut().zip(line).for_each(|(sum, value)| *sum += factor * value);
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_matrices::gaussian;

    #[test]
    fn every_element_is_the_sum_in_order_for_any_number_of_threads() {
        // The last shape is large enough for threads.
        for (m, k, n) in [(1, 1, 1), (3, 2, 9), (5, 7, 8), (2, 0, 3), (0, 2, 3), (4, 2, 0), (67, 129, 131)] {
            let (left, right) = (gaussian(m, k, 1), gaussian(k, n, 2));
            let naive = |x: usize| {
                let terms = (0..k).map(|i| f64::from(left.row(x / n)[i]) * f64::from(right.row(i)[x % n]));
                terms.fold(0.0, |sum, term| sum + term) as f32
            };
            let expected: Vec<u32> = (0..m * n).map(|x| naive(x).to_bits()).collect();
            for threads in [0, 1, 2, 3, 100] {
                let found = ordered_product(&left, &right, threads, |_, sum| sum as f32);
                let found: Vec<u32> = found.data().iter().map(|x| x.to_bits()).collect();
                assert_eq!(found, expected, "{m} {k} {n} on {threads} threads");
            }
        }
    }

    #[test]
    fn products_of_two_numbers_are_exact() {
        // A fused multiply-add gives the same bits, since there is nothing to round before the addition.
        for (a, b) in [(1.0f32 + f32::EPSILON, 1.0 - f32::EPSILON), (f32::MAX, f32::MAX), (1e-45, 1e-45), (-3.3, 7.7e9)]
        {
            let (a, b) = (f64::from(a), f64::from(b));
            for c in [0.0, 1.0, -1e-30, a * b] {
                assert_eq!(a.mul_add(b, c).to_bits(), (a * b + c).to_bits(), "{a} {b} {c}");
            }
        }
    }

    #[test]
    fn positions_count_row_by_row() {
        let (left, right) = (gaussian(5, 2, 3), gaussian(2, 11, 4));
        let found = ordered_product(&left, &right, 2, |at, _| at as f32);
        assert!(found.data().iter().enumerate().all(|(at, x)| *x == at as f32));
    }
}
