//! Applies an edit to a session's model and writes the result for other tools.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use laser_checkpoint::Dtype;
use laser_linalg::Matrix;
use laser_model::Model;
use laser_model::weight_id::WeightId;

use super::Session;
use crate::edit::Edit;
use crate::edit::delta::Delta;
use crate::edit::delta::is_delta_path;
use crate::edit::edited_matrix::EditedMatrix;
use crate::edit::recipe::Recipe;
use crate::edit::truncation::{SvdMethod, Truncation, TruncationRecord, removal_notes};
use crate::error::{Error, Result};
use crate::export::{Export, ExportedModel, ModelCard, is_gguf_path};

/// Form in which an edited model is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrittenForm {
    /// The whole model: a Hugging Face folder, or a GGUF file where the path ends in `.gguf`. Tensors have the given
    /// element type: the edited ones of a GGUF file, or all of a folder made from GGUF.
    Dense(Option<Dtype>),
    /// One file with the reduced matrices, from which the base model gives the edited one to the byte.
    Delta,
    /// An adapter with the changes of the matrices: a PEFT folder of a model folder, a file for llama.cpp of a GGUF file.
    Adapter {
        /// Largest rank of an update, if it may leave out part of the change.
        approximate: Option<usize>,
    },
    /// A Hugging Face folder with two smaller matrices in place of each edited one.
    Factored,
}

impl WrittenForm {
    /// The form that a path's extension stands for: a delta for `.safetensors`, else the whole model.
    pub fn of_path(path: &Path) -> Self {
        match is_delta_path(path) {
            true => Self::Delta,
            false => Self::Dense(None),
        }
    }
}

/// A session's model with an edit, not yet computed.
#[derive(Debug)]
pub struct EditedModel<'a> {
    session: &'a Session,
    edit: Edit,
    truncation: Truncation,
    card: ModelCard,
}

impl EditedModel<'_> {
    /// The model in memory, with the edited matrices over its own.
    ///
    /// # Errors
    /// Weights that cannot be read, or matrices that cannot be reduced.
    pub fn model(&self) -> Result<Model> {
        let (model, _) = self.truncation.apply(&self.session.load()?, &self.edit)?;
        Ok(model)
    }

    /// Writes the edited model: a GGUF file where `path` ends in `.gguf`, else a Hugging Face folder. Tensors keep the type
    /// they have; a folder made from GGUF has f16 weights. Everything is written under a temporary name, read back and
    /// compared, and then renamed.
    ///
    /// # Errors
    /// A path that exists or cannot be written, a model that cannot be written in that form, or as [`EditedModel::model`].
    pub fn write(&self, path: impl AsRef<Path>) -> Result<ExportedModel> {
        self.write_as(path, None)
    }

    /// As [`EditedModel::write`]. `dtype`: element type of the edited tensors of a GGUF file, or of all weights of a folder
    /// made from GGUF.
    ///
    /// # Errors
    /// As [`EditedModel::write`], and a type that the form cannot have.
    pub fn write_as(&self, path: impl AsRef<Path>, dtype: Option<Dtype>) -> Result<ExportedModel> {
        let (path, session) = (path.as_ref(), self.session);
        session.check_target(path)?;
        let model = session.load_in_files()?;
        session.files.check_values()?;
        let (matrices, records) = self.truncation.matrices(&model, &self.edit)?;
        drop(model);
        let recipe = self.recipe(&records)?;
        let export = self.export(matrices, &recipe)?;
        let written = if is_gguf_path(path) { export.to_gguf(path, dtype) } else { export.to_folder(path, dtype) };
        let mut written = written?;
        written.notes.splice(0..0, removal_notes(&records));
        Ok(written)
    }

    /// Writes the edited model in one of its forms.
    ///
    /// # Errors
    /// As [`EditedModel::write`], and an edit or a model that has no such form.
    pub fn write_form(&self, path: impl AsRef<Path>, form: WrittenForm) -> Result<ExportedModel> {
        let (path, session) = (path.as_ref(), self.session);
        if let WrittenForm::Dense(dtype) = form {
            return self.write_as(path, dtype);
        }
        session.check_form(path, form)?;
        let model = session.load_in_files()?;
        session.files.check_values()?;
        let reduced = |(id, reduction)| self.truncation.reduced(&model, id, reduction);
        let edited: Vec<EditedMatrix> = self.edit.reductions().map(reduced).collect::<Result<_>>()?;
        let records: Vec<TruncationRecord> = edited.iter().map(|matrix| matrix.record.clone()).collect();
        let recipe = self.recipe(&records)?;
        let threads = self.truncation.threads();
        let written = match form {
            WrittenForm::Adapter { approximate } => {
                self.export(BTreeMap::new(), &recipe)?.to_adapter(path, &model, &edited, approximate, threads)
            }
            WrittenForm::Factored => self.export(BTreeMap::new(), &recipe)?.to_factored(path, &edited, threads),
            WrittenForm::Delta | WrittenForm::Dense(_) => {
                let export = self.export(Truncation::stored(&model, &edited)?, &recipe)?;
                export.to_delta(path, &edited, |delta| {
                    let truncation = self.truncation.clone().with_delta(Some(Arc::new(delta)));
                    Ok(truncation.matrices(&model, &self.edit)?.0)
                })
            }
        };
        let mut written = written?;
        written.notes.splice(0..0, removal_notes(&records));
        Ok(written)
    }

    /// The recipe of the edit; that of the delta if the matrices are from one.
    fn recipe(&self, records: &[TruncationRecord]) -> Result<Recipe> {
        if let Some(delta) = self.delta() {
            return Ok(delta.recipe().clone());
        }
        let ids = self.edit.reductions().map(|(id, _)| id);
        let ranks: BTreeMap<_, _> = ids.zip(records.iter().map(|record| record.rank)).collect();
        let (session, method) = (self.session, self.truncation.method());
        Ok(Recipe::new(&self.edit, session.base_model()?, method, session.config(), |id| ranks[&id]))
    }

    /// The delta of exactly this edit, if the matrices are from one.
    fn delta(&self) -> Option<&Delta> {
        self.truncation.delta().filter(|delta| *delta.edit() == self.edit)
    }

    /// The export of the model with these matrices.
    fn export<'e>(&'e self, matrices: BTreeMap<WeightId, Matrix>, recipe: &'e Recipe) -> Result<Export<'e>> {
        let delta = self.delta();
        let card = delta.map_or_else(|| self.card.clone(), |delta| ModelCard::from(delta.card()));
        Ok(Export::new(&self.session.files, matrices, recipe, card)?.with_delta(delta))
    }
}

