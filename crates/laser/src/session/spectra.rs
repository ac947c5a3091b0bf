//! Describes the spectra of a session's matrices.

use laser_model::Model;
use laser_model::weight_id::WeightId;

use super::Session;
use crate::edit::truncation::{SvdMethod, Truncation};
use crate::edit::{Edit, parse_selector};
use crate::error::{Error, Result};
use crate::evaluate::RunContext;
use crate::explain::MatrixSpectrum;

impl Session {
    /// Spectra of matrices, by layer. `matrices`: such as `all`, `mlp` or `L20-27.up_proj`.
    ///
    /// # Errors
    /// Matrices that the model does not have, or an interruption.
    pub fn spectra(&self, matrices: &str) -> Result<Vec<MatrixSpectrum>> {
        let ids = parse_selector(matrices, self.config())?;
        self.spectra_of(&self.load_in_files()?, &self.truncation(SvdMethod::Exact), &ids, &Edit::default())
    }

    /// Spectra of the matrices `ids`, in their order; those that `edit` reduces are marked.
    pub(super) fn spectra_of(
        &self,
        model: &Model,
        truncation: &Truncation,
        ids: &[WeightId],
        edit: &Edit,
    ) -> Result<Vec<MatrixSpectrum>> {
        let edited: Vec<WeightId> = edit.reductions().map(|(id, _)| id).collect();
        let context = RunContext { threads: self.threads(), stage: "spectra", observer: &*self.options.observer };
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            if context.observer.stopped() {
                return Err(Error::Interrupted);
            }
            let spectrum = truncation.spectrum(model, *id)?;
            found.push(MatrixSpectrum::new(*id, &spectrum, edited.contains(id)));
            context.progress(found.len(), ids.len());
        }
        Ok(found)
    }
}
