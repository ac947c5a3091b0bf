//! Compares a written model, opened again, with what was to be written: edited tensors have the new values, all others
//! the source's bytes.

use std::collections::BTreeMap;
use std::path::Path;

use laser_checkpoint::{Dtype, Metadata, TensorView, stored_values};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use laser_model::load::ModelFiles;
use laser_model::weight_id::WeightId;

/// An edited tensor, or one that an adapter changes: the values to be written, laid out as in the file.
#[derive(Debug)]
pub(super) struct EditedTensor {
    /// The edited matrices in it; none where only an adapter changes it.
    pub(super) ids: Vec<WeightId>,
    /// The matrices in it that an adapter changes, if it holds weights of matrices.
    pub(super) merged: Vec<WeightId>,
    /// The data type to be written.
    pub(super) dtype: Dtype,
    pub(super) values: Vec<f32>,
}

/// A replaced matrix as stored in a written file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoredMatrix {
    /// The matrix, such as `L27.gate_proj`; if its tensor holds several edited matrices, all of them, joined by commas.
    /// Empty for a tensor without matrices, such as an embedding, that an adapter changes.
    pub matrix: String,
    /// Name of its tensor in the file.
    pub tensor: String,
    /// Data type in the file.
    pub dtype: String,
    /// Rounding error max |s − w|: s are the stored values, w the computed ones.
    pub max_abs: f64,
    /// Relative rounding error ‖s − w‖_F / ‖w‖_F.
    pub relative: f64,
    /// Relative size of the edit ‖s − b‖_F / ‖b‖_F: b are the source's values.
    pub change: f64,
    /// SHA-256 of the tensor's bytes in the file.
    pub sha256: String,
}

impl StoredMatrix {
    /// Checks a written tensor like [`expect_stored`], and measures rounding and change. `before`: the source's values
    /// in the same layout as `wanted`.
    pub(super) fn check(
        ids: &[WeightId],
        written: TensorView<'_>,
        dtype: Dtype,
        wanted: &[f32],
        before: &[f32],
        rewritten: Option<TensorView<'_>>,
    ) -> Result<Self> {
        let stored = expect_stored(written, dtype, wanted, rewritten)?;
        Ok(Self::new(
            ids,
            &written.info().name,
            dtype,
            StoredTensor { bytes: written.bytes(), values: &stored },
            wanted,
            before,
        ))
    }

    /// Measures rounding and change of a tensor that holds, or will hold, `stored`.
    pub(super) fn new(
        ids: &[WeightId],
        tensor: &str,
        dtype: Dtype,
        stored: StoredTensor<'_>,
        wanted: &[f32],
        before: &[f32],
    ) -> Self {
        let StoredTensor { bytes, values } = stored;
        let differences = values.iter().zip(wanted).map(|(s, w)| (f64::from(*s) - f64::from(*w)).abs());
        Self {
            matrix: ids.iter().map(WeightId::to_string).collect::<Vec<_>>().join(", "),
            tensor: tensor.to_owned(),
            dtype: dtype.to_string(),
            max_abs: differences.fold(0.0, f64::max),
            relative: distance(values, wanted),
            change: distance(values, before),
            sha256: hex::encode(Sha256::digest(bytes)),
        }
    }
}

/// A tensor as a file stores it: its bytes, and the values that they give.
#[derive(Debug, Clone, Copy)]
pub(super) struct StoredTensor<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) values: &'a [f32],
}

/// The values of a written tensor.
///
/// `rewritten`: the source's tensor if it was rewritten in place of it; its blocks that did not change are then stored
/// as they were, not rounded again.
///
/// # Errors
/// The tensor has another data type than `dtype`, or values that differ in any bit from `wanted` rounded to `dtype`.
pub(super) fn expect_stored(
    written: TensorView<'_>,
    dtype: Dtype,
    wanted: &[f32],
    rewritten: Option<TensorView<'_>>,
) -> Result<Vec<f32>> {
    let info = written.info();
    let expected = match rewritten.filter(|old| old.info().dtype == dtype) {
        Some(old) => old.values_after_rewrite(wanted)?,
        None => stored_values(&info.name, dtype, wanted)?,
    };
    let found = written.to_f32()?;
    let same = found.len() == expected.len() && found.iter().zip(&expected).all(|(a, b)| a.to_bits() == b.to_bits());
    if info.dtype == dtype && same {
        Ok(found)
    } else {
        Err(unlike(&info.file, &info.name, "the values that were to be written"))
    }
}

