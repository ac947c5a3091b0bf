//! Tensors of new files: name, type, shape, and a function that makes the values when the writer needs them, or the bytes
//! of an existing tensor.

use std::fmt;

use crate::codec::TensorSpec;
use crate::dtype::Dtype;
use crate::error::CheckpointError;
use crate::output_file::OutputFile;
use crate::tensor::TensorView;

/// A tensor for a new file. Its values are made when the file reaches it, so that the values of only one tensor are in
/// memory at a time.
pub struct NewTensor<'a> {
    /// Name.
    pub name: String,
    /// Element type to store it in; a weight type, unless the tensor is a copy.
    pub dtype: Dtype,
    /// Shape, outermost dimension first.
    pub shape: Vec<usize>,
    content: Content<'a>,
}

/// Values of a new tensor.
enum Content<'a> {
    /// Values in row-major order.
    Values(TensorValues<'a>),
    /// The bytes of an existing tensor.
    Copy(&'a [u8]),
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
        Self { name: name.into(), dtype, shape: shape.to_vec(), content: Content::Values(Box::new(values)) }
    }

    /// Describes a copy of an existing tensor: the same type, shape and bytes, whatever they mean.
    pub fn copy(name: impl Into<String>, tensor: TensorView<'a>) -> Self {
        let info = tensor.info();
        let content = Content::Copy(tensor.bytes());
        Self { name: name.into(), dtype: info.dtype, shape: info.shape.clone(), content }
    }

    /// Number of bytes of its data.
    ///
    /// # Errors
    /// A type that values cannot be stored in, or a shape that does not fit it.
    pub(crate) fn byte_size(&self) -> Result<usize, CheckpointError> {
        match &self.content {
            Content::Values(_) => self.spec().byte_size(),
            Content::Copy(bytes) => Ok(bytes.len()),
        }
    }

    /// The part of the description that the codec needs.
    pub(crate) fn spec(&self) -> TensorSpec<'_> {
        TensorSpec { name: &self.name, dtype: self.dtype, shape: &self.shape }
    }

    /// Writes the data to `out`.
    pub(crate) fn write_to(self, out: &mut OutputFile<'_>) -> Result<(), CheckpointError> {
        let values = match self.content {
            Content::Copy(bytes) => return out.write_bytes(bytes),
            Content::Values(make) => make()?,
        };
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
