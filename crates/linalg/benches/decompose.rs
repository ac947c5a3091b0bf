//! Times `decompose` on the shapes of real weights, Gaussian entries, and prints one row a shape.
//!
//! `cargo bench -p laser-rank-linalg --bench decompose`; `tools/bench_svd.py` times PyTorch on the
//! same shapes.
#![allow(clippy::print_stdout, reason = "a table on stdout is what this program is for")]

use std::time::Instant;

use laser_linalg::{LinalgError, Matrix, Method, decompose};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

const SHAPES: [[usize; 2]; 6] = [[576, 576], [192, 576], [1536, 576], [768, 3072], [4096, 1024], [2048, 2048]];

fn main() -> Result<(), LinalgError> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    println!("f64 inside, f32 in and out, seconds: median of the runs");
    println!("{:>12} {:>6} {:>8} {:>9} {:>9} {:>5}", "shape", "method", "threads", "median", "fastest", "runs");
    for [rows, cols] in SHAPES {
        let data = (0..rows * cols).map(|_| StandardNormal.sample(&mut rng)).collect();
        let w = Matrix::new(rows, cols, data)?;
        let runs = if rows.min(cols) < 1000 { 7 } else { 3 };
        for (method, threads) in [(Method::Gram, 1), (Method::Gram, 2), (Method::Thin, 2)] {
            let mut seconds = Vec::with_capacity(runs);
            for _ in 0..runs {
                let start = Instant::now();
                decompose(w.view(), method, threads)?;
                seconds.push(start.elapsed().as_secs_f64());
            }
            seconds.sort_by(f64::total_cmp);
            let [median, fastest] = [seconds[runs / 2], seconds[0]];
            let shape = format!("{rows}x{cols}");
            println!("{shape:>12} {method:>6?} {threads:>8} {median:>9.4} {fastest:>9.4} {runs:>5}");
        }
    }
    Ok(())
}
