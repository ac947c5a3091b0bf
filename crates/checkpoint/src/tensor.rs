//! One tensor of a checkpoint: its description, and its bytes as `f32`.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::codec::Slot;
use crate::dtype::Dtype;
use crate::error::CheckpointError;

/// What a checkpoint says of one tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its name, as the file has it.
    pub name: String,
    /// How its elements are stored.
    pub dtype: Dtype,
    /// Its shape, outermost dimension first, whatever the order in the file; empty for a scalar.
    pub shape: Vec<usize>,
    /// The file that holds it.
    pub file: Arc<Path>,
    /// Its bytes in that file.
    pub range: Range<usize>,
}

impl TensorInfo {
    /// How many elements it has.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Elements in a row, the last dimension; 1 for a scalar.
    pub fn row_len(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    /// How many rows it has: the product of all dimensions but the last.
    pub fn rows(&self) -> usize {
        match self.shape.split_last() {
            Some((_, outer)) => outer.iter().product(),
            None => 1,
        }
    }

    /// Where its values are stored, for the codec.
    pub(crate) fn slot(&self) -> Slot<'_> {
        Slot { tensor: &self.name, dtype: self.dtype, shape: &self.shape }
    }
}

/// A tensor's description together with its mapped bytes.
#[derive(Debug, Clone, Copy)]
pub struct TensorView<'a> {
    info: &'a TensorInfo,
    bytes: &'a [u8],
}

impl<'a> TensorView<'a> {
    /// `bytes` must be what `info.range` selects; both were checked when the checkpoint was opened.
    pub(crate) fn new(info: &'a TensorInfo, bytes: &'a [u8]) -> Self {
        Self { info, bytes }
    }

    /// The description.
    pub fn info(&self) -> &'a TensorInfo {
        self.info
    }

    /// The bytes as stored.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// All values, row-major.
    ///
    /// # Errors
    /// In the name of the file: [`CheckpointError::NotWeights`] for a type that is not read,
    /// [`CheckpointError::NotFinite`] with the coordinates of the first NaN or infinity.
    pub fn to_f32(&self) -> Result<Vec<f32>, CheckpointError> {
        self.decode(0, self.bytes, self.info.elements())
    }

    /// The values of some rows, row-major.
    ///
    /// # Errors
    /// As [`TensorView::to_f32`]; [`CheckpointError::Rows`] when there are not so many rows;
    /// [`CheckpointError::PartialBlock`] when rows of a safetensors tensor do not begin at whole bytes.
    pub fn rows_to_f32(&self, rows: Range<usize>) -> Result<Vec<f32>, CheckpointError> {
        let info = self.info;
        if rows.start > rows.end || rows.end > info.rows() {
            return Err(CheckpointError::Rows {
                tensor: info.name.clone(),
                start: rows.start,
                end: rows.end,
                rows: info.rows(),
            }
            .in_file(&info.file));
        }
        let Some(row) = info.dtype.bytes_for(info.row_len()) else {
            return Err(CheckpointError::PartialBlock {
                tensor: info.name.clone(),
                dtype: info.dtype,
                block: info.dtype.block_len(),
                found: info.row_len(),
            }
            .in_file(&info.file));
        };
        // Bounded by the whole tensor, which lies within the file.
        let bytes = &self.bytes[rows.start * row..rows.end * row];
        self.decode(rows.start * info.row_len(), bytes, rows.len() * info.row_len())
    }

    /// What reading back gives after `values`, all of them, were written over this tensor in its own type: blocks that
    /// hold them already, bit for bit, stay as they are ([`crate::gguf::rewrite`]), the others are
    /// [`crate::stored_values`].
    ///
    /// # Errors
    /// In the name of the file: [`CheckpointError::NotWeights`], [`CheckpointError::ValueCount`],
    /// [`CheckpointError::PartialBlock`], [`CheckpointError::NotFinite`], [`CheckpointError::Overflow`].
    pub fn stored_over(&self, values: &[f32]) -> Result<Vec<f32>, CheckpointError> {
        let mut back = Vec::with_capacity(values.len());
        let keep = |_: &[u8], stored: &[f32]| {
            back.extend_from_slice(stored);
            Ok(())
        };
        self.info.slot().encode(values, self.bytes, keep).map_err(|problem| problem.in_file(&self.info.file))?;
        Ok(back)
    }

    fn decode(&self, first: usize, bytes: &[u8], count: usize) -> Result<Vec<f32>, CheckpointError> {
        // Before the allocation: a type that is not read must not cost memory.
        let slot = self.info.slot();
        slot.size().map_err(|problem| problem.in_file(&self.info.file))?;
        let mut values = vec![0.0; count];
        slot.decode(first, bytes, &mut values).map_err(|problem| problem.in_file(&self.info.file))?;
        Ok(values)
    }
}
