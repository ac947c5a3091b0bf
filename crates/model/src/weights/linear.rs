//! A linear layer: weight and bias.

use candle_core::Tensor;
use laser_kernels::weight::Weight;

/// Weight and bias of a linear layer.
#[derive(Debug, Clone)]
pub struct Linear {
    /// `[out, in]`.
    pub weight: Weight,
    /// `[out]`.
    pub bias: Option<Tensor>,
}

/// Borrowed weight and bias of a linear layer; the weight may come from the overlay.
#[derive(Debug, Clone, Copy)]
pub struct LinearRef<'a> {
    /// `[out, in]`.
    pub weight: &'a Weight,
    /// `[out]`.
    pub bias: Option<&'a Tensor>,
}
