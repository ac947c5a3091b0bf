//! Applies an edit to a session's model and writes the result for other tools.

use std::collections::BTreeMap;
use std::path::Path;

use laser_checkpoint::Dtype;
use laser_model::Model;

use super::Session;
use crate::edit::Edit;
use crate::edit::recipe::Recipe;
use crate::edit::truncation::{SvdMethod, Truncation, removal_notes};
use crate::error::{Error, Result};
use crate::export::{Export, ExportedModel, ModelCard};

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
        let ids = self.edit.reductions().map(|(id, _)| id);
        let ranks: BTreeMap<_, _> = ids.zip(records.iter().map(|record| record.rank)).collect();
        let method = self.truncation.method();
        let recipe = Recipe::new(&self.edit, session.base_model()?, method, session.config(), |id| ranks[&id]);
        let export = Export::new(&session.files, matrices, &recipe, self.card.clone())?;
        let written = if is_gguf_path(path) { export.to_gguf(path, dtype) } else { export.to_folder(path, dtype) };
        let mut written = written?;
        written.notes.splice(0..0, removal_notes(&records));
        Ok(written)
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
}

/// Whether a path names a GGUF file, by its extension.
pub fn is_gguf_path(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gguf"))
}
