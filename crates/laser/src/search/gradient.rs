//! The gradient screen: candidates ranked by what one backward pass predicts of them.

use std::collections::{BTreeMap, BTreeSet};

use laser_linalg::Spectrum;

use crate::error::{Error, Result};
use crate::gradient::{Loss, sensitivities};
use crate::search::objective::Measure;
use laser_model::weight_id::WeightId;

use super::Candidate;
use super::spectral::leading;
use super::strategy::{Pool, Strategy};
use super::trials::Trials;

/// Leaves the candidates of which the gradient expects most. Those that do not choose among singular components, of
/// which it says nothing, all stay.
#[derive(Debug, Clone, Copy)]
pub(super) struct GradientScreen {
    /// Items whose gradients are taken, the first ones that are asked.
    pub(super) items: usize,
    /// Candidates to leave.
    pub(super) keep: usize,
}

/// The name under which the store keeps what is expected.
const CRITERION: &str = "gradient";

impl Strategy for GradientScreen {
    fn run(&self, trials: &mut Trials<'_>, pool: Pool) -> Result<Pool> {
        let mut expected = trials.store.screen(CRITERION)?;
        if expected.is_empty() {
            let values = self.expect(trials, &pool.arms)?;
            trials.store.insert_screen(CRITERION, &values)?;
            expected = values.into_iter().map(|(edit, value)| (edit.to_string(), value)).collect();
        }
        let (judged, others): (Vec<Candidate>, Vec<Candidate>) =
            pool.arms.iter().cloned().partition(|arm| expected.contains_key(&arm.edit().to_string()));
        let ranked = judged.into_iter().map(|arm| (expected[&arm.edit().to_string()], arm)).collect();
        let arms = leading(ranked, self.keep).into_iter().chain(others).collect();
        Ok(Pool { arms, ..pool })
    }
}

impl GradientScreen {
    /// The predicted fall of the mean loss, nats an item, of every edit that chooses among components.
    fn expect(&self, trials: &Trials<'_>, arms: &[Candidate]) -> Result<Vec<(crate::edit::Edit, f64)>> {
        let margin = trials.settings.objective.measure == Measure::Margin && trials.asks();
        let loss = if margin { Loss::Margin } else { Loss::LogLoss };
        // Of windows of hundreds of tokens and answers of a few, the windows' losses would be all that is seen.
        let items: Vec<usize> =
            trials.order().iter().filter(|item| trials.leads(**item)).take(self.items).copied().collect();
        let ids: Vec<WeightId> = arms.iter().map(|arm| arm.id).collect::<BTreeSet<_>>().into_iter().collect();
        let (exam, threads) = (trials.exam, trials.settings.threads);
        let found = sensitivities(trials.model, exam, &items, &ids, trials.truncation, loss, threads, trials.observer)?;
        let mut spectra: BTreeMap<WeightId, Spectrum> = BTreeMap::new();
        for (id, sensitivity) in &found {
            let [m, n] = trials.config().shape(*id);
            let wrong = |source| Error::Linalg { matrix: id.to_string(), source };
            spectra.insert(*id, Spectrum::new(sensitivity.sigma().to_vec(), m, n).map_err(wrong)?);
        }
        let predict = |arm: &Candidate| {
            let components = arm.reduction.components(arm.id, &spectra[&arm.id])?;
            let mut kept = vec![false; spectra[&arm.id].values().len()];
            components.into_iter().for_each(|i| kept[i] = true);
            Some((arm.edit(), -found[&arm.id].predict(|i| kept[i]).change))
        };
        Ok(arms.iter().filter_map(predict).collect())
    }
}
