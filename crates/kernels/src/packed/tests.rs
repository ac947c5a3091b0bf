//! The product against the naive sum, and against itself: equal bits for all kernels, threads, rows and column ranges.

use super::product::Product;
use super::tile::Kernel;
use super::*;

fn values(n: usize, seed: f32) -> Vec<f32> {
    (0..n).map(|i| (i as f32 * 0.7 + seed).sin()).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

/// `(outputs, width)` with full and ragged panels, and one or several blocks of the inner dimension.
const SHAPES: [(usize, usize); 7] = [(1, 1), (7, 5), (32, 16), (33, 64), (64, 0), (100, 40), (70, 1700)];

#[test]
fn unpacking_gives_the_packed_values() {
    for (out, width) in SHAPES {
        let w = values(out * width, 0.1);
        let packed = Packed::new(&w, out, width);
        assert_eq!(packed.unpack(), w);
        assert_eq!(packed.row(out - 1).collect::<Vec<_>>(), w[(out - 1) * width..]);
    }
}

#[test]
fn the_product_equals_the_naive_sum_on_strided_rows() {
    for (out, width) in SHAPES {
        let w = values(out * width, 0.2);
        let packed = Packed::new(&w, out, width);
        for m in [0, 1, 3, 14, 15, 40] {
            let stride = width + 3;
            let x = values(m * stride, 0.3);
            let view = MatrixView::strided(&x, m, width, stride);
            let (bias, residual) = (values(out, 0.4), values(3 * out, 0.5));
            let mut y = vec![7.0; 2];
            append_product(&mut y, view, &packed.all(), InitialSums::Bias(&bias), 1);
            append_product(&mut y, view, &packed.all(), InitialSums::LastRows, 1);
            append_product(&mut y, view, &packed.all(), InitialSums::Residual(&residual), 2);
            append_product(&mut y, view, &packed.all(), InitialSums::Zero, 2);
            add_product(&mut y[2 + 3 * m * out..], view, &packed.all(), 1);
            assert_eq!((y.len(), &y[..2]), (2 + 4 * m * out, [7.0; 2].as_slice()));
            for i in 0..m {
                for j in 0..out {
                    let sum: f64 = (0..width).map(|l| f64::from(x[i * stride + l]) * f64::from(w[j * width + l])).sum();
                    let (bias, residual) = (f64::from(bias[j]), f64::from(residual[i % 3 * out + j]));
                    let expected = [bias + sum, bias + 2.0 * sum, residual + sum, 2.0 * sum];
                    for (part, expected) in expected.into_iter().enumerate() {
                        let found = f64::from(y[2 + (part * m + i) * out + j]);
                        assert!(
                            (found - expected).abs() < 1e-4 + 1e-5 * expected.abs(),
                            "part {part} of {m}x{width}x{out}: {found}, {expected}"
                        );
                    }
                }
            }
        }
    }
}

/// One element of the product, as the chain of fused multiply-adds that defines it.
fn chain(x: &[f32], w: &[f32], initial: f32) -> f32 {
    x.iter().zip(w).fold(initial, |sum, (x, w)| x.mul_add(*w, sum))
}

#[test]
fn bits_depend_neither_on_rows_nor_threads_nor_column_ranges_nor_instructions() {
    for (out, width) in SHAPES {
        let w = values(out * width, 0.6);
        let packed = Packed::new(&w, out, width);
        for m in [1, 2, 5, 8, 13, 14, 17, 29, 61] {
            let x = values(m * width, 0.8);
            let residual = values(m * out, 0.9);
            let mut expected = Vec::new();
            for (x, initial) in (0..m).map(|i| (&x[i * width..(i + 1) * width], &residual[i * out..(i + 1) * out])) {
                expected.extend((0..out).map(|j| chain(x, &w[j * width..(j + 1) * width], initial[j])));
            }
            let expected = bits(&expected);
            let x = MatrixView::new(&x, m, width);
            for (name, kernel) in Kernel::all() {
                for threads in [1, 3] {
                    let all = packed.all();
                    let mut whole = Vec::new();
                    Product { x, w: &all, kernel, threads }.append(&mut whole, InitialSums::Residual(&residual));
                    assert_eq!(bits(&whole), expected, "{name}, {m}x{width}x{out}, {threads} threads");
                    let mut in_ranges = residual.clone();
                    let cuts = [0, width / 7, width / 2, width / 2, width];
                    for cut in cuts.windows(2) {
                        let (x, w) = (x.columns(cut[0], cut[1]), packed.columns(cut[0]..cut[1]));
                        Product { x, w: &w, kernel, threads }.add(&mut in_ranges);
                    }
                    assert_eq!(
                        bits(&in_ranges),
                        expected,
                        "{name}, {m}x{width}x{out} in column ranges, {threads} threads"
                    );
                }
            }
        }
    }
}