/// Checks that `written` is a copy of `source`, in the same format, in which exactly the tensors `edited` were
/// replaced; a GGUF file has the metadata `expected`. Returns the edited matrices as stored, ordered by layer, then the tensors that only an adapter changes.
///
/// # Errors
/// A tensor or metadata that differ from what was to be written, or an error on reading.
pub(super) fn compare_copy(
    source: &ModelFiles,
    written: &ModelFiles,
    edited: &BTreeMap<String, EditedTensor>,
    expected: Option<&Metadata>,
) -> Result<[Vec<StoredMatrix>; 2]> {
    let (before, after) = (source.checkpoint(), written.checkpoint());
    let (mut stored, mut merged) = (BTreeMap::new(), BTreeMap::new());
    for info in before.tensors() {
        let (old, new) = (before.tensor(&info.name)?, after.tensor(&info.name)?);
        match edited.get(&info.name) {
            Some(tensor) => {
                let EditedTensor { ids, merged: changed, dtype, values } = tensor;
                let named = if ids.is_empty() { changed } else { ids };
                let matrix = StoredMatrix::check(named, new, *dtype, values, &old.to_f32()?, Some(old))?;
                match ids.is_empty() {
                    true => merged.insert((changed.clone(), info.name.as_str()), matrix),
                    false => stored.insert((ids.clone(), info.name.as_str()), matrix),
                };
            }
            None => {
                let same = new.info().dtype == info.dtype && new.info().shape == info.shape;
                if !same || new.bytes() != old.bytes() {
                    return Err(unlike(written.path(), &info.name, "the bytes of the source"));
                }
            }
        }
    }
    if after.tensors().len() != before.tensors().len() {
        let problem =
            format!("expected the source's {} tensors, found {}", before.tensors().len(), after.tensors().len());
        return Err(Error::Run { path: written.path().to_owned(), problem });
    }
    if !same_metadata(expected, after.gguf_metadata()) {
        let problem = "expected the source's metadata with the name and recipe of the edit, found others".to_owned();
        return Err(Error::Run { path: written.path().to_owned(), problem });
    }
    Ok([stored, merged].map(|tensors| tensors.into_values().collect()))
}

/// Whether two files have the same metadata.
fn same_metadata(before: Option<&Metadata>, after: Option<&Metadata>) -> bool {
    match (before, after) {
        (Some(a), Some(b)) => {
            a.iter().len() == b.iter().len()
                // By their text if values differ, since NaN is not equal to itself.
                && a.iter().zip(b.iter()).all(|(a, b)| a == b || format!("{a:?}") == format!("{b:?}"))
        }
        (a, b) => a.is_none() && b.is_none(),
    }
}

/// The error for a tensor that reads back differently.
fn unlike(file: &Path, tensor: &str, expected: &str) -> Error {
    let problem = format!("tensor `{tensor}`: expected {expected}, found others on reading the file again");
    Error::Run { path: file.to_owned(), problem }
}

/// The relative distance ‖a − b‖ / ‖b‖, summed up in f64; 0 if both are equal, even if b is 0.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    let squares = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>();
    let error = squares(&mut a.iter().zip(b).map(|(a, b)| f64::from(*a) - f64::from(*b)));
    if error == 0.0 {
        return 0.0;
    }
    (error / squares(&mut b.iter().map(|b| f64::from(*b)))).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_is_relative_to_the_second() {
        assert_eq!(distance(&[3.0, 4.5], &[3.0, 4.0]), 0.1);
        assert_eq!(distance(&[0.0], &[0.0]), 0.0);
    }
}
