//! Checks that the weights in a model's files are numbers, for jobs that read only some of them.

use super::ModelFiles;
use crate::error::Result;

/// Most values that are converted at a time.
const VALUES: usize = 1 << 20;

impl ModelFiles {
    /// Reads all tensors of the model, and keeps none.
    ///
    /// # Errors
    /// The first value that is not finite, or a tensor that cannot be read.
    pub fn check_values(&self) -> Result<()> {
        let exists = |name: &str| self.checkpoint.info(name).is_some();
        for expected in self.layout.expected(&self.config, exists) {
            let view = self.checkpoint.tensor(&expected.name)?;
            let info = view.info();
            let (rows, width) = (info.rows(), info.row_len());
            let at_once = (VALUES / width.max(1)).max(1);
            for first in (0..rows).step_by(at_once) {
                view.rows_to_f32(first..rows.min(first + at_once))?;
            }
            self.checkpoint.release_pages_of(info);
        }
        Ok(())
    }
}
