//! Rows of a tensor that are a weight as they stand: products can read them from the file.

use std::ops::Range;
use std::sync::Arc;

use laser_checkpoint::{Checkpoint, CheckpointError, Dtype, TensorInfo, TensorView};
use laser_kernels::float_type::FloatType;
use laser_kernels::packed::{CodeFormat, CodeRows, Packed};
use laser_kernels::row_reader::RowReader;
use laser_kernels::{Error, Result};

use super::ModelFiles;
use crate::adapter::merge::Merge;
use crate::arch::tensor_names::TensorRole;
use crate::parameters::{ParameterId, ParameterOwner};
use crate::tensor_layout::role_parameters;

/// Rows of a tensor, which are a weight `[out, in]`.
#[derive(Debug)]
pub(super) struct FileRows {
    checkpoint: Arc<Checkpoint>,
    /// Name of the tensor.
    tensor: String,
    /// The row of the tensor that is each row of the weight.
    rows: Vec<usize>,
    width: usize,
}

impl FileRows {
    /// The rows of the weight of a parameter; `None` if its values have another order in the file, or adapters change them.
    pub(super) fn of(files: &ModelFiles, id: ParameterId, [out, width]: [usize; 2]) -> Option<Self> {
        let (tensor, rows) = match id.owner {
            ParameterOwner::Matrix(matrix) => {
                let location = files.location(matrix);
                let is_merged = files.merge.as_ref().is_some_and(|merge| merge.changes_weight(matrix));
                if location.is_transposed() || is_merged {
                    return None;
                }
                (location.weight_name(), location.rows().to_vec())
            }
            ParameterOwner::Role(role, layer) => (role_tensor(files, role, layer)?, (0..out).collect()),
        };
        let has_width = files.checkpoint.info(&tensor)?.row_len() == width;
        has_width.then(|| Self { checkpoint: Arc::clone(&files.checkpoint), tensor, rows, width })
    }

    /// Fills `values`, `[rows, in]`, with the values of a range of rows of the weight.
    pub(super) fn read_rows(&self, rows: Range<usize>, values: &mut [f32]) -> std::result::Result<(), CheckpointError> {
        self.read_runs(rows, |view, in_file, place| {
            view.read_rows(in_file, &mut values[place.start * self.width..place.end * self.width])
        })
    }

    /// The form of the codes of a quantised tensor; `None` for other tensors.
    pub(super) fn code_format(&self) -> Option<CodeFormat> {
        let laser_checkpoint::CodeFormat { run, bits, zero, has_offsets } = self.info().dtype.code_format()?;
        Some(CodeFormat { run, bits, zero, has_offsets })
    }

    /// As [`FileRows::read_rows`], and fills `codes` with the codes of the rows; their format is `format`.
    pub(super) fn read_codes(
        &self,
        format: CodeFormat,
        rows: Range<usize>,
        values: &mut [f32],
        codes: &mut CodeRows,
    ) -> std::result::Result<(), CheckpointError> {
        self.read_rows(rows.clone(), values)?;
        let runs = self.width / format.run;
        self.read_runs(rows, |view, in_file, place| {
            let of_runs = place.start * runs..place.end * runs;
            let offsets = if format.has_offsets { &mut codes.offsets[of_runs.clone()] } else { &mut [] };
            let of_values = place.start * self.width..place.end * self.width;
            view.read_codes(in_file, &mut codes.codes[of_values], &mut codes.scales[of_runs], offsets)
        })
    }

    /// Number of bytes that the weight takes in memory.
    pub(super) fn bytes(&self) -> usize {
        let shape = [self.rows.len(), self.width];
        match self.code_format() {
            Some(format) => Packed::bytes_of_codes(format, shape),
            None => Packed::bytes_of(self.float_type(), shape),
        }
    }

    /// Calls `read` with the tensor, a range of its rows, and their places among `rows`, for all rows that are consecutive in
    /// the file.
    fn read_runs(
        &self,
        rows: Range<usize>,
        mut read: impl FnMut(&TensorView<'_>, Range<usize>, Range<usize>) -> std::result::Result<(), CheckpointError>,
    ) -> std::result::Result<(), CheckpointError> {
        let view = self.checkpoint.tensor(&self.tensor)?;
        let rows = &self.rows[rows];
        let mut first = 0;
        while first < rows.len() {
            let run = rows[first..].windows(2).take_while(|pair| pair[1] == pair[0] + 1).count() + 1;
            read(&view, rows[first]..rows[first] + run, first..first + run)?;
            first += run;
        }
        Ok(())
    }

    fn info(&self) -> &TensorInfo {
        self.checkpoint.info(&self.tensor).expect("the tensor was found when this was made")
    }
}

/// The one tensor that is the weight of a role as it stands.
fn role_tensor(files: &ModelFiles, role: TensorRole, layer: usize) -> Option<String> {
    let parameter = role_parameters(&files.config).into_iter().find(|p| p.role == role)?;
    let is_merged = |merge: &Merge| merge.changes_parameter(role, layer, "weight");
    match &files.layout.stems(&parameter, layer)[..] {
        [stem] if !files.merge.as_ref().is_some_and(is_merged) => {
            Some(files.layout.tensor_name(&parameter, stem, "weight"))
        }
        _ => None,
    }
}

impl RowReader for FileRows {
    fn dims(&self) -> [usize; 2] {
        [self.rows.len(), self.width]
    }

    /// The type of the file; the blocks of a quantised one become f32.
    fn float_type(&self) -> FloatType {
        float_type(self.info().dtype)
    }

    fn read(&self, rows: Range<usize>, values: &mut [f32]) -> Result<()> {
        self.read_rows(rows, values).map_err(Error::wrap)
    }

    fn read_ahead(&self) {
        self.checkpoint.read_ahead(self.info());
    }

    fn release(&self) {
        self.checkpoint.release_pages_of(self.info());
    }
}

/// The type in which products keep weights of an element type.
pub(super) fn float_type(dtype: Dtype) -> FloatType {
    match dtype {
        Dtype::BF16 => FloatType::Bf16,
        Dtype::F16 => FloatType::F16,
        _ => FloatType::F32,
    }
}
