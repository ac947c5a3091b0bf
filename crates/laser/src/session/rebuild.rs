//! Makes the edited tensors of a shared model again and compares them with its record.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use laser_linalg::Matrix;
use laser_model::Model;
use laser_model::weight_id::WeightId;

use super::Session;
use crate::edit::Edit;
use crate::edit::delta::{Delta, DeltaTensor};
use crate::edit::truncation::Truncation;
use crate::error::{Error, Result};
use crate::export::{Export, ModelCard};
use crate::share::{Check, DELTA, Outcome, Reproduction};

/// Relative difference up to which two results of the same edit are the same but for rounding.
const ROUNDING: f64 = 1e-4;

/// The edited matrices of a model, made in one way, with the hashes of the tensors that hold them.
struct Made {
    matrices: BTreeMap<WeightId, Matrix>,
    tensors: Vec<DeltaTensor>,
}

impl Session {
    /// Compares the session's model with the base model of `record`, makes the edited tensors again, by decomposition and from
    /// the file `delta` if it is at hand, and compares them with the recorded ones.
    ///
    /// A decomposition may round differently on another machine. Tensors with other bytes count as the same if the delta
    /// gives the recorded ones and they differ from these by rounding only.
    ///
    /// # Errors
    /// A recipe that does not fit the model, or weights that cannot be read or reduced.
    pub fn rebuild(&self, record: &Reproduction, delta: Option<&Path>) -> Result<Vec<Check>> {
        let mut checks = vec![Check::of_sha256("base model", &record.base_model.sha256, &self.sha256()?)];
        let edit = record.recipe.edit(self.config())?;
        let truncation = self.truncation(record.recipe.svd);
        let model = self.load_in_files()?;
        let mut exact = None;
        if let Some(path) = delta {
            match self.open_delta(path, &edit) {
                Ok(delta) => {
                    let from_file = truncation.clone().with_delta(Some(Arc::new(delta)));
                    let made = self.made(&model, &edit, &from_file, record)?;
                    let found = compared(&record.tensors, &made.tensors, "from the delta");
                    exact = found.iter().all(|check| check.outcome == Outcome::Same).then_some(made);
                    checks.extend(found);
                }
                Err(error) => checks.push(Check::differs(DELTA, error.to_string())),
            }
        }
        let made = match self.made(&model, &edit, &truncation, record) {
            Ok(made) => made,
            // Only the search that found such an edit can compute it.
            Err(error @ Error::Uncalibrated { .. }) => {
                checks.push(Check::not_compared("edited tensors, computed again", error.to_string()));
                return Ok(checks);
            }
            Err(error) => return Err(error),
        };
        let found = compared(&record.tensors, &made.tensors, "computed again");
        checks.extend(found.into_iter().map(|check| explained(check, &made, exact.as_ref())));
        Ok(checks)
    }

    /// Opens a delta of the edit, made for the session's model.
    fn open_delta(&self, path: &Path, edit: &Edit) -> Result<Delta> {
        let delta = Delta::open(path, self.config())?;
        delta.check_base(&self.files, &self.adapters()?)?;
        if delta.edit() != edit {
            let problem = format!("expected the edit of the recipe, {edit}, found {}", delta.edit());
            return Err(Error::Run { path: path.to_owned(), problem });
        }
        Ok(delta)
    }

    fn made(&self, model: &Model, edit: &Edit, truncation: &Truncation, record: &Reproduction) -> Result<Made> {
        let (matrices, _) = truncation.matrices(model, edit)?;
        let export = Export::new(&self.files, BTreeMap::new(), &record.recipe, ModelCard::default())?;
        let tensors = export.tensors_of(&matrices)?;
        Ok(Made { matrices, tensors })
    }
}

