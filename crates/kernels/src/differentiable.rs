//! Common parts of the operations with a gradient on the CPU: when they apply, the start of a backward pass, and the
//! making of gradient tensors. The operations themselves are in the files `gradient` below each operation.
//!
//! The tensor library can differentiate its own operations, but it computes them element by element in a pool of
//! threads that all callers share and wait for; and for a product it would also compute the gradient of the weight,
//! which is constant here. The operations of this crate run as one kernel in the calling thread.

use std::sync::{Arc, OnceLock};

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, CustomOp1, DType, Device, Layout, Result, Shape, Tensor, Var};

use crate::host::values_of_storage;

/// Whether the CPU kernels with a gradient can compute with `x`: f32 values in host memory that need a gradient.
pub(crate) fn applies(x: &Tensor) -> bool {
    matches!(x.device(), Device::Cpu) && x.dtype() == DType::F32 && x.track_op()
}

/// The gradient of an operation's output, which a backward pass leaves here.
///
/// The CPU kernels write it on the way, without another pass over the output. Operations of the tensor library cannot,
/// so there zeros are added to the output, and their gradient is that of the output.
#[derive(Debug, Clone, Default)]
pub struct OutputGradient {
    written: Arc<OnceLock<Tensor>>,
    zeros: Arc<OnceLock<Var>>,
}

impl OutputGradient {
    /// The gradient, in the shape of the output and contiguous, after the backward pass that gave `gradients`; `None` if no
    /// gradient arrived at the output.
    ///
    /// # Errors
    /// Those of the tensor library.
    pub fn get(&self, gradients: &Gradients) -> Result<Option<Tensor>> {
        let of_zeros = || gradients.0.get(self.zeros.get()?.as_tensor());
        self.written.get().or_else(of_zeros).map(Tensor::contiguous).transpose()
    }

    /// Keeps the gradient that a kernel's backward pass received.
    pub(crate) fn write(&self, gradient: &Tensor) {
        // A kernel runs backward once, so that nothing can be there already.
        let _ = self.written.set(gradient.clone());
    }

    /// The output `y` of an operation of the tensor library, through which a gradient is observed; same shape.
    pub(crate) fn observe(&self, y: Tensor) -> Result<Tensor> {
        let zeros = Var::from_tensor(&y.zeros_like()?)?;
        let y = (y + zeros.as_tensor())?;
        // Each operation has an observer of its own, so that nothing can be there already.
        let _ = self.zeros.set(zeros);
        Ok(y)
    }
}

/// Gradients of the leaves of one tracked computation.
pub struct Gradients(GradStore);

impl Gradients {
    /// Backpropagates from the tracked tensor `y`, whose own gradient is `gradient`, of the same shape.
    ///
    /// # Errors
    /// If shapes, devices or data types differ.
    pub fn backpropagate(y: &Tensor, gradient: &Tensor) -> Result<Self> {
        Ok(Self(surrogate_loss(y, gradient)?.backward()?))
    }

    /// The gradient of a leaf, contiguous; zeros if `y` does not depend on it.
    ///
    /// # Errors
    /// Those of the tensor library.
    pub fn of(&self, leaf: &Var) -> Result<Tensor> {
        match self.0.get(leaf) {
            Some(gradient) => gradient.contiguous(),
            None => leaf.zeros_like(),
        }
    }
}

/// A scalar whose gradient with respect to `y` is `gradient`, a tensor of the shape of `y`: a backward pass from it
/// continues one that arrived at `y`. The value of the scalar itself has no meaning.
///
/// # Errors
/// If shapes, devices or data types differ.
pub(crate) fn surrogate_loss(y: &Tensor, gradient: &Tensor) -> Result<Tensor> {
    if applies(y) {
        return y.apply_op1(SurrogateLoss { gradient: gradient.clone() });
    }
    (y * gradient)?.sum_all()
}

struct SurrogateLoss {
    gradient: Tensor,
}

impl CustomOp1 for SurrogateLoss {
    fn name(&self) -> &'static str {
        "surrogate loss"
    }

    fn cpu_fwd(&self, _y: &CpuStorage, _layout: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(vec![0.0]), Shape::from(())))
    }

    fn bwd(&self, _y: &Tensor, _scalar: &Tensor, _gradient: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(self.gradient.clone()))
    }
}

/// A tensor of the shape of `like`, filled by `fill`, which gets zeros to overwrite and the values of `inputs`.
///
/// # Errors
/// If an input is not f32 in host memory.
pub(crate) fn tensor_like<const N: usize>(
    like: &Tensor,
    inputs: [&Tensor; N],
    fill: impl FnOnce(&mut [f32], [&[f32]; N]),
) -> Result<Tensor> {
    // Three arrays, one after the other, because each borrows from the one before.
    let mut contiguous = Vec::with_capacity(N);
    for input in inputs {
        contiguous.push(input.contiguous()?);
    }
    let guards: Vec<_> = contiguous.iter().map(Tensor::storage_and_layout).collect();
    let mut values = [&[][..]; N];
    for (values, (storage, layout)) in values.iter_mut().zip(&guards) {
        *values = values_of_storage(storage, layout)?;
    }
    let mut out = vec![0f32; like.elem_count()];
    fill(&mut out, values);
    Tensor::from_vec(out, like.shape(), &Device::Cpu)
}
