//! Both implementations against the formula in f64, query by query; gradients; and independence of the batch.

use candle_core::Var;

use super::*;
use crate::batch_layout::{BatchLayout, CacheRange};
use crate::testing::{check_gradients, difference, random};

/// Scale only, with a window, a cap or slopes, with all of them, not causal, and with Falcon's bias, and with sinks.
const SCORINGS: [AttentionScoring<'static>; 12] = {
    let plain = AttentionScoring {
        scale: 0.3,
        softcap: None,
        slopes: None,
        bf16_bias: false,
        window: None,
        causal: true,
        sinks: None,
    };
    // Below, among and above the scores.
    let sinks: Option<&[f32]> = Some(&[-3.0, 0.25, 1.5, 4.0, -0.5, 30.0]);
    let slopes: Option<&[f32]> = Some(&[0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015_625]);
    [
        plain,
        AttentionScoring { window: Some(5), ..plain },
        AttentionScoring { softcap: Some(0.7), ..plain },
        AttentionScoring { slopes, ..plain },
        AttentionScoring { softcap: Some(2.0), slopes, window: Some(9), ..plain },
        AttentionScoring { causal: false, ..plain },
        AttentionScoring { causal: false, window: Some(3), softcap: Some(1.0), ..plain },
        AttentionScoring { causal: false, slopes, ..plain },
        AttentionScoring { slopes: Some(&[0.7, 0.35, 0.17, 0.09, 0.04, 0.021]), bf16_bias: true, ..plain },
        AttentionScoring { sinks, ..plain },
        AttentionScoring { sinks, window: Some(5), scale: 2.0, ..plain },
        AttentionScoring { sinks, softcap: Some(0.7), slopes, ..plain },
    ]
};

/// A batch with long and short segments, whose contexts are in an earlier chunk, in the batch itself, or empty.
fn batch() -> BatchLayout {
    let mut rows = BatchLayout::default();
    rows.push(&[0; 3], 0, vec![CacheRange { chunk: 0, rows: 1..4 }]);
    rows.push(&[0; 70], 0, vec![CacheRange { chunk: 0, rows: 0..4 }, CacheRange { chunk: 1, rows: 0..2 }]);
    rows.push(&[0; 1], 0, vec![CacheRange { chunk: 1, rows: 0..3 }]);
    rows.push(&[0; 9], 0, vec![]);
    rows
}

fn values(t: &Tensor) -> Vec<Vec<f64>> {
    let rows = t.to_vec2::<f32>().expect("rows");
    rows.into_iter().map(|row| row.into_iter().map(f64::from).collect()).collect()
}

