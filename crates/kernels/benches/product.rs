//! The product with a packed weight and that of the `gemm` crate, on the shapes of SmolLM2-135M with one and two
//! threads: `cargo bench -p laser-rank-kernels --bench product`. One item is one floating-point operation.
//!
//! Arguments after `--` are filters on benchmark names: `-- 'packed/.*threads 1'`.

#![allow(unsafe_code)] // the call of the `gemm` crate

use std::fmt;

use candle_core::{Device, Tensor};
use divan::Bencher;
use divan::counter::ItemsCount;
use laser_kernels::linear::linear;
use laser_kernels::weight::Weight;
use rayon::ThreadPool;

/// Number of values of the weights that take turns in one benchmark, as those of a model do: more than the caches hold.
const VALUES_IN_TURN: usize = 16 << 20;
/// `[out, in]` of the matrices of SmolLM2-135M: query and output, key and value, gate and up, down, output head.
const SHAPES: [(usize, usize); 5] = [(576, 576), (192, 576), (1536, 576), (576, 1536), (49152, 576)];
const ROWS: [usize; 6] = [1, 4, 16, 64, 256, 1024];
const THREADS: [usize; 2] = [1, 2];

fn main() {
    divan::main();
}

/// A product `x·wᵀ` of `x [rows, width]` and `w [out, width]`.
#[derive(Clone, Copy)]
struct Case {
    out: usize,
    width: usize,
    rows: usize,
    threads: usize,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "weight {}x{}, rows {}, threads {}", self.out, self.width, self.rows, self.threads)
    }
}

impl Case {
    fn all() -> impl Iterator<Item = Self> {
        let with_rows = |(out, width)| ROWS.map(|rows| (out, width, rows));
        SHAPES
            .into_iter()
            .flat_map(with_rows)
            .flat_map(|(out, width, rows)| THREADS.map(|threads| Self { out, width, rows, threads }))
    }

    /// Multiplications and additions.
    fn operations(self) -> ItemsCount {
        ItemsCount::new(2 * self.rows * self.width * self.out)
    }

    /// The weights that take turns.
    fn weights(self) -> Vec<Vec<f32>> {
        let size = self.out * self.width;
        (0..(VALUES_IN_TURN / size).max(1)).map(|i| values(size, i)).collect()
    }

    /// The threads that compute the product; `None` for the calling thread alone.
    fn pool(self) -> Option<ThreadPool> {
        let pool = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().expect("a pool of threads");
        (self.threads > 1).then(|| pool(self.threads))
    }
}

/// `n` values between −1 and 1 without a visible pattern, different for each `seed`.
fn values(n: usize, seed: usize) -> Vec<f32> {
    let mixed = |i: usize| (i + seed * n).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    (0..n).map(|i| mixed(i) as f32 / (1 << 23) as f32 - 1.0).collect()
}

/// Runs `product` in the pool, if there is one.
fn run_in(pool: Option<&ThreadPool>, product: impl FnOnce() + Send) {
    match pool {
        Some(pool) => pool.install(product),
        None => product(),
    }
}

#[divan::bench(args = Case::all(), sample_size = 1, min_time = 0.1, max_time = 2)]
fn packed(bencher: Bencher<'_, '_>, case: Case) {
    let Case { out, width, rows, threads } = case;
    let tensor = |values, rows| Tensor::from_vec(values, (rows, width), &Device::Cpu).expect("a tensor");
    let x = tensor(values(rows * width, 0), rows);
    let weights: Vec<Weight> =
        case.weights().into_iter().map(|w| Weight::new(tensor(w, out)).expect("a packed weight")).collect();
    let (pool, mut turn) = (case.pool(), 0);
    bencher.counter(case.operations()).bench_local(|| {
        turn += 1;
        let w = &weights[turn % weights.len()];
        run_in(pool.as_ref(), || drop(linear(&x, w, None, None, threads).expect("a product")));
    });
}

#[divan::bench(args = Case::all(), sample_size = 1, min_time = 0.1, max_time = 2)]
fn gemm_crate(bencher: Bencher<'_, '_>, case: Case) {
    let x = values(case.rows * case.width, 0);
    let mut y = vec![0f32; case.rows * case.out];
    let weights = case.weights();
    let (pool, mut turn) = (case.pool(), 0);
    bencher.counter(case.operations()).bench_local(|| {
        turn += 1;
        let w = &weights[turn % weights.len()];
        run_in(pool.as_ref(), || gemm_product(&mut y, &x, w, case));
    });
}

/// `y = x·wᵀ`: `x [rows, width]`, `w [out, width]`, `y [rows, out]`.
fn gemm_product(y: &mut [f32], x: &[f32], w: &[f32], case: Case) {
    let Case { out, width, rows, threads } = case;
    assert!(y.len() == rows * out && x.len() == rows * width && w.len() == out * width);
    let parallelism = if threads > 1 { gemm::Parallelism::Rayon(threads) } else { gemm::Parallelism::None };
    let stride = |s: usize| isize::try_from(s).expect("a small stride");
    // SAFETY: the lengths were checked against the shapes, and the strides are those of row-major matrices.
    unsafe {
        gemm::gemm(
            rows,
            out,
            width,
            y.as_mut_ptr(),
            1,
            stride(out),
            false,
            x.as_ptr(),
            1,
            stride(width),
            w.as_ptr(),
            stride(width),
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
