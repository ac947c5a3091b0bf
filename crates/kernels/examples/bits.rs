#![allow(missing_docs, clippy::print_stdout)]
use candle_core::{Device, Tensor, Var};
use laser_kernels::activation::{Activation, activate, gated};
use laser_kernels::attention::{AttentionScoring as Scoring, Heads, SegmentLayout as Layout, attention};
use laser_kernels::differentiable::surrogate_loss as seed;
use laser_kernels::logits::summarise;
use laser_kernels::norm::{Norm, NormKind};
use laser_kernels::rope::{RotaryTables as Tables, rotate};
use laser_kernels::variants::Variants;
use laser_kernels::{
    batch_layout::{BatchLayout, CacheRange},
    kv_cache::KvChunk,
};
use laser_kernels::{linear::linear, weight::Weight};

fn t(r: usize, c: usize, s: f32) -> Tensor {
    let v: Vec<f32> =
        (0..r * c).map(|i| ((i as f32) * 0.713 + s).sin() * 1.3 + ((i % 17) as f32 - 8.0) * 0.05).collect();
    Tensor::from_vec(v, (r, c), &Device::Cpu).unwrap()
}
fn r(n: usize, s: f32) -> Tensor {
    t(1, n, s).flatten_all().unwrap()
}
fn h(name: &str, x: &Tensor) {
    let v = x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let mut k = 0xcbf29ce484222325u64;
    for v in &v {
        for b in v.to_bits().to_le_bytes() {
            k = (k ^ u64::from(b)).wrapping_mul(0x100000001b3);
        }
    }
    println!("{name} {:?} {k:016x}", x.dims());
}
fn g(name: &str, leaves: &[&Var], y: Tensor) {
    h(name, &y.detach());
    let w = t(y.dim(0).unwrap(), y.dim(1).unwrap(), 0.9);
    let s = seed(&y, &w).unwrap();
    let gr = s.backward().unwrap();
    for l in leaves {
        h(name, gr.get(l).unwrap());
    }
}
fn main() {
    let v = |a, b, s| Var::from_tensor(&t(a, b, s)).unwrap();
    for n in Activation::NAMES {
        let f = Activation::from_name(n).unwrap();
        h(n, &activate(&t(7, 45, 0.1), f).unwrap());
        h(n, &gated(&t(6, 45, 0.1), &t(2, 45, 0.2), f).unwrap());
        h(n, &gated(&t(2, 45, 0.1), &t(6, 45, 0.2), f).unwrap());
        let (a, b) = (v(5, 33, 0.3), v(5, 33, 0.4));
        g(n, &[&a], activate(&a, f).unwrap());
        g(n, &[&a, &b], gated(&a, &b, f).unwrap());
        let (a, b) = (v(6, 33, 0.3), v(2, 33, 0.4));
        g(n, &[&a, &b], gated(&a, &b, f).unwrap());
    }
    for kind in [NormKind::Rms, NormKind::Layer] {
        for bias in [None, Some(r(37, 0.4))] {
            let norm = Norm { kind, weight: r(37, 0.2), bias, eps: 1e-5 };
            h("norm", &norm.apply(&t(9, 74, 0.7)).unwrap());
            let x = v(9, 74, 0.7);
            g("norm", &[&x], norm.apply(&x).unwrap());
            let n64 = Norm {
                weight: norm.weight.to_dtype(candle_core::DType::F64).unwrap(),
                bias: norm.bias.as_ref().map(|b| b.to_dtype(candle_core::DType::F64).unwrap()),
                ..norm.clone()
            };
            h(
                "norm64",
                &n64.apply(&t(9, 74, 0.7).to_dtype(candle_core::DType::F64).unwrap())
                    .unwrap()
                    .to_dtype(candle_core::DType::F32)
                    .unwrap(),
            );
        }
    }
    for d in [6, 10] {
        let a = t(4, 3, 0.5);
        let tb = Tables { cos: a.cos().unwrap(), sin: a.sin().unwrap() };
        h("rope", &rotate(&t(8, 2 * d, 0.2), &tb, d).unwrap());
        let x = v(8, 2 * d, 0.2);
        g("rope", &[&x], rotate(&x, &tb, d).unwrap());
    }
    for (out, width) in [(3, 8), (70, 1700), (100, 40)] {
        for threads in [1, 2] {
            for bias in [None, Some(r(out, 0.3))] {
                for res in [None, Some(t(3, out, 0.8))] {
                    let w = Weight::new(t(out, width, 0.11)).unwrap();
                    for m in [3, 18] {
                        h("linear", &linear(&t(m, width, 0.3), &w, bias.as_ref(), res.as_ref(), threads).unwrap());
                        let x = v(m, width, 0.3);
                        g("linear", &[&x], linear(&x, &w, bias.as_ref(), res.as_ref(), threads).unwrap());
                        let (x, tw) = (v(m, width, 0.3), v(out, width, 0.5));
                        g(
                            "linear",
                            &[&x, &tw],
                            linear(
                                &x,
                                &Weight::new(tw.as_tensor().clone()).unwrap(),
                                bias.as_ref(),
                                res.as_ref(),
                                threads,
                            )
                            .unwrap(),
                        );
                    }
                }
            }
        }
    }
    for n in [1usize, 16, 5000, 49152] {
        let x = t(1, n, 0.2).flatten_all().unwrap().to_vec1::<f32>().unwrap();
        println!("{:?}", summarise(&x));
        println!("{:x}", summarise(&x).log_partition.to_bits());
    }
    let w = |x: Tensor| Weight::new(x).unwrap();
    let vs = Variants::stack(vec![
        Variants::nested(w(t(70, 12, 0.1)), w(t(12, 90, 0.2)), vec![0, 2, 2, 5]).unwrap(),
        Variants::dense(vec![w(t(70, 90, 0.4)), w(t(70, 90, 0.5))]),
        Variants::nested(w(t(70, 12, 0.6)), w(t(12, 90, 0.7)), vec![6]).unwrap(),
    ]);
    let blocks = [0..1, 1..1, 1..3, 3..4, 4..5, 5..6, 6..8];
    for bias in [None, Some(r(70, 0.1))] {
        h("variants", &vs.apply(&t(8, 90, 0.3), bias.as_ref(), None, 2).unwrap());
        h("variants", &vs.apply(&t(8, 90, 0.3), bias.as_ref(), Some(&blocks), 1).unwrap());
        let x = v(8, 90, 0.3);
        g("variants", &[&x], vs.apply(&x, bias.as_ref(), None, 2).unwrap());
        g("variants", &[&x], vs.apply(&x, bias.as_ref(), Some(&blocks), 2).unwrap());
    }
    let plain = Scoring { scale: 0.3, softcap: None, slopes: None, bf16_bias: false, window: None, causal: true };
    let slopes: Option<&[f32]> = Some(&[0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015_625]);
    let scorings = [
        plain,
        Scoring { window: Some(5), ..plain },
        Scoring { softcap: Some(0.7), ..plain },
        Scoring { slopes, ..plain },
        Scoring { softcap: Some(2.0), slopes, window: Some(9), ..plain },
        Scoring { causal: false, ..plain },
        Scoring { causal: false, window: Some(3), softcap: Some(1.0), ..plain },
        Scoring { causal: false, slopes, ..plain },
        Scoring { slopes: Some(&[0.7, 0.35, 0.17, 0.09, 0.04, 0.021]), bf16_bias: true, ..plain },
    ];
    let mut rows = BatchLayout::default();
    rows.push(&[0; 3], 0, vec![CacheRange { chunk: 0, rows: 1..4 }]);
    rows.push(&[0; 70], 0, vec![CacheRange { chunk: 0, rows: 0..4 }, CacheRange { chunk: 1, rows: 0..2 }]);
    rows.push(&[0; 1], 0, vec![CacheRange { chunk: 1, rows: 0..3 }]);
    rows.push(&[0; 9], 0, vec![]);
    let n = rows.len();
    for (heads, copies) in [
        (Heads { n_heads: 6, n_kv_heads: 2, d_head: 10 }, 1),
        (Heads { n_heads: 6, n_kv_heads: 3, d_head: 8 }, 3),
        (Heads { n_heads: 6, n_kv_heads: 6, d_head: 17 }, 1),
    ] {
        let kw = heads.n_kv_heads * heads.d_head;
        for s in scorings {
            for threads in [1, 2] {
                let chunks = [
                    KvChunk { k: t(12, kw, 0.1), v: t(12, kw, 0.2), stride: 4 },
                    KvChunk { k: t(copies * n, kw, 0.3), v: t(copies * n, kw, 0.4), stride: n },
                ];
                let layout = Layout { segments: &rows.segments, copies, rows: n };
                let q = t(copies * n, heads.n_heads * heads.d_head, 0.6);
                h("attention", &attention(&q, &chunks, heads, s, layout, threads).unwrap());
                let (q, k, vv) = (
                    Var::from_tensor(&q).unwrap(),
                    Var::from_tensor(&chunks[1].k).unwrap(),
                    Var::from_tensor(&chunks[1].v).unwrap(),
                );
                let chunks =
                    [chunks[0].clone(), KvChunk { k: k.as_tensor().clone(), v: vv.as_tensor().clone(), stride: n }];
                g("attention", &[&q, &k, &vv], attention(&q, &chunks, heads, s, layout, threads).unwrap());
            }
        }
    }
}
