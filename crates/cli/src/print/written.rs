//! The files and matrices that `laser apply` wrote.

use indicatif::HumanBytes;
use laser::export::{AdaptedMatrix, ExportedModel, FactoredModule};

use crate::output::table;

/// Tables of what was written: files with their bytes; edited matrices with their rounding errors, the updates of an adapter
/// or the modules of a factored model. Then a line about the tensors that only an adapter changes.
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
    if !written.adapted.is_empty() {
        text += &format!("\n\n{}", table(&updates(&written.adapted)));
    }
    if !written.factored.is_empty() {
        text += &format!("\n\n{}", table(&modules(&written.factored)));
        let sum = |bytes: fn(&FactoredModule) -> u64| size(written.factored.iter().map(bytes).sum());
        let (before, after) = (sum(|module| module.bytes_before), sum(|module| module.bytes_after));
        text += &format!("\n\nmemory of these modules: {before} before, {after} now");
    }
    if !written.merged.is_empty() {
        let largest = written.merged.iter().map(|m| m.relative).fold(0.0, f64::max);
        let n = written.merged.len();
        text += &format!("\n\n{n} further tensors merged with the adapter, largest relative rounding {largest:.3e}");
    }
    text
}

/// A number of bytes for people.
pub(crate) fn size(bytes: u64) -> String {
    HumanBytes(bytes).to_string()
}

/// Rows of the updates of an adapter.
fn updates(adapted: &[AdaptedMatrix]) -> Vec<Vec<String>> {
    let header = ["matrix", "removed components", "rank of the update", "energy left out"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(adapted.iter().map(|of| {
        let left_out = format!("{:.4} %", 100.0 * of.left_out);
        vec![of.matrix.clone(), of.removed_rank.to_string(), of.rank.to_string(), left_out]
    }));
    rows
}

/// Rows of the modules of a factored model.
fn modules(factored: &[FactoredModule]) -> Vec<Vec<String>> {
    let header = ["module", "outputs x inputs", "rank", "breaks even at", "bytes before", "bytes now"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(factored.iter().map(|module| {
        let [out, width] = module.shape;
        let numbers = [module.rank as u64, module.break_even as u64, module.bytes_before, module.bytes_after];
        let texts = [module.module.clone(), format!("{out} x {width}")].into_iter();
        texts.chain(numbers.iter().map(u64::to_string)).collect()
    }));
    rows
}
