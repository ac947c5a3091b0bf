//! The files and matrices that `laser apply` wrote.

use laser::export::ExportedModel;

use crate::output::table;

/// Two tables: files with their bytes, and edited matrices with their rounding errors. Then a line about the tensors that
/// only an adapter changes.
pub(crate) fn written(written: &ExportedModel) -> String {
    let mut files = vec![["file", "bytes"].map(str::to_owned).to_vec()];
    files.extend(written.files.iter().map(|file| vec![file.name.clone(), file.bytes.to_string()]));
    let header = ["matrix", "tensor", "type", "largest rounding", "relative"];
    let mut matrices = vec![header.map(str::to_owned).to_vec()];
    matrices.extend(written.matrices.iter().map(|m| {
        let errors = [m.max_abs, m.relative].map(|error| format!("{error:.3e}"));
        [vec![m.matrix.clone(), m.tensor.clone(), m.dtype.clone()], errors.to_vec()].concat()
    }));
    let mut text = table(&files);
    if !written.matrices.is_empty() {
        text += &format!("\n\n{}", table(&matrices));
    }
    if !written.merged.is_empty() {
        let largest = written.merged.iter().map(|m| m.relative).fold(0.0, f64::max);
        let n = written.merged.len();
        text += &format!("\n\n{n} further tensors merged with the adapter, largest relative rounding {largest:.3e}");
    }
    text
}
