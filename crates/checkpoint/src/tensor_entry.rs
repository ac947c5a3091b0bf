//! Tensor descriptions that were checked against their file: the common result of both header readers.
#![deny(clippy::as_conversions)]

use std::ops::Range;

use crate::dtype::Dtype;
use crate::error::CheckpointError;

/// The checked description of one tensor in a file.
#[derive(Debug)]
pub(crate) struct TensorEntry {
    pub(crate) name: String,
    pub(crate) dtype: Dtype,
    /// Shape, outermost dimension first in both formats.
    pub(crate) shape: Vec<usize>,
    /// Range of its data, in bytes from the start of the file; within the file.
    pub(crate) range: Range<usize>,
}

/// Converts the dimensions `dims` (outermost first) of a tensor; returns the shape and the number of elements.
///
/// # Errors
/// [`CheckpointError::ShapeOverflow`] if a dimension or the number of elements does not fit the address space.
pub(crate) fn checked_shape(tensor: &str, dims: &[u64]) -> Result<(Vec<usize>, usize), CheckpointError> {
    let overflow = || shape_overflow(tensor, dims);
    let mut shape = Vec::with_capacity(dims.len());
    let mut elements = 1usize;
    for &dim in dims {
        let dim = usize::try_from(dim).map_err(|_| overflow())?;
        elements = elements.checked_mul(dim).ok_or_else(overflow)?;
        shape.push(dim);
    }
    Ok((shape, elements))
}

/// Makes the error for a shape whose size does not fit the address space.
pub(crate) fn shape_overflow(tensor: &str, dims: &[u64]) -> CheckpointError {
    CheckpointError::ShapeOverflow { tensor: tensor.to_string(), shape: dims.to_vec() }
}

/// Converts a length or an offset to the integer type of the file formats.
pub(crate) fn to_u64(value: usize) -> u64 {
    u64::try_from(value).expect("usize has at most 64 bits on every platform Rust supports")
}
