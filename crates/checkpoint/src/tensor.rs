//! One tensor of a checkpoint: its description, and the conversion of its bytes to `f32`.

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::codec::{TensorSpec, joined};
use crate::dtype::Dtype;
use crate::error::CheckpointError;

/// The description of one tensor of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Name in the file.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Shape, outermost dimension first, whatever the order in the file; empty for a scalar.
    pub shape: Vec<usize>,
    /// Path of the file that contains the tensor.
    pub file: Arc<Path>,
    /// Range of its data, in bytes from the start of that file.
    pub range: Range<usize>,
}

impl TensorInfo {
    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Number of elements in a row, which is the last dimension; 1 for a scalar.
    pub fn row_len(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    /// Number of rows: the product of all dimensions but the last; 1 for a scalar.
    pub fn rows(&self) -> usize {
        match self.shape.split_last() {
            Some((_, outer)) => outer.iter().product(),
            None => 1,
        }
    }

    /// The part of the description that the codec needs.
    pub(crate) fn spec(&self) -> TensorSpec<'_> {
        TensorSpec { name: &self.name, dtype: self.dtype, shape: &self.shape }
    }
}

/// A tensor's description together with its bytes, borrowed from the mapped file.
#[derive(Debug, Clone, Copy)]
pub struct TensorView<'a> {
    info: &'a TensorInfo,
    bytes: &'a [u8],
    /// Exponents of the blocks, of a tensor that stores them apart.
    scales: Option<&'a [u8]>,
}

impl<'a> TensorView<'a> {
    /// Makes a view; `bytes` must be the bytes at `info.range`, which was checked when the checkpoint was opened.
    pub(crate) fn new(info: &'a TensorInfo, bytes: &'a [u8]) -> Self {
        Self { info, bytes, scales: None }
    }

    /// The same view of blocks whose exponents are stored apart.
    pub(crate) fn with_scales(self, scales: &'a [u8]) -> Self {
        Self { scales: Some(scales), ..self }
    }

