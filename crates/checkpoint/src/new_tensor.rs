//! Tensors of new files: name, type, shape, and a function that makes the values when the writer needs them.

use std::fmt;

use crate::codec::TensorSpec;
use crate::dtype::Dtype;
use crate::error::CheckpointError;
use crate::output_file::OutputFile;

/// A tensor for a new file. Its values are made when the file reaches it, so that the values of only one tensor are in
/// memory at a time.
pub struct NewTensor<'a> {
    /// Name.
    pub name: String,
    /// Element type to store it in; a weight type.
    pub dtype: Dtype,
    /// Shape, outermost dimension first.
    pub shape: Vec<usize>,
    /// Makes the values, in row-major order.
    pub values: TensorValues<'a>,
}

/// A function that makes the values of a tensor; it is called once.
pub type TensorValues<'a> = Box<dyn FnOnce() -> Result<Vec<f32>, CheckpointError> + 'a>;

impl<'a> NewTensor<'a> {
    /// Describes a tensor whose values `values` will make, in row-major order.
    pub fn new(
        name: impl Into<String>,
        dtype: Dtype,
        shape: &[usize],
        values: impl FnOnce() -> Result<Vec<f32>, CheckpointError> + 'a,
    ) -> Self {
        Self { name: name.into(), dtype, shape: shape.to_vec(), values: Box::new(values) }
    }

    /// The part of the description that the codec needs.
    pub(crate) fn spec(&self) -> TensorSpec<'_> {
        TensorSpec { name: &self.name, dtype: self.dtype, shape: &self.shape }
    }

    /// Makes the values and writes them to `out`.
    pub(crate) fn write_to(self, out: &mut OutputFile<'_>) -> Result<(), CheckpointError> {
        let values = (self.values)()?;
        // Not `self.spec()`: the call above has moved one field out of `self`.
        let spec = TensorSpec { name: &self.name, dtype: self.dtype, shape: &self.shape };
        out.write_values(&spec, &values, &[])?;
        Ok(())
    }
}

impl fmt::Debug for NewTensor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewTensor({:?}, {}, {:?})", self.name, self.dtype, self.shape)
    }
}
