//! Tensor operations of the forward pass, each as a fused CPU kernel in f32 and composed of the tensor library's own
//! operations, which run on every device and dtype and can be differentiated; on the CPU, [`differentiable`] does so
//! with kernels too.
//!
//! All activations are packed rows `[rows, width]`: no padding, a sequence is a run of rows.

pub mod activation;
pub mod attention;
pub mod batch_layout;
pub mod differentiable;
pub mod linear;
pub mod matmul;
pub mod norm;
pub mod packed;
pub mod rope;
pub mod softmax;
#[cfg(test)]
mod testing;
pub mod variants;

use candle_core::{CpuStorage, DType, Device, Storage, Tensor};

pub use candle_core::{Error, Result};

/// Whether the fused CPU kernels apply: plain f32 values in host memory that no gradient flows to.
pub fn is_fused(x: &Tensor) -> bool {
    matches!(x.device(), Device::Cpu) && x.dtype() == DType::F32 && !x.track_op()
}

/// Runs `f` on the values of a contiguous f32 tensor in host memory.
pub fn with_values<R>(x: &Tensor, f: impl FnOnce(&[f32]) -> R) -> Result<R> {
    let (storage, layout) = x.storage_and_layout();
    let Storage::Cpu(CpuStorage::F32(values)) = &*storage else {
        return Err(candle_core::Error::Msg("fused kernel on a tensor that is not f32 on the CPU".into()).into());
    };
    let Some((start, end)) = layout.contiguous_offsets() else {
        return Err(candle_core::Error::Msg("fused kernel on a strided tensor".into()).into());
    };
    Ok(f(&values[start..end]))
}

/// A `[rows, width]` tensor in host memory from its values.
pub fn host_rows(values: Vec<f32>, rows: usize, width: usize) -> Result<Tensor> {
    Ok(Tensor::from_vec(values, (rows, width), &Device::Cpu)?)
}

/// Lanes of the kernels' accumulators: fixed, so that results do not depend on the vector width of the machine.
pub const LANES: usize = 16;

/// Dot product of two equally long slices, in [`LANES`] partial sums.
#[inline(always)]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0f32; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let tail: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a_chunks.zip(b_chunks) {
        for lane in 0..LANES {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    lanes.iter().sum::<f32>() + tail
}

/// Sum of a slice, in [`LANES`] partial sums.
#[inline(always)]
pub fn sum(x: &[f32]) -> f32 {
    let mut lanes = [0f32; LANES];
    let chunks = x.chunks_exact(LANES);
    let tail: f32 = chunks.remainder().iter().sum();
    for x in chunks {
        for lane in 0..LANES {
            lanes[lane] += x[lane];
        }
    }
    lanes.iter().sum::<f32>() + tail
}

/// `eˣ` by range reduction and a polynomial of degree 6, relative error below 3e-7; written so that it vectorises.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let (p, scale) = reduced_exp(x);
    (1.0 + p) * scale
}

/// `tanh x` with a relative error below 1e-6, also near zero; written so that it vectorises.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let (p, scale) = reduced_exp(2.0 * x);
    let e = p * scale + (scale - 1.0); // e²ˣ − 1 without the cancellation
    e / (e + 2.0)
}

/// `(p, 2ⁿ)` with `eˣ = (1 + p)·2ⁿ` and `|p| < 0.42`.
#[inline(always)]
fn reduced_exp(x: f32) -> (f32, f32) {
    const ROUND: f32 = 12_582_912.0; // 1.5·2²³: a sum with it ends in the bits of the nearest integer
    let x = x.clamp(-87.0, 88.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4; // ln 2 in two parts
    let p = r * (1.0 + r * (0.5 + r * (0.166_666_67 + r * (0.041_666_67 + r * (0.008_333_39 + r * 0.001_394_4)))));
    let scale = f32::from_bits((rounded.to_bits() << 23).wrapping_add(127 << 23)); // |n| ≤ 127 after the clamp
    (p, scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_accurate_over_its_range() {
        for i in -8700..8800 {
            let x = i as f32 / 100.0;
            let (fast, true_value) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((fast - true_value).abs() <= 4e-7 * true_value, "exp({x}) = {fast}, not {true_value}");
        }
        assert_eq!(exp(-1000.0), exp(-87.0));
    }

    #[test]
    fn tanh_is_accurate_over_its_range() {
        for i in -2000..=2000 {
            for x in [i as f32 / 100.0, i as f32 * 1e-6] {
                let (fast, true_value) = (f64::from(tanh(x)), f64::from(x).tanh());
                assert!((fast - true_value).abs() <= 1e-6 * true_value.abs(), "tanh({x}) = {fast}, not {true_value}");
            }
        }
        assert_eq!((tanh(-1000.0), tanh(1000.0)), (-1.0, 1.0));
    }

    #[test]
    fn sum_and_dot_equal_the_naive_sums() {
        for n in [0, 1, 15, 16, 17, 64, 100] {
            let a: Vec<f32> = (0..n).map(|i| (i as f32 * 0.37).sin()).collect();
            let b: Vec<f32> = (0..n).map(|i| (i as f32 * 0.11).cos()).collect();
            let naive: f64 = a.iter().zip(&b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
            assert!((f64::from(dot(&a, &b)) - naive).abs() < 1e-5);
            let naive: f64 = a.iter().map(|x| f64::from(*x)).sum();
            assert!((f64::from(sum(&a)) - naive).abs() < 1e-5);
        }
    }
}
