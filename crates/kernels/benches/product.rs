//! The product with a packed weight beside that of the `gemm` crate, on SmolLM2's shapes:
//! `cargo bench -p laser-rank-kernels --bench product [-- THREADS]`.
#![allow(clippy::print_stdout)] // a benchmark prints
#![allow(unsafe_code)] // the call of the other product

use std::time::Instant;

use candle_core::{Device, Tensor};
use laser_kernels::linear::Weight;

/// Weights of each shape that take turns, as in a model: more than the caches hold, in values.
const IN_TURN: usize = 16 << 20;

fn main() {
    let threads = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(1);
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().expect("the first pool");
    println!("{threads} threads; GFLOP/s, medians: gemm crate, packed, ratio");
    for (k, n) in [(576, 576), (576, 192), (576, 1536), (1536, 576), (576, 49152)] {
        let random = |rows: usize, cols: usize| Tensor::randn(0f32, 1.0, (rows, cols), &Device::Cpu).expect("values");
        let plain: Vec<Tensor> = (0..(IN_TURN / (k * n)).max(1)).map(|_| random(n, k)).collect();
        let packed: Vec<Weight> = plain.iter().map(|w| Weight::new(w.clone()).expect("packs")).collect();
        let plain: Vec<Vec<f32>> =
            plain.iter().map(|w| w.flatten_all().and_then(|w| w.to_vec1()).expect("values")).collect();
        for m in [1, 4, 16, 64, 256, 1024] {
            let x = random(m, k);
            let rows: Vec<f32> = x.flatten_all().and_then(|x| x.to_vec1()).expect("values");
            let flops = 2.0 * (m * k * n) as f64;
            let mut out = vec![0f32; m * n];
            let (mut theirs, mut ours) = (Vec::new(), Vec::new());
            for turn in 0..((1e9 / flops) as usize).clamp(5, 200) {
                let begun = Instant::now();
                gemm_product(&mut out, &rows, &plain[turn % plain.len()], (m, k, n), threads);
                theirs.push(begun.elapsed().as_secs_f64());
                let begun = Instant::now();
                packed[turn % packed.len()].product(&x, threads).expect("a product");
                ours.push(begun.elapsed().as_secs_f64());
            }
            let (theirs, ours) = (median(theirs), median(ours));
            let speed = |seconds: f64| flops / seconds / 1e9;
            println!("k {k:4} n {n:5} m {m:4}: {:6.1} {:6.1} {:5.2}", speed(theirs), speed(ours), theirs / ours);
        }
    }
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// `out = x·wᵀ`: `x [m,k]`, `w [n,k]`, `out [m,n]`.
fn gemm_product(out: &mut [f32], x: &[f32], w: &[f32], (m, k, n): (usize, usize, usize), threads: usize) {
    assert!(out.len() == m * n && x.len() == m * k && w.len() == n * k);
    let parallelism = if threads > 1 { gemm::Parallelism::Rayon(threads) } else { gemm::Parallelism::None };
    let stride = |s: usize| isize::try_from(s).expect("a small stride");
    let (out, x, w) = (out.as_mut_ptr(), x.as_ptr(), w.as_ptr());
    let (rows_n, rows_k) = (stride(n), stride(k));
    // SAFETY: the lengths were just checked against the shapes, and the strides are those of row-major matrices.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out,
            1,
            rows_n,
            false,
            x,
            1,
            rows_k,
            w,
            rows_k,
            1,
            0.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}
