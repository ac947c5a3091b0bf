//! The gradient screen in parts: batches of its items, which the members of a team divide among themselves.

use std::collections::{BTreeMap, BTreeSet};

use laser_linalg::Spectrum;
use serde::{Deserialize, Serialize};

use crate::edit::truncation::Truncation;
use crate::error::{Error, Result};
use crate::evaluate::RunContext;
use crate::gradient::{LossItems, Prediction, differentiate};
use crate::search::candidate::Candidate;
use crate::team::{GatheredWork, Team};
use laser_model::Model;
use laser_model::weight_id::WeightId;

/// The changes that candidates make to the losses of items, to first order; a part is a batch.
pub(super) struct DividedScreen<'a> {
    pub(super) model: &'a Model,
    /// Short form of the edit that made the model.
    pub(super) base: String,
    pub(super) candidates: &'a [Candidate],
    pub(super) items: LossItems,
    pub(super) truncation: &'a Truncation,
    pub(super) run: RunContext<'a>,
}

/// Losses and their changes on the items of one batch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct BatchChanges {
    /// Losses on the model, nats, `[items]`.
    losses: Vec<f64>,
    /// Change by each candidate, nats, `[candidates][items]`; `None` for reductions that cannot be predicted.
    changes: Vec<Option<Vec<f64>>>,
}

impl DividedScreen<'_> {
    /// Losses of all items, and the prediction for each candidate, in their order; `None` where there is none.
    pub(super) fn predictions(&self, team: &Team) -> Result<(Vec<f64>, Vec<Option<Prediction>>)> {
        let found = team.gather(self, self.run.observer)?;
        let losses = found.iter().flat_map(|batch| batch.losses.iter().copied()).collect();
        let prediction = |candidate: usize| {
            let of_batches: Option<Vec<&Vec<f64>>> =
                found.iter().map(|batch| batch.changes[candidate].as_ref()).collect();
            of_batches.map(|batches| Prediction::of(batches.into_iter().flatten().copied().collect()))
        };
        Ok((losses, (0..self.candidates.len()).map(prediction).collect()))
    }
}

impl GatheredWork for DividedScreen<'_> {
    type Part = BatchChanges;

    fn name(&self) -> String {
        let candidates: Vec<String> = self.candidates.iter().map(|candidate| candidate.edit().to_string()).collect();
        format!("gradient screen of {:?} base={} {}", self.items.loss, self.base, candidates.join(";"))
    }

    fn parts(&self) -> usize {
        self.items.batches.len()
    }

    /// Every member takes its share at once: each time costs a look at every decomposition.
    fn parts_at_once(&self, open: usize, members: usize) -> usize {
        open.div_ceil(members)
    }

    fn compute(&self, parts: &[usize]) -> Result<Vec<BatchChanges>> {
        let ids: Vec<WeightId> = self.candidates.iter().map(|c| c.id).collect::<BTreeSet<_>>().into_iter().collect();
        let found = differentiate(self.model, &self.items, parts, &ids, self.truncation, self.run)?;
        let mut spectra: BTreeMap<WeightId, Spectrum> = BTreeMap::new();
        for (id, sensitivity) in &found {
            let [m, n] = self.model.config().shape(*id);
            let wrong = |source| Error::Linalg { matrix: id.to_string(), source };
            spectra.insert(*id, Spectrum::new(sensitivity.sigma().to_vec(), m, n).map_err(wrong)?);
        }
        let changes = |candidate: &Candidate| {
            let spectrum = &spectra[&candidate.id];
            let components = candidate.reduction.components(candidate.id, spectrum)?;
            let mut kept = vec![false; spectrum.values().len()];
            components.into_iter().for_each(|i| kept[i] = true);
            Some(found[&candidate.id].predict(|i| kept[i]).items)
        };
        let changes: Vec<Option<Vec<f64>>> = self.candidates.iter().map(changes).collect();
        let losses = found.values().next().map_or(&[][..], |sensitivity| sensitivity.losses());
        let mut from = 0;
        let of_batch = |part: &usize| {
            let items = from..from + self.items.batches[*part].items.len();
            from = items.end;
            BatchChanges {
                losses: losses[items.clone()].to_vec(),
                changes: changes.iter().map(|all| all.as_ref().map(|all| all[items.clone()].to_vec())).collect(),
            }
        };
        Ok(parts.iter().map(of_batch).collect())
    }
}
