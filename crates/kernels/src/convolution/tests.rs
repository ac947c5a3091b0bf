//! Both forms against the formula in f64, row by row; the gradient against the composed form; and independence of the
//! batch.

use candle_core::Var;

use super::*;
use crate::batch_layout::{BatchLayout, CacheRange};
use crate::testing::{check_gradients, difference, random, random_row};

const CHANNELS: usize = 21;

fn chunk(rows: usize, stride: usize) -> KvChunk {
    let k = random(rows, CHANNELS);
    KvChunk { v: k.clone(), k, stride }
}

fn kernels() -> Vec<ConvolutionKernel> {
    let biases = [None, Some(random_row(CHANNELS))];
    let all = [1, 2, 3, 4].into_iter().flat_map(|width| biases.clone().map(|bias| (width, bias)));
    all.map(|(width, bias)| ConvolutionKernel { taps: random(width, CHANNELS), bias }).collect()
}

fn values(t: &Tensor) -> Vec<Vec<f64>> {
    let rows = t.to_vec2::<f32>().expect("rows");
    rows.into_iter().map(|row| row.into_iter().map(f64::from).collect()).collect()
}

/// The formula in f64: each segment's whole sequence is put together from its context, and summed over.
fn naive(chunks: &[KvChunk], kernel: &ConvolutionKernel, layout: SegmentLayout<'_>) -> Vec<Vec<f64>> {
    let own = chunks.len() - 1;
    let inputs: Vec<_> = chunks.iter().map(|chunk| values(&chunk.k)).collect();
    let taps = values(&kernel.taps);
    let bias = kernel.bias.as_ref().map_or(vec![0.0; CHANNELS], |bias| bias.to_vec1::<f32>().expect("bias"));
    let mut out = Vec::new();
    for (copy, segment) in (0..layout.copies).flat_map(|copy| layout.segments.iter().map(move |s| (copy, s))) {
        let mut sequence: Vec<&Vec<f64>> = Vec::new();
        for range in &segment.context {
            let first = match range.chunk == own {
                true => copy * layout.rows,
                false => (segment.variant + copy) * chunks[range.chunk].stride,
            };
            sequence.extend(range.rows.clone().map(|row| &inputs[range.chunk][first + row]));
        }
        let context = sequence.len();
        sequence.extend(segment.rows.clone().map(|row| &inputs[own][copy * layout.rows + row]));
        for t in context..sequence.len() {
            let value = |channel: usize| {
                let of_tap = |(tap, weights): (usize, &Vec<f64>)| {
                    let back = taps.len() - 1 - tap;
                    if back > t { 0.0 } else { weights[channel] * sequence[t - back][channel] }
                };
                f64::from(bias[channel]) + taps.iter().enumerate().map(of_tap).sum::<f64>()
            };
            out.push((0..CHANNELS).map(value).collect());
        }
    }
    out
}

fn check(found: &Tensor, expected: &[Vec<f64>]) {
    let found = values(found);
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
        assert!((found - expected).abs() < 1e-5, "{found}, not {expected}");
    }
}

#[test]
fn both_forms_equal_the_formula() {
    // Contexts that are empty, shorter than the kernel, longer, in two chunks, in the batch itself, and of two parts of
    // which the last is shorter than the kernel.
    let mut rows = BatchLayout::default();
    rows.push(&[0; 3], 0, vec![CacheRange { chunk: 0, rows: 1..4 }]);
    rows.push(&[0; 7], 0, vec![CacheRange { chunk: 0, rows: 0..4 }, CacheRange { chunk: 1, rows: 0..2 }]);
    rows.push(&[0; 1], 0, vec![CacheRange { chunk: 0, rows: 0..3 }, CacheRange { chunk: 1, rows: 2..3 }]);
    rows.push(&[0; 1], 0, vec![CacheRange { chunk: 0, rows: 3..4 }]);
    rows.push(&[0; 9], 0, vec![]);
    let n = rows.len();
    for copies in [1, 3] {
        let chunks = [chunk(3 * 4, 4), chunk(copies * n, n)];
        let layout = SegmentLayout { segments: &rows.segments, copies, rows: n };
        for kernel in kernels() {
            let expected = naive(&chunks, &kernel, layout);
            check(&convolve(&chunks, &kernel, layout, 2).expect("fused"), &expected);
            check(&composed::convolve(&chunks, &kernel, layout).expect("composed"), &expected);
        }
    }
}