impl Session {
    /// The model with an edit, its matrices decomposed exactly.
    ///
    /// # Errors
    /// An empty edit of a model without adapters, or an edit that does not fit the model.
    pub fn apply(&self, edit: &Edit) -> Result<EditedModel<'_>> {
        let card = ModelCard { base_model: Some(self.base_name.clone()), ..ModelCard::default() };
        self.apply_with(edit, &self.truncation(SvdMethod::Exact), card)
    }

    /// The model with an edit, its matrices reduced by `truncation`; `card` describes it.
    ///
    /// # Errors
    /// An empty edit of a model without adapters, as of a search that proposes none: what it would write is the unedited
    /// model. An edit that does not fit the model.
    pub fn apply_with(&self, edit: &Edit, truncation: &Truncation, card: ModelCard) -> Result<EditedModel<'_>> {
        if edit.is_empty() && self.files.adapters().is_empty() {
            let problem = "it changes no matrix, so that the unedited model would be written; a search that proposes no \
                           edit leaves nothing to apply";
            return Err(Error::Edit { edit: "[]".to_owned(), problem: problem.to_owned() });
        }
        edit.check(self.config())?;
        Ok(EditedModel { session: self, edit: edit.clone(), truncation: truncation.clone(), card })
    }

    /// Refuses a target that the model cannot be written to, so that no work is done in vain.
    ///
    /// # Errors
    /// A path that exists or cannot be written, a folder for a model whose configuration cannot be written as
    /// `config.json`, a GGUF file for a model of a family that GGUF has no form of, or a model folder with a link that leads out of it.
    pub fn check_target(&self, path: &Path) -> Result<()> {
        match is_gguf_path(path) {
            true => Export::check_gguf(&self.files, path),
            false => Export::check_folder(&self.files, path),
        }
    }

    /// As [`Session::check_target`], for one of the forms.
    ///
    /// # Errors
    /// As [`Session::check_target`], and a model that has no such form.
    pub fn check_form(&self, path: &Path, form: WrittenForm) -> Result<()> {
        match form {
            WrittenForm::Dense(_) => self.check_target(path),
            WrittenForm::Delta => Export::check_delta(&self.files, path),
            WrittenForm::Adapter { .. } => Export::check_adapter(&self.files, path),
            WrittenForm::Factored => Export::check_factored(&self.files, path),
        }
    }
}
