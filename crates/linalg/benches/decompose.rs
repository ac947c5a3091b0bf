//! Times [`decompose`] on the shapes of real weights with Gaussian entries: f64 inside, f32 in and out.
//!
//! Compares the Gram method on one and two threads and the bidiagonal method on two:
//!
//! ```text
//! cargo bench -p laser-rank-linalg --bench decompose
//! ```
//!
//! `tools/bench_svd.py` times `torch.linalg.svd` on the same shapes; compare its medians with divan's.

use std::fmt;

use divan::Bencher;
use laser_linalg::{Matrix, Method, decompose};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// The shape of a weight, `[rows, cols]`.
#[derive(Debug, Clone, Copy)]
struct Shape([usize; 2]);

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([rows, cols]) = self;
        write!(f, "{rows}x{cols}")
    }
}

/// Shapes of weights; the same list is in `tools/bench_svd.py`.
const SHAPES: [Shape; 6] = [
    Shape([576, 576]),
    Shape([192, 576]),
    Shape([1536, 576]),
    Shape([768, 3072]),
    Shape([4096, 1024]),
    Shape([2048, 2048]),
];

fn main() {
    divan::main();
}

// Each sample is one decomposition. Seven samples are enough for a median; on large shapes `max_time` (in seconds) may
// end the measurement earlier.

#[divan::bench(args = SHAPES, sample_count = 7, sample_size = 1, max_time = 8)]
fn gram_1_thread(bencher: Bencher<'_, '_>, shape: Shape) {
    time(bencher, shape, Method::Gram, 1);
}

#[divan::bench(args = SHAPES, sample_count = 7, sample_size = 1, max_time = 8)]
fn gram_2_threads(bencher: Bencher<'_, '_>, shape: Shape) {
    time(bencher, shape, Method::Gram, 2);
}

#[divan::bench(args = SHAPES, sample_count = 7, sample_size = 1, max_time = 8)]
fn bidiagonal_2_threads(bencher: Bencher<'_, '_>, shape: Shape) {
    time(bencher, shape, Method::Thin, 2);
}

/// Times the decomposition of a seeded Gaussian matrix.
fn time(bencher: Bencher<'_, '_>, Shape([rows, cols]): Shape, method: Method, threads: usize) {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let data = (0..rows * cols).map(|_| StandardNormal.sample(&mut rng)).collect();
    let w = Matrix::new(rows, cols, data).expect("the data were made for this shape");
    bencher.bench_local(|| decompose(w.view(), method, threads));
}
