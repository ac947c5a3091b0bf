//! What the tests of the operations share: random tensors and the distance of two.

use candle_core::{Device, Tensor};

/// Standard normal values, `[rows, cols]`.
pub(super) fn random(rows: usize, cols: usize) -> Tensor {
    Tensor::randn(0f32, 1.0, (rows, cols), &Device::Cpu).expect("a small tensor")
}

/// Standard normal values, `[n]`.
pub(super) fn random_row(n: usize) -> Tensor {
    Tensor::randn(0f32, 1.0, n, &Device::Cpu).expect("a small tensor")
}

/// The largest distance of two elements in the same place; NaN counts as infinite.
pub(super) fn difference(a: &Tensor, b: &Tensor) -> f32 {
    let values = |t: &Tensor| t.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("f32 values");
    assert_eq!(a.dims(), b.dims(), "tensors of one shape");
    let distances = values(a).into_iter().zip(values(b)).map(|(a, b)| (a - b).abs());
    distances.fold(0.0, |most, d| if d.is_nan() { f32::INFINITY } else { most.max(d) })
}