/// The formula in f64, for every row and head.
fn naive(
    q: &Tensor,
    chunks: &[KvChunk],
    heads: Heads,
    scoring: AttentionScoring<'_>,
    layout: SegmentLayout<'_>,
) -> Vec<Vec<f64>> {
    let (d, d_value, own) = (heads.d_head, heads.d_value, chunks.len() - 1);
    let (k, v): (Vec<_>, Vec<_>) = chunks.iter().map(|c| (values(&c.k), values(&c.v))).unzip();
    let q = values(q);
    let mut out = vec![vec![0.0; heads.n_heads * d_value]; q.len()];
    for (copy, segment) in (0..layout.copies).flat_map(|copy| layout.segments.iter().map(move |s| (copy, s))) {
        let mut keys = Vec::new();
        for range in &segment.context {
            let first = if range.chunk == own { copy * layout.rows } else { copy * chunks[range.chunk].stride };
            keys.extend(range.rows.clone().map(|row| (range.chunk, first + row)));
        }
        let context = keys.len();
        keys.extend(segment.rows.clone().map(|row| (own, copy * layout.rows + row)));
        for (i, row) in segment.rows.clone().enumerate() {
            let (queries, row) = (&q[copy * layout.rows + row], &mut out[copy * layout.rows + row]);
            for head in 0..heads.n_heads {
                let kv = head / (heads.n_heads / heads.n_kv_heads);
                let query = &queries[head * d..(head + 1) * d];
                let mut total = scoring.sinks.map_or(0.0, |sinks| f64::from(sinks[head]).exp());
                let mut sum = vec![0.0; d_value];
                for (position, &(chunk, key)) in keys.iter().enumerate() {
                    let before = (context + i) as f64 - position as f64;
                    let in_window = scoring.window.is_none_or(|w| before.abs() < w as f64);
                    if !in_window || (scoring.causal && before < 0.0) {
                        continue;
                    }
                    let product: f64 = query.iter().zip(&k[chunk][key][kv * d..(kv + 1) * d]).map(|(q, k)| q * k).sum();
                    let mut score = product * f64::from(scoring.scale);
                    if let Some(cap) = scoring.softcap.map(f64::from) {
                        score = cap * (score / cap).tanh();
                    }
                    if let Some(slopes) = scoring.slopes.filter(|_| scoring.bf16_bias) {
                        let rounded = |x: f64| half::bf16::from_f64(x).to_f64();
                        let bias = rounded(rounded(f64::from(slopes[head])) * rounded(position as f64));
                        score += f64::from(scoring.scale) * bias;
                    } else if let Some(slopes) = scoring.slopes {
                        score -= f64::from(slopes[head]) * before;
                    }
                    total += score.exp();
                    sum.iter_mut().zip(&v[chunk][key][kv * d_value..]).for_each(|(sum, v)| *sum += score.exp() * v);
                }
                row[head * d_value..(head + 1) * d_value].iter_mut().zip(sum).for_each(|(out, sum)| *out = sum / total);
            }
        }
    }
    out
}

#[test]
fn both_forms_equal_the_formula() {
    let rows = batch();
    let n = rows.len();
    for (heads, copies) in [
        (Heads { n_heads: 6, n_kv_heads: 2, d_head: 10, d_value: 10 }, 1),
        (Heads { n_heads: 6, n_kv_heads: 3, d_head: 8, d_value: 5 }, 3),
        (Heads { n_heads: 6, n_kv_heads: 6, d_head: 17, d_value: 19 }, 1),
    ] {
        let chunk = |rows: usize, stride: usize| {
            let of = |width: usize| random(rows, heads.n_kv_heads * width);
            KvChunk { k: of(heads.d_head), v: of(heads.d_value), stride }
        };
        let chunks = [chunk(3 * 4, 4), chunk(copies * n, n)];
        let q = random(copies * n, heads.n_heads * heads.d_head);
        let layout = SegmentLayout { segments: &rows.segments, copies, rows: n };
        for scoring in SCORINGS {
            let expected = naive(&q, &chunks, heads, scoring, layout);
            let fused = attention(&q, &chunks, heads, scoring, layout, 2).expect("fused");
            let composed = composed::attention(&q, &chunks, heads, scoring, layout).expect("composed");
            for form in [fused, composed] {
                for (found, expected) in values(&form).iter().flatten().zip(expected.iter().flatten()) {
                    assert!((found - expected).abs() < 1e-5, "{heads:?}, {scoring:?}: {found}, not {expected}");
                }
            }
        }
    }
}