    /// The description of the tensor.
    pub fn info(&self) -> &'a TensorInfo {
        self.info
    }

    /// True if the exponents of its blocks are stored apart, in a tensor of their own.
    pub fn is_in_two_parts(&self) -> bool {
        self.scales.is_some()
    }

    /// The bytes as they are stored; of a tensor in two parts, those of the first.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Converts all values to `f32`, in row-major order.
    ///
    /// # Errors
    /// All errors name the file: [`CheckpointError::NotAWeightType`] for a type that cannot be converted,
    /// [`CheckpointError::NotFinite`] with the coordinates of the first NaN or infinity.
    pub fn to_f32(&self) -> Result<Vec<f32>, CheckpointError> {
        match self.scales {
            None => self.decode(0, self.bytes, self.info.elements()),
            Some(_) => self.rows_to_f32(0..self.info.rows()),
        }
    }

    /// Converts the values of a range of rows to `f32`, in row-major order.
    ///
    /// # Errors
    /// The errors of [`TensorView::to_f32`]; [`CheckpointError::RowsOutOfRange`] if the range is not within the tensor;
    /// [`CheckpointError::PartialBlock`] if a row is not a whole number of quantisation blocks.
    pub fn rows_to_f32(&self, rows: Range<usize>) -> Result<Vec<f32>, CheckpointError> {
        let bytes = self.bytes_of_rows(&rows)?;
        self.decode(rows.start * self.info.row_len(), &bytes, rows.len() * self.info.row_len())
    }

    /// Converts the values of a range of rows to `f32` and fills `values`, `[rows, row length]`, with them.
    ///
    /// # Errors
    /// Those of [`TensorView::rows_to_f32`].
    ///
    /// # Panics
    /// If `values` has another length.
    pub fn read_rows(&self, rows: Range<usize>, values: &mut [f32]) -> Result<(), CheckpointError> {
        let info = self.info;
        let bytes = self.bytes_of_rows(&rows)?;
        assert_eq!(values.len(), rows.len() * info.row_len(), "one value for each element");
        let decoded = info.spec().decode(rows.start * info.row_len(), &bytes, values);
        decoded.map_err(|problem| problem.in_file(&info.file))
    }

    /// Reads a range of rows of a block type that has a [`CodeFormat`](crate::CodeFormat): `codes` `[rows, row length]`,
    /// `scales` and `offsets` `[rows, row length / run]`; `offsets` is empty if the format has none. Whether the values are
    /// finite is not checked.
    ///
    /// # Errors
    /// Those of [`TensorView::rows_to_f32`].
    ///
    /// # Panics
    /// If the type has no codes, or a slice has another length.
    pub fn read_codes(
        &self,
        rows: Range<usize>,
        codes: &mut [u8],
        scales: &mut [f32],
        offsets: &mut [f32],
    ) -> Result<(), CheckpointError> {
        let bytes = self.bytes_of_rows(&rows)?;
        assert_eq!(codes.len(), rows.len() * self.info.row_len(), "one code for each element");
        self.info.spec().read_codes(&bytes, codes, scales, offsets);
        Ok(())
    }

    /// The bytes of a range of rows, as whole blocks.
    fn bytes_of_rows(&self, rows: &Range<usize>) -> Result<Cow<'a, [u8]>, CheckpointError> {
        let info = self.info;
        if rows.start > rows.end || rows.end > info.rows() {
            return Err(CheckpointError::RowsOutOfRange {
                tensor: info.name.clone(),
                start: rows.start,
                end: rows.end,
                rows: info.rows(),
            }
            .in_file(&info.file));
        }
        let Some(row_bytes) = info.dtype.bytes_for(info.row_len()) else {
            return Err(CheckpointError::PartialBlock {
                tensor: info.name.clone(),
                dtype: info.dtype,
                block: info.dtype.block_len(),
                found: info.row_len(),
            }
            .in_file(&info.file));
        };
        // These products cannot overflow: they are at most the size of the tensor, which lies within the file.
        let Some(scales) = self.scales else {
            return Ok(Cow::Borrowed(&self.bytes[rows.start * row_bytes..rows.end * row_bytes]));
        };
        let blocks = info.row_len() / info.dtype.block_len();
        let codes = blocks * (info.dtype.block_bytes() - 1); // without the exponents
        let codes = &self.bytes[rows.start * codes..rows.end * codes];
        Ok(Cow::Owned(joined(codes, &scales[rows.start * blocks..rows.end * blocks])))
    }

    /// Computes the values that the tensor will have after a rewrite with `values`, those of the whole tensor, in its
    /// own type.
    ///
    /// Blocks that have the new values already, bit for bit, stay as they are (see [`crate::gguf::rewrite`]); for the
    /// others the result is that of [`crate::stored_values`].
    ///
    /// # Errors
    /// All errors name the file: [`CheckpointError::NotAWeightType`], [`CheckpointError::ValueCount`],
    /// [`CheckpointError::PartialBlock`], [`CheckpointError::NotFinite`], [`CheckpointError::Overflow`].
    pub fn values_after_rewrite(&self, values: &[f32]) -> Result<Vec<f32>, CheckpointError> {
        Ok(self.after_rewrite(values)?.1)
    }

    /// Computes the bytes that the tensor will have after a rewrite with `values`, and the values that they give
    /// ([`TensorView::values_after_rewrite`]).
    ///
    /// # Errors
    /// Those of [`TensorView::values_after_rewrite`].
    pub fn after_rewrite(&self, values: &[f32]) -> Result<(Vec<u8>, Vec<f32>), CheckpointError> {
        let old = match self.scales {
            None => Cow::Borrowed(self.bytes),
            Some(scales) => Cow::Owned(joined(self.bytes, scales)),
        };
        let mut all_bytes = Vec::with_capacity(old.len());
        let mut all_stored = Vec::with_capacity(values.len());
        let collect = |bytes: &[u8], stored: &[f32]| {
            all_bytes.extend_from_slice(bytes);
            all_stored.extend_from_slice(stored);
            Ok(())
        };
        self.info.spec().encode(values, &old, collect).map_err(|problem| problem.in_file(&self.info.file))?;
        Ok((all_bytes, all_stored))
    }

    /// Converts `bytes`, which hold `count` elements from element `first` on.
    fn decode(&self, first: usize, bytes: &[u8], count: usize) -> Result<Vec<f32>, CheckpointError> {
        let spec = self.info.spec();
        // Checked before the allocation, so that a type that cannot be converted takes no memory.
        spec.byte_size().map_err(|problem| problem.in_file(&self.info.file))?;
        let mut values = vec![0.0; count];
        spec.decode(first, bytes, &mut values).map_err(|problem| problem.in_file(&self.info.file))?;
        Ok(values)
    }
}
