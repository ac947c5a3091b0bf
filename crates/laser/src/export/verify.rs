//! The written model, opened again: edited tensors hold what was meant, all others what they held.

use std::collections::BTreeMap;
use std::path::Path;

use laser_checkpoint::{Dtype, Metadata, TensorView, stored_values};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Edited;
use crate::error::{Error, Result};
use laser_model::load::ModelFiles;
use laser_model::weight_id::WeightId;

/// A replaced matrix as it stands in the written file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoredMatrix {
    /// `L27.gate_proj`; several, joined by commas, where one tensor holds them.
    pub matrix: String,
    /// Name of its tensor in the file.
    pub tensor: String,
    /// Type it is stored in.
    pub dtype: String,
    /// Rounding: max |s − w| of the stored values s and the wanted ones w.
    pub max_abs: f64,
    /// Rounding: ‖s − w‖_F / ‖w‖_F.
    pub relative: f64,
    /// The edit itself: ‖s − b‖_F / ‖b‖_F, b the source's values.
    pub change: f64,
    /// SHA-256 of the tensor's bytes in the file.
    pub sha256: String,
}

impl StoredMatrix {
    /// Holds a written tensor against the values `wanted` of it; `before` are the source's, in the same layout, `over`
    /// as [`expect_stored`] has it.
    pub(super) fn check(
        ids: &[WeightId],
        written: TensorView<'_>,
        dtype: Dtype,
        wanted: &[f32],
        before: &[f32],
        over: Option<TensorView<'_>>,
    ) -> Result<Self> {
        let stored = expect_stored(written, dtype, wanted, over)?;
        let differences = stored.iter().zip(wanted).map(|(s, w)| (f64::from(*s) - f64::from(*w)).abs());
        Ok(Self {
            matrix: ids.iter().map(WeightId::to_string).collect::<Vec<_>>().join(", "),
            tensor: written.info().name.clone(),
            dtype: dtype.to_string(),
            max_abs: differences.fold(0.0, f64::max),
            relative: distance(&stored, wanted),
            change: distance(&stored, before),
            sha256: hex::encode(Sha256::digest(written.bytes())),
        })
    }
}

/// The values of a written tensor, which must be `wanted` as `dtype` rounds them, to the bit; written `over` a tensor
/// of that type, blocks that do not change are not rounded again.
pub(super) fn expect_stored(
    written: TensorView<'_>,
    dtype: Dtype,
    wanted: &[f32],
    over: Option<TensorView<'_>>,
) -> Result<Vec<f32>> {
    let info = written.info();
    let expected = match over.filter(|old| old.info().dtype == dtype) {
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

/// Checks a copy of `source` in its own format in which `edits` were replaced.
pub(super) fn rewritten(
    source: &ModelFiles,
    written: &ModelFiles,
    edits: &BTreeMap<String, Edited>,
) -> Result<Vec<StoredMatrix>> {
    let (before, after) = (source.checkpoint(), written.checkpoint());
    let mut stored = BTreeMap::new();
    for info in before.tensors() {
        let (old, new) = (before.tensor(&info.name)?, after.tensor(&info.name)?);
        match edits.get(&info.name) {
            Some(edit) => {
                let entry = StoredMatrix::check(&edit.ids, new, edit.dtype, &edit.values, &old.to_f32()?, Some(old))?;
                stored.insert(edit.ids.clone(), entry);
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
    if !same_metadata(before.gguf_metadata(), after.gguf_metadata()) {
        let problem = "expected the source's metadata, found others".to_owned();
        return Err(Error::Run { path: written.path().to_owned(), problem });
    }
    Ok(stored.into_values().collect())
}

/// By text where values differ, since a NaN is not equal to itself.
fn same_metadata(before: Option<&Metadata>, after: Option<&Metadata>) -> bool {
    match (before, after) {
        (Some(a), Some(b)) => {
            a.iter().len() == b.iter().len()
                && a.iter().zip(b.iter()).all(|(a, b)| a == b || format!("{a:?}") == format!("{b:?}"))
        }
        (a, b) => a.is_none() && b.is_none(),
    }
}

fn unlike(file: &Path, tensor: &str, expected: &str) -> Error {
    let problem = format!("tensor `{tensor}`: expected {expected}, found others on reading the file again");
    Error::Run { path: file.to_owned(), problem }
}

/// ‖a − b‖ / ‖b‖, 0 where they are equal.
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