/// Compares the gradient along a random direction with the difference quotient of the formula.
#[test]
fn gradients_equal_difference_quotients_of_the_formula() {
    let heads = Heads { n_heads: 6, n_kv_heads: 2, d_head: 4, d_value: 3 };
    let mut rows = BatchLayout::default();
    rows.push(&[0; 5], 0, vec![]);
    rows.push(&[0; 2], 0, vec![CacheRange { chunk: 0, rows: 0..3 }]);
    let n = rows.len();
    let layout = SegmentLayout { segments: &rows.segments, copies: 1, rows: n };
    let leaves = [24, 8, 6].map(|width| random(n, width));
    let (weights, directions) = (random(n, 18), [24, 8, 6].map(|width| random(n, width)));
    for scoring in SCORINGS {
        let vars = leaves.each_ref().map(|t| Var::from_tensor(t).expect("var"));
        let [q, k, v] = vars.each_ref().map(Var::as_tensor);
        let chunks = [KvChunk { k: k.clone(), v: v.clone(), stride: 0 }];
        let y = attention(q, &chunks, heads, scoring, layout, 1).expect("attention");
        let scalar = (y * &weights).and_then(|y| y.sum_all()).expect("a scalar");
        let gradients = scalar.backward().expect("backward");
        for (which, direction) in directions.iter().enumerate() {
            let gradient = gradients.get(&vars[which]).expect("a gradient");
            let along = (gradient * direction).and_then(|t| t.sum_all()).and_then(|t| t.to_scalar::<f32>());
            let along = along.expect("a scalar");
            let at = |step: f64| {
                let moved = (&leaves[which] + (direction * step).expect("step")).expect("moved");
                let mut all = leaves.clone();
                all[which] = moved;
                let [q, k, v] = all;
                let y = naive(&q, &[KvChunk { k, v, stride: 0 }], heads, scoring, layout);
                y.iter().flatten().zip(values(&weights).iter().flatten()).map(|(y, w)| y * w).sum::<f64>()
            };
            let (found, along) = ((at(0.003) - at(-0.003)) / 0.006, f64::from(along));
            assert!((found - along).abs() < 1e-3 * along.abs().max(1.0), "{scoring:?}, {which}: {found}, {along}");
        }
    }
}

/// The kernel for whole sequences, shorter and longer than its blocks, against the composed form.
#[test]
fn values_and_gradients_of_whole_sequences_equal_the_composed_form() {
    let heads = Heads { n_heads: 6, n_kv_heads: 2, d_head: 4, d_value: 3 };
    let mut rows = BatchLayout::default();
    [1, 5, 15, 16, 70].iter().for_each(|n| rows.push(&vec![0; *n], 0, vec![]));
    let n = rows.len();
    let layout = SegmentLayout { segments: &rows.segments, copies: 1, rows: n };
    let vars = [24, 8, 6].map(|width| Var::from_tensor(&random(n, width)).expect("var"));
    let [q, k, v] = vars.each_ref().map(Var::as_tensor);
    let own = KvChunk { k: k.clone(), v: v.clone(), stride: 0 };
    for scoring in SCORINGS.into_iter().filter(|scoring| scoring.softcap.is_none()) {
        assert!(gradient::applies(q, scoring, layout));
        let kernel = gradient::attention(q, &own, heads, scoring, layout);
        let composed = composed::attention(q, std::slice::from_ref(&own), heads, scoring, layout);
        check_gradients("attention", &vars.each_ref(), kernel, composed);
    }
}

/// The output of a sequence does not depend on the other sequences of the batch.
#[test]
fn bits_do_not_depend_on_the_batch_or_the_threads() {
    let heads = Heads { n_heads: 6, n_kv_heads: 2, d_head: 10, d_value: 10 };
    let (q, k, v) = (random(90, 60), random(90, 20), random(90, 20));
    let of = |first: usize, lengths: &[usize], scoring: AttentionScoring<'_>, threads: usize| {
        let mut rows = BatchLayout::default();
        lengths.iter().for_each(|n| rows.push(&vec![0; *n], 0, vec![]));
        let cut = |t: &Tensor| t.narrow(0, first, rows.len()).and_then(|t| t.contiguous()).expect("rows");
        let chunks = [KvChunk { k: cut(&k), v: cut(&v), stride: 0 }];
        let layout = SegmentLayout { segments: &rows.segments, copies: 1, rows: rows.len() };
        attention(&cut(&q), &chunks, heads, scoring, layout, threads).expect("attention")
    };
    for scoring in SCORINGS {
        let all = of(0, &[5, 70, 15], scoring, 2);
        for (first, length) in [(0, 5), (5, 70), (75, 15)] {
            let alone = of(first, &[length], scoring, 1);
            assert_eq!(difference(&alone, &all.narrow(0, first, length).expect("rows")), 0.0, "{scoring:?}");
        }
    }
}
