//! The product with a packed weight, in each type of floats, with one whose rows are read for it, and that of the `gemm`
//! crate, on the shapes of SmolLM2-135M and on the first one of GPT-J's MLP, with one and two threads:
//! `cargo bench -p laser-rank-kernels --bench product`. One item is one floating-point operation.
//!
//! Arguments after `--` are filters on benchmark names: `-- 'packed/.*threads 1'`.

#![allow(unsafe_code)] // the call of the `gemm` crate

use std::convert::Infallible;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use candle_core::{Device, Tensor};
use divan::Bencher;
use divan::counter::ItemsCount;
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use laser_kernels::float_type::FloatType;
use laser_kernels::linear::linear;
use laser_kernels::packed::Packed;
use laser_kernels::row_reader::RowReader;
use laser_kernels::weight::Weight;
use rayon::ThreadPool;

/// Number of values of the weights that take turns in one benchmark, as those of a model do: more than the caches hold.
const VALUES_IN_TURN: usize = 16 << 20;
/// `[out, in]` of the matrices of SmolLM2-135M: query and output, key and value, gate and up, down, output head; and of the
/// first matrix of GPT-J's MLP.
const SHAPES: [(usize, usize); 6] = [(576, 576), (192, 576), (1536, 576), (576, 1536), (49152, 576), (16384, 4096)];
const ROWS: [usize; 6] = [1, 4, 16, 64, 256, 1024];
const THREADS: [usize; 2] = [1, 2];

/// [`FloatType`]s as parameters of a benchmark.
const F32: u8 = FloatType::F32 as u8;
const BF16: u8 = FloatType::Bf16 as u8;
const F16: u8 = FloatType::F16 as u8;

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

#[divan::bench(args = Case::all(), consts = [F32, BF16, F16], sample_size = 1, min_time = 0.1, max_time = 2)]
fn packed<const TYPE: u8>(bencher: Bencher<'_, '_>, case: Case) {
    let Case { out, width, rows, threads } = case;
    let x = Tensor::from_vec(values(rows * width, 0), (rows, width), &Device::Cpu).expect("a tensor");
    let weights: Vec<Weight> =
        case.weights().into_iter().map(|w| Weight::packed(packed_in(TYPE, w, out, width))).collect();
    let (pool, mut turn) = (case.pool(), 0);
    bencher.counter(case.operations()).bench_local(|| {
        turn += 1;
        let w = &weights[turn % weights.len()];
        run_in(pool.as_ref(), || drop(linear(&x, w, None, None, threads).expect("a product")));
    });
}

/// The weight in a type of floats, to which its values are rounded.
fn packed_in(float_type: u8, mut w: Vec<f32>, out: usize, width: usize) -> Packed {
    let float_type = match float_type {
        F32 => FloatType::F32,
        BF16 => FloatType::Bf16,
        _ => FloatType::F16,
    };
    match float_type {
        FloatType::F32 => {}
        FloatType::Bf16 => w.iter_mut().for_each(|value| *value = bf16::from_f32(*value).to_f32()),
        FloatType::F16 => w.iter_mut().for_each(|value| *value = f16::from_f32(*value).to_f32()),
    }
    let packed = Packed::from_rows(float_type, out, width, |rows, values| -> Result<(), Infallible> {
        values.copy_from_slice(&w[rows.start * width..rows.end * width]);
        Ok(())
    });
    let Ok(packed) = packed;
    packed
}

/// A weight in bf16 whose rows are converted each time, as if they came from a file in memory.
#[derive(Debug)]
struct Rows {
    values: Vec<bf16>,
    width: usize,
}

impl RowReader for Rows {
    fn dims(&self) -> [usize; 2] {
        [self.values.len() / self.width, self.width]
    }

    fn float_type(&self) -> FloatType {
        FloatType::Bf16
    }

    fn read(&self, rows: Range<usize>, values: &mut [f32]) -> laser_kernels::Result<()> {
        self.values[rows.start * self.width..rows.end * self.width].convert_to_f32_slice(values);
        Ok(())
    }

    fn read_ahead(&self) {}

    fn release(&self) {}
}

#[divan::bench(args = Case::all(), sample_size = 1, min_time = 0.1, max_time = 2)]
fn in_file(bencher: Bencher<'_, '_>, case: Case) {
    let Case { out: _, width, rows, threads } = case;
    let x = Tensor::from_vec(values(rows * width, 0), (rows, width), &Device::Cpu).expect("a tensor");
    let rounded = |w: Vec<f32>| w.into_iter().map(bf16::from_f32).collect();
    let weights: Vec<Weight> =
        case.weights().into_iter().map(|w| Weight::InFile(Arc::new(Rows { values: rounded(w), width }))).collect();
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
