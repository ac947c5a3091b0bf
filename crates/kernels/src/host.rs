//! Access to tensors in host memory: gives kernels the values of a tensor as a slice, and makes tensors of their
//! results. All CPU kernels read and write tensors through this file.

use candle_core::{CpuStorage, DType, Device, Error, Layout, Result, Storage, Tensor};

/// Whether the fused CPU kernels can compute with `x`: f32 values in host memory that need no gradient.
#[inline]
pub(crate) fn fused_applies(x: &Tensor) -> bool {
    matches!(x.device(), Device::Cpu) && x.dtype() == DType::F32 && !x.track_op()
}

/// Calls `f` with the values of `x` in row-major order, without a copy.
///
/// # Errors
/// If `x` is not a contiguous f32 tensor in host memory.
pub fn with_values<R>(x: &Tensor, f: impl FnOnce(&[f32]) -> R) -> Result<R> {
    let (storage, layout) = x.storage_and_layout();
    Ok(f(values_of_storage(&storage, layout)?))
}

/// The tensor `[rows, width]` of these values, in host memory.
pub(crate) fn host_rows(values: Vec<f32>, rows: usize, width: usize) -> Result<Tensor> {
    Tensor::from_vec(values, (rows, width), &Device::Cpu)
}

/// The values of a tensor, from its storage and layout; the caller keeps the storage locked while it reads them.
///
/// # Errors
/// If the values are not contiguous f32 in host memory.
pub(crate) fn values_of_storage<'a>(storage: &'a Storage, layout: &Layout) -> Result<&'a [f32]> {
    match storage {
        Storage::Cpu(storage) => values_of_cpu_storage(storage, layout),
        _ => Err(Error::Msg("a CPU kernel got a tensor that is not in host memory".into())),
    }
}

/// As [`values_of_storage`], for storage that is known to be in host memory.
///
/// # Errors
/// If the values are not contiguous f32.
pub(crate) fn values_of_cpu_storage<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let CpuStorage::F32(values) = storage else {
        return Err(Error::Msg("a CPU kernel got a tensor whose values are not f32".into()));
    };
    let Some((start, end)) = layout.contiguous_offsets() else {
        return Err(Error::Msg("a CPU kernel got a tensor that is not contiguous".into()));
    };
    Ok(&values[start..end])
}