/// Segments of several variants, each after rows of an earlier pass of the same variant.
#[test]
fn each_variant_continues_its_own_rows() {
    let mut rows = BatchLayout::default();
    for variant in [0, 1, 1, 2] {
        rows.push(&[0; 2], variant, vec![CacheRange { chunk: 0, rows: 1..4 }]);
    }
    let chunks = [chunk(3 * 4, 4), chunk(rows.len(), 0)];
    let layout = SegmentLayout { segments: &rows.segments, copies: 1, rows: rows.len() };
    for kernel in kernels() {
        let expected = naive(&chunks, &kernel, layout);
        check(&convolve(&chunks, &kernel, layout, 1).expect("fused"), &expected);
        check(&composed::convolve(&chunks, &kernel, layout).expect("composed"), &expected);
    }
}

#[test]
fn values_and_gradients_of_whole_sequences_equal_the_composed_form() {
    let mut rows = BatchLayout::default();
    [1, 2, 5, 9].iter().for_each(|n| rows.push(&vec![0; *n], 0, vec![]));
    let layout = SegmentLayout { segments: &rows.segments, copies: 1, rows: rows.len() };
    for kernel in kernels() {
        let x = Var::from_tensor(&random(rows.len(), CHANNELS)).expect("var");
        let own = KvChunk { k: x.as_tensor().clone(), v: x.as_tensor().clone(), stride: 0 };
        assert!(gradient::applies(&x, layout));
        let composed = composed::convolve(std::slice::from_ref(&own), &kernel, layout);
        check_gradients("convolution", &[&x], gradient::convolve(&x, &kernel, layout), composed);
    }
}

/// With a context the composed form has to be differentiated: its gradient equals difference quotients of the formula.
#[test]
fn gradients_after_a_context_equal_difference_quotients() {
    let mut rows = BatchLayout::default();
    rows.push(&[0; 5], 0, vec![]);
    rows.push(&[0; 2], 0, vec![CacheRange { chunk: 0, rows: 0..3 }]);
    let n = rows.len();
    let layout = SegmentLayout { segments: &rows.segments, copies: 1, rows: n };
    let kernel = ConvolutionKernel { taps: random(3, CHANNELS), bias: Some(random_row(CHANNELS)) };
    let (x, weights, direction) = (random(n, CHANNELS), random(n, CHANNELS), random(n, CHANNELS));
    let var = Var::from_tensor(&x).expect("var");
    let of = |k: &Tensor| [KvChunk { k: k.clone(), v: k.clone(), stride: 0 }];
    let y = convolve(&of(&var), &kernel, layout, 1).expect("convolution");
    let gradients = (y * &weights).and_then(|y| y.sum_all()).and_then(|y| y.backward()).expect("backward");
    let along = (gradients.get(&var).expect("a gradient") * &direction).and_then(|t| t.sum_all());
    let along = f64::from(along.and_then(|t| t.to_scalar::<f32>()).expect("a scalar"));
    let at = |step: f64| -> f64 {
        let moved = (&x + (&direction * step).expect("step")).expect("moved");
        let y = naive(&of(&moved), &kernel, layout);
        y.iter().flatten().zip(values(&weights).iter().flatten()).map(|(y, w)| y * w).sum()
    };
    let found = (at(0.01) - at(-0.01)) / 0.02;
    assert!((found - along).abs() < 1e-3 * along.abs().max(1.0), "{found}, {along}");
}

/// The output of a sequence does not depend on the other sequences of the batch, nor on the pass that holds its start.
#[test]
fn bits_do_not_depend_on_the_batch_or_the_passes() {
    let kernel = ConvolutionKernel { taps: random(3, CHANNELS), bias: None };
    let x = random(12, CHANNELS);
    let cut = |first: usize, n: usize| {
        let k = x.narrow(0, first, n).and_then(|t| t.contiguous()).expect("rows");
        KvChunk { v: k.clone(), k, stride: 0 }
    };
    let of = |chunks: &[KvChunk], rows: &BatchLayout, threads: usize| {
        let layout = SegmentLayout { segments: &rows.segments, copies: 1, rows: rows.len() };
        convolve(chunks, &kernel, layout, threads).expect("convolution")
    };
    let mut both = BatchLayout::default();
    [5, 7].iter().for_each(|n| both.push(&vec![0; *n], 0, vec![]));
    let all = of(&[cut(0, 12)], &both, 2).narrow(0, 5, 7).expect("rows");
    let mut alone = BatchLayout::default();
    alone.push(&[0; 7], 0, vec![]);
    assert_eq!(difference(&of(&[cut(5, 7)], &alone, 1), &all), 0.0);
    let mut later = BatchLayout::default();
    later.push(&[0; 3], 0, vec![CacheRange { chunk: 0, rows: 0..4 }]);
    let continued = of(&[cut(5, 4), cut(9, 3)], &later, 1);
    assert_eq!(difference(&continued, &all.narrow(0, 4, 3).expect("rows")), 0.0);
}
