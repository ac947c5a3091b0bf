//! Reads a weight into memory as products take it on the CPU: packed, in the element type of its file; quantised ones as codes.

use std::convert::Infallible;

use laser_kernels::float_type::FloatType;
use laser_kernels::packed::Packed;
use laser_kernels::row_reader::RowReader;

use super::file_parameters::FileParameters;
use super::file_rows::{FileRows, float_type};
use crate::error::Result;
use crate::parameters::{ParameterId, ParameterOwner};

impl FileParameters<'_> {
    /// The weight in the element type of the file.
    pub(super) fn packed(&self, id: ParameterId, shape: [usize; 2]) -> Result<Packed> {
        let ([out, width], files) = (shape, self.files);
        if let Some(rows) = FileRows::of(files, id, shape) {
            let packed = match rows.code_format() {
                Some(format) => Packed::from_codes(format, out, width, |panel, values, codes| {
                    rows.read_codes(format, panel, values, codes)
                })?,
                None => {
                    Packed::from_rows(rows.float_type(), out, width, |panel, values| rows.read_rows(panel, values))?
                }
            };
            rows.release();
            return Ok(packed);
        }
        let values = self.values(id)?;
        // Nothing is rounded: adapters may have changed the values.
        let in_file = match id.owner {
            ParameterOwner::Matrix(matrix) => files.checkpoint.info(&files.location(matrix).weight_name()),
            ParameterOwner::Role(..) => None,
        };
        let float_type = in_file.map_or(FloatType::F32, |info| float_type(info.dtype));
        let copied = Packed::from_rows(float_type, out, width, |rows, to| -> std::result::Result<(), Infallible> {
            to.copy_from_slice(&values[rows.start * width..rows.end * width]);
            Ok(())
        });
        let Ok(packed) = copied;
        Ok(packed)
    }
}
