//! Spectral screen: keeps the candidates with the best prediction from singular values alone, without data.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use laser_linalg::Spectrum;

use crate::error::{Error, Result};
use crate::search::candidate::best_candidates;
use crate::search::criterion::Criterion;
use crate::search::stage::{Pool, Stage};
use crate::search::trial_runner::TrialRunner;
use laser_model::weight_id::WeightId;

/// Keeps the candidates that a spectral criterion ranks first.
#[derive(Debug, Clone, Copy)]
pub(super) struct SpectralScreen {
    /// Criterion that ranks the candidates.
    pub(super) criterion: Criterion,
    /// Number of candidates to keep.
    pub(super) keep: usize,
}

impl Stage for SpectralScreen {
    fn run(&self, runner: &mut TrialRunner<'_>, pool: Pool) -> Result<Pool> {
        let context = runner.context();
        let mut spectra: BTreeMap<WeightId, Spectrum> = BTreeMap::new();
        let mut predictions: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        let mut with_values = Vec::with_capacity(pool.candidates.len());
        for (done, candidate) in pool.candidates.iter().enumerate() {
            let (id, reduction) = (candidate.id, candidate.reduction);
            if let Entry::Vacant(entry) = spectra.entry(id) {
                let w = context.model.matrix(id)?; // [out, in]
                let svd = context.truncation.svd(id, &w)?;
                let wrong = |source| Error::Linalg { matrix: id.to_string(), source };
                entry.insert(Spectrum::new(svd.s, w.rows(), w.cols()).map_err(wrong)?);
            }
            let Some(rank) = candidate.rank(runner.config()) else {
                let expected = "spectral expects reductions that keep leading components";
                return Err(Error::setting("strategy", format!("{expected}, found `{reduction}`")));
            };
            let spectrum = &spectra[&id];
            // The store gets the predictions of all criteria: they cost nothing once the spectrum is known, and allow
            // criteria to be compared after the search.
            for (name, criterion) in Criterion::ALL {
                predictions.entry(name).or_default().push((candidate.edit(), criterion.value(spectrum, rank)));
            }
            with_values.push((self.criterion.value(spectrum, rank), candidate.clone()));
            context.observer.progress("spectra", done + 1, pool.candidates.len());
        }
        for (name, values) in predictions {
            runner.store_mut().insert_screen(name, &values)?;
        }
        Ok(Pool { candidates: best_candidates(with_values, self.keep), ..pool })
    }
}
