//! The product against the naive sum, and against itself: equal bits for all kernels, threads, rows and column ranges.

use super::product::Product;
use super::tile::Kernel;
use super::*;
use crate::row_reader::RowReader;

fn values(n: usize, seed: f32) -> Vec<f32> {
    (0..n).map(|i| (i as f32 * 0.7 + seed).sin()).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

/// `(outputs, width)` with full and ragged panels, and one or several blocks of the inner dimension.
const SHAPES: [(usize, usize); 7] = [(1, 1), (7, 5), (32, 16), (33, 64), (64, 0), (100, 40), (70, 1700)];

fn packed_in(float_type: FloatType, w: &[f32], out: usize, width: usize) -> Packed {
    let read = |rows: Range<usize>, to: &mut [f32]| -> std::result::Result<(), std::convert::Infallible> {
        to.copy_from_slice(&w[rows.start * width..rows.end * width]);
        Ok(())
    };
    let Ok(packed) = Packed::from_rows(float_type, out, width, read);
    packed
}

/// Values of each type of floats, with the weight that stores them in this type.
fn forms(out: usize, width: usize, seed: f32) -> Vec<(Vec<f32>, Packed)> {
    let w = values(out * width, seed);
    let bf16: Vec<f32> = w.iter().map(|value| half::bf16::from_f32(*value).to_f32()).collect();
    let f16: Vec<f32> = w.iter().map(|value| half::f16::from_f32(*value * 1e-3).to_f32()).collect();
    let in_f32 = Packed::new(&w, out, width);
    let [in_bf16, in_f16] = [(FloatType::Bf16, &bf16), (FloatType::F16, &f16)].map(|(float_type, w)| {
        let packed = packed_in(float_type, w, out, width);
        assert_eq!(packed.bytes(), out.div_ceil(PANEL) * PANEL * width * 2, "two bytes for each value");
        packed
    });
    let codes = [(4, 8, false), (8, 128, false), (4, 0, true), (8, 0, true)].map(|(bits, zero, has_offsets)| {
        let run = if width.is_multiple_of(4) { 4 } else { width.max(1) };
        in_codes(CodeFormat { run, bits, zero, has_offsets }, out, width, seed)
    });
    [(w, in_f32), (bf16, in_bf16), (f16, in_f16)].into_iter().chain(codes).collect()
}

/// Values that codes stand for, with the weight that stores the codes.
fn in_codes(format: CodeFormat, out: usize, width: usize, seed: f32) -> (Vec<f32>, Packed) {
    let CodeFormat { run, bits, zero, has_offsets } = format;
    let runs = out * width / run;
    let codes: Vec<u8> = (0..out * width).map(|i| (i * 7 + i / 5) as u8 % (((1_u32 << bits) - 1) as u8)).collect();
    // Scales of either sign; with few bits, as those of files are, so that their products with codes are exact.
    let f16 = |n, seed| -> Vec<f32> { values(n, seed).iter().map(|v| half::f16::from_f32(*v).to_f32()).collect() };
    let (scales, offsets) = (f16(runs, seed), f16(if has_offsets { runs } else { 0 }, seed + 0.5));
    let value = |i: usize| {
        let offset = offsets.get(i / run).copied().unwrap_or(-0.0);
        scales[i / run] * (f32::from(codes[i]) - f32::from(zero)) + offset
    };
    let w: Vec<f32> = (0..out * width).map(value).collect();
    let read = |rows: Range<usize>,
                to: &mut [f32],
                part: &mut CodeRows|
     -> std::result::Result<(), std::convert::Infallible> {
        let (values, of_runs) =
            (rows.start * width..rows.end * width, rows.start * width / run..rows.end * width / run);
        to.copy_from_slice(&w[values.clone()]);
        part.codes.copy_from_slice(&codes[values]);
        part.scales.copy_from_slice(&scales[of_runs.clone()]);
        if has_offsets {
            part.offsets.copy_from_slice(&offsets[of_runs]);
        }
        Ok(())
    };
    let Ok(packed) = Packed::from_codes(format, out, width, read);
    assert_eq!(packed.bytes(), Packed::bytes_of_codes(format, [out, width]), "codes, scales and offsets");
    (w, packed)
}

#[test]
fn codes_that_stand_for_other_values_are_not_used() {
    let format = CodeFormat { run: 4, bits: 4, zero: 8, has_offsets: false };
    let (mut w, packed) = in_codes(format, 70, 8, 0.6);
    assert_eq!(bits(&packed.unpack()), bits(&w));
    w[60 * 8 + 3] += 1.0;
    let read = |rows: Range<usize>,
                to: &mut [f32],
                part: &mut CodeRows|
     -> std::result::Result<(), std::convert::Infallible> {
        to.copy_from_slice(&w[rows.start * 8..rows.end * 8]);
        part.codes.fill(9);
        part.scales.iter_mut().enumerate().for_each(|(i, scale)| *scale = i as f32);
        Ok(())
    };
    let Ok(packed) = Packed::from_codes(format, 70, 8, read);
    assert_eq!((packed.unpack(), packed.bytes()), (w, 96 * 8 * 4), "all of it is f32");
}

#[test]
fn unpacking_gives_the_packed_values() {
    for (out, width) in SHAPES {
        for (w, packed) in forms(out, width, 0.1) {
            assert_eq!(packed.unpack(), w);
            let mut row = vec![7.0];
            packed.append_row(out - 1, &mut row);
            assert_eq!(row[1..], w[(out - 1) * width..]);
        }
    }
}

#[test]
fn values_that_a_type_does_not_have_are_not_rounded() {
    for float_type in [FloatType::Bf16, FloatType::F16] {
        let mut w = vec![0.5; 70 * 3];
        w[40 * 3 + 1] = 0.1;
        let packed = packed_in(float_type, &w, 70, 3);
        assert_eq!((packed.unpack(), packed.bytes()), (w, 96 * 3 * 4), "all of it is f32");
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
    let forms =
        SHAPES.into_iter().flat_map(|(out, width)| forms(out, width, 0.6).into_iter().map(move |f| (out, width, f)));
    for (out, width, (w, packed)) in forms {
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
                    let product = Product { x, w: Factor::Packed(&all), kernel, threads };
                    product.append(&mut whole, InitialSums::Residual(&residual)).expect("in memory");
                    assert_eq!(bits(&whole), expected, "{name}, {m}x{width}x{out}, {threads} threads");
                    let mut in_ranges = residual.clone();
                    let cuts = [0, width / 7, width / 2, width / 2, width];
                    for cut in cuts.windows(2) {
                        let (x, w) = (x.columns(cut[0], cut[1]), packed.columns(cut[0]..cut[1]));
                        Product { x, w: Factor::Packed(&w), kernel, threads }.add(&mut in_ranges).expect("in memory");
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

/// The values of a weight as if they were in a file; the rows from `broken` on cannot be read.
#[derive(Debug)]
struct Rows {
    values: Vec<f32>,
    width: usize,
    float_type: FloatType,
    broken: usize,
}

impl RowReader for Rows {
    fn dims(&self) -> [usize; 2] {
        [self.values.len() / self.width, self.width]
    }

    fn float_type(&self) -> FloatType {
        self.float_type
    }

    fn read(&self, rows: Range<usize>, values: &mut [f32]) -> Result<()> {
        if rows.end > self.broken {
            return Err(candle_core::Error::Msg(format!("row {} is broken", self.broken)));
        }
        values.copy_from_slice(&self.values[rows.start * self.width..rows.end * self.width]);
        Ok(())
    }

    fn read_ahead(&self) {}

    fn release(&self) {}
}

#[test]
fn a_product_with_rows_of_a_file_has_the_bits_of_the_packed_one() {
    // More panels than are read at a time, and fewer.
    for (out, width) in [(5, 3), (200, 9000), (33, 64)] {
        for (w, packed) in forms(out, width, 0.6) {
            let float_type = packed.storage.float_type();
            let reader = Rows { values: w, width, float_type, broken: out };
            for m in [1, 17] {
                let (x, residual) = (values(m * width, 0.8), values(m * out, 0.9));
                let (x, all) = (MatrixView::new(&x, m, width), packed.all());
                for threads in [1, 3] {
                    let [mut expected, mut found] = [vec![7.0], vec![7.0]];
                    append_product(&mut expected, x, &all, InitialSums::Residual(&residual), threads);
                    append_product_with(
                        &mut found,
                        x,
                        Factor::InFile(&reader),
                        InitialSums::Residual(&residual),
                        threads,
                    )
                    .expect("rows");
                    assert_eq!(bits(&found), bits(&expected), "{m}x{width}x{out}, {float_type:?}");
                    add_product(&mut expected[1..], x, &all, threads);
                    add_product_with(&mut found[1..], x, Factor::InFile(&reader), threads).expect("rows");
                    assert_eq!(bits(&found), bits(&expected), "{m}x{width}x{out} added, {float_type:?}");
                }
            }
        }
    }
}

#[test]
fn a_product_with_an_unreadable_row_appends_nothing() {
    let reader = Rows { values: vec![0.5; 100 * 8], width: 8, float_type: FloatType::F32, broken: 70 };
    let (x, mut y) = (values(4 * 8, 0.1), vec![7.0]);
    let x = MatrixView::new(&x, 4, 8);
    let error = append_product_with(&mut y, x, Factor::InFile(&reader), InitialSums::Zero, 1).expect_err("no row 70");
    assert_eq!((error.to_string().as_str(), y), ("row 70 is broken", vec![7.0]));
}