/// Compares tensors with the recorded ones, one check for each; `how` says how they were made.
fn compared(recorded: &[DeltaTensor], found: &[DeltaTensor], how: &str) -> Vec<Check> {
    let name = |tensor: &DeltaTensor| format!("{}, {how}", tensor.tensor);
    if recorded.is_empty() {
        let cause = "no hashes of edited tensors are recorded, as in a run that was not shared";
        return found.iter().map(|tensor| Check::not_compared(name(tensor), cause)).collect();
    }
    let of_recorded = recorded.iter().map(|tensor| match found.iter().find(|other| other.tensor == tensor.tensor) {
        Some(other) => Check::of_sha256(name(tensor), &tensor.sha256, &other.sha256),
        None => Check::differs(name(tensor), "the edit does not change this tensor of the model"),
    });
    let is_new = |tensor: &&DeltaTensor| recorded.iter().all(|other| other.tensor != tensor.tensor);
    let of_new =
        found.iter().filter(is_new).map(|tensor| Check::differs(name(tensor), "the record has no such tensor"));
    of_recorded.chain(of_new).collect()
}

/// The check of a computed tensor with the cause of a difference: only rounding, if the matrices are close to the `exact` ones
/// of the delta.
fn explained(check: Check, made: &Made, exact: Option<&Made>) -> Check {
    if check.outcome != Outcome::Differs {
        return check;
    }
    match exact.and_then(|exact| largest_difference(&made.matrices, &exact.matrices)) {
        Some(difference) if difference <= ROUNDING => Check {
            outcome: Outcome::Same,
            detail: format!(
                "but for rounding: the matrices differ from those of the delta by at most {difference:.1e} of their size"
            ),
            ..check
        },
        _ => Check {
            detail: format!("{} (a decomposition may round differently on another machine)", check.detail),
            ..check
        },
    }
}

/// The largest ‖a − b‖/‖b‖ of two sets of the same matrices.
fn largest_difference(a: &BTreeMap<WeightId, Matrix>, b: &BTreeMap<WeightId, Matrix>) -> Option<f64> {
    let mut largest = 0.0f64;
    for (id, exact) in b {
        let pairs = a.get(id)?.data().iter().zip(exact.data());
        let (mut difference, mut size) = (0.0, 0.0);
        for (x, y) in pairs {
            difference += (f64::from(*x) - f64::from(*y)).powi(2);
            size += f64::from(*y).powi(2);
        }
        // Of matrices that the edit removes, both are zero.
        largest = largest.max(if difference == 0.0 { 0.0 } else { (difference / size).sqrt() });
    }
    Some(largest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(name: &str, sha256: &str) -> DeltaTensor {
        DeltaTensor {
            tensor: name.to_owned(),
            dtype: "F32".to_owned(),
            shape: vec![1, 2],
            base_sha256: "base".to_owned(),
            sha256: sha256.to_owned(),
            max_abs: 0.0,
            relative: 0.0,
        }
    }

    fn made(values: [f32; 2]) -> Made {
        let id = WeightId::new(0, laser_model::weight_id::WeightKind::Up);
        Made { matrices: [(id, Matrix::new(1, 2, values.to_vec()).unwrap())].into(), tensors: Vec::new() }
    }

    #[test]
    fn every_tensor_on_either_side_is_compared() {
        let recorded = [tensor("a", "1"), tensor("b", "2"), tensor("c", "3")];
        let found = [tensor("a", "1"), tensor("b", "9"), tensor("d", "4")];
        let outcomes: Vec<_> = compared(&recorded, &found, "x").iter().map(|check| check.outcome).collect();
        assert_eq!(outcomes, [Outcome::Same, Outcome::Differs, Outcome::Differs, Outcome::Differs]);
        assert_eq!(compared(&[], &found, "x")[0].outcome, Outcome::NotCompared);
    }

    #[test]
    fn rounding_is_no_difference_where_the_delta_shows_it() {
        let differs = || Check::differs("a", "other bytes");
        let (exact, close, far) = (made([3.0, 4.0]), made([3.0, 4.000_01]), made([3.0, 5.0]));
        assert_eq!(explained(differs(), &close, Some(&exact)).outcome, Outcome::Same);
        assert_eq!(explained(differs(), &far, Some(&exact)).outcome, Outcome::Differs);
        let alone = explained(differs(), &close, None);
        assert!(alone.outcome == Outcome::Differs && alone.detail.contains("another machine"), "{alone:?}");
    }
}
