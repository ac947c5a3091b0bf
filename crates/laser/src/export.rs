//! Edited matrices → a model on disk that other tools load: the last stage, after truncation and the recipe.
//!
//! Nothing appears under the target's name before it is complete. In this order:
//!
//! 1. `TemporaryTarget` makes a temporary folder beside the target.
//! 2. The weights are written into it: `laser_checkpoint` rewrites the edited tensors of a safetensors folder or GGUF
//!    file, or `gguf_to_folder` and `folder_to_gguf` convert one into the other, with configuration and tokenizer.
//! 3. `other_files` copies the source folder's other files.
//! 4. The weights are opened again, and `verify` compares every tensor with what was to be written.
//! 5. The recipe and the [model card](ModelCard) are written.
//! 6. `TemporaryTarget::commit` syncs all files to disk and renames the folder or file to the target.
//!
//! Beside the whole model there are three smaller forms: `delta`, one file with the reduced matrices; an adapter (`lora`) with
//! what they lack, for PEFT or llama.cpp; and a folder with two smaller matrices in place of each (`factored`).

mod adapter;
mod converted_tensors;
mod delta;
mod factored;
mod folder_to_gguf;
mod gguf_to_folder;
mod hf_config;
mod model_card;
mod module_factors;
mod other_files;
mod short_card;
mod temporary_target;
mod verify;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};

use laser_checkpoint::{Dtype, Value, gguf, safetensors, write_atomically};
use laser_linalg::Matrix;
use serde::Serialize;

use crate::edit::delta::Delta;
use crate::edit::recipe::Recipe;
use crate::error::{Error, Result};
use crate::model_folder::listing::list;
use laser_model::load::ModelFiles;
use laser_model::weight_id::WeightId;
use other_files::Copied;
use temporary_target::TemporaryTarget;
use verify::EditedTensor;

pub use adapter::AdaptedMatrix;
pub use factored::{FactoredModule, FactoredSample};
pub use model_card::ModelCard;
pub(crate) use model_card::{loading, one_line};
pub use temporary_target::ExportedFile;
pub use verify::StoredMatrix;

/// File name of the recipe in an exported folder.
const RECIPE_FILE: &str = "recipe.yaml";

/// Key of the recipe in the metadata of a GGUF file.
const GGUF_RECIPE: &str = "laser.recipe";

/// A model with some matrices replaced, ready to be written.
#[derive(Debug)]
pub struct Export<'a> {
    files: &'a ModelFiles,
    recipe: &'a Recipe,
    card: ModelCard,
    /// The replaced matrices, `[out, in]` each.
    matrices: BTreeMap<WeightId, Matrix>,
    /// The delta that they are from.
    delta: Option<&'a Delta>,
}

/// A model that was written: its files, and how exactly they store the edited matrices.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExportedModel {
    /// The folder or file.
    pub path: PathBuf,
    /// Its files, sorted by name.
    pub files: Vec<ExportedFile>,
    /// Entries of the source folder that were not copied, sorted: weights in other files, which would not contain the
    /// edit, files that lead loaders to other weights or other code, and entries that are not plain files.
    pub left_out: Vec<String>,
    /// Sentences for the user: what was left out or changed in the copied files, and why; matrices that the edit removes.
    pub notes: Vec<String>,
    /// The replaced matrices as stored, ordered by layer.
    pub matrices: Vec<StoredMatrix>,
    /// Further tensors that an adapter changes, as stored in a file of the source's format.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<StoredMatrix>,
    /// The matrices that a written adapter changes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub adapted: Vec<AdaptedMatrix>,
    /// The modules that are written as two smaller matrices.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub factored: Vec<FactoredModule>,
}

impl ExportedModel {
    /// The result of writing `files` to `path`.
    fn new((path, files): (PathBuf, Vec<ExportedFile>)) -> Self {
        let (left_out, notes) = (Vec::new(), Vec::new());
        let (matrices, merged, adapted, factored) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { path, files, left_out, notes, matrices, merged, adapted, factored }
    }
}

/// Stored matrices of an export.
#[derive(Debug, Default)]
struct Stored {
    /// The edited ones.
    edited: Vec<StoredMatrix>,
    /// Those that only an adapter changes.
    merged: Vec<StoredMatrix>,
}

impl<'a> Export<'a> {
    /// Prepares the model `files` with its stored matrices replaced by `matrices` (`[out, in]` each), which `recipe`
    /// describes. [`Truncation::matrices`](crate::edit::truncation::Truncation::matrices) computes them from an edit.
    ///
    /// # Errors
    /// A matrix that the model does not have, or of another shape than the model's.
    pub fn new(
        files: &'a ModelFiles,
        matrices: BTreeMap<WeightId, Matrix>,
        recipe: &'a Recipe,
        card: ModelCard,
    ) -> Result<Self> {
        let config = files.config();
        for (id, matrix) in &matrices {
            if id.layer >= config.n_layers || !config.stored(id.layer).contains(id) {
                return Err(config.no_matrix(*id).into());
            }
            let (expected, found) = (config.shape(*id), [matrix.rows(), matrix.cols()]);
            if expected != found {
                let problem = format!("expected shape {expected:?}, found {found:?}");
                return Err(Error::Edit { edit: id.to_string(), problem });
            }
        }
        Ok(Self { files, recipe, card, matrices, delta: None })
    }

    /// Holds the written model to the hashes of `delta`, of which the matrices are: in the base model's own format, every
    /// tensor must have the bytes that it had where the file was made.
    #[must_use]
    pub fn with_delta(self, delta: Option<&'a Delta>) -> Self {
        Self { delta, ..self }
    }

    /// Checks, before any matrix is computed, that [`Export::to_folder`] can write models like `files` to `out`.
    ///
    /// # Errors
    /// A GGUF file of a family for which no Hugging Face `config.json` can be written, a folder with a link that leads out
    /// of it, or a target that cannot be written.
    pub fn check_folder(files: &ModelFiles, out: &Path) -> Result<()> {
        if !files.is_gguf() {
            check_head(files)?;
            list(files.path())?;
        }
        TemporaryTarget::folder(out, files.path())?; // leaves nothing on disk
        if files.is_gguf() {
            let file = files.path().display().to_string();
            hf_config::hf_config(&file, files.config(), &hf_config::SpecialTokens::default(), Dtype::F16)?;
        }
        Ok(())
    }

    /// Checks, before any matrix is computed, that [`Export::to_gguf`] can write models like `files` to `out`.
    ///
    /// # Errors
    /// A folder of a family that GGUF has no form of, or a target that cannot be written.
    pub fn check_gguf(files: &ModelFiles, out: &Path) -> Result<()> {
        check_head(files)?;
        if !files.is_gguf() {
            folder_to_gguf::metadata(files)?;
        }
        TemporaryTarget::file(out, files.path(), "gguf")?; // leaves nothing on disk
        Ok(())
    }

    /// Writes a Hugging Face folder with recipe and model card to `out`, which must not exist or be an empty folder.
    ///
    /// From a folder: data types, shards, all other tensors and all other files stay the same, byte for byte. A
    /// `README.md` or `recipe.yaml` of the source becomes `README.base.md` or `recipe.base.yaml`. Weights in other files
    /// are left out, and so is what would lead a loader away from the edited weights: adapters, lists of other weight
    /// files, settings of quantised weights, code, and the key `auto_map`. From a GGUF file: all tensors are converted to `dtype` (F16, BF16 or F32; F16 if not given),
    /// and configuration and tokenizer are made from the file's metadata.
    ///
    /// # Errors
    /// A target that cannot be written, a link that leads out of the source folder, a `dtype` for a folder, values beyond the data type's range, a configuration
    /// that `config.json` cannot express, or files that read back differently. The target is then untouched.
    pub fn to_folder(&self, out: &Path, dtype: Option<Dtype>) -> Result<ExportedModel> {
        let target = TemporaryTarget::folder(out, self.files.path())?;
        let written = self.fill_folder(target.path(), dtype);
        let (stored, Copied { left_out, notes }) = written.map_err(|e| target.rename_in_error(e))?;
        let notes = self.merge_note().into_iter().chain(notes).collect();
        let Stored { edited: matrices, merged } = stored;
        Ok(ExportedModel { left_out, notes, matrices, merged, ..ExportedModel::new(target.commit()?) })
    }

    /// Writes a GGUF file to `out`, which must not exist. Its name says that it is edited, and its key `laser.recipe` how.
    ///
    /// From a GGUF file: all other metadata and all other tensors stay the same, byte for byte; the edited tensors are
    /// stored in their own data type, or in `dtype`. From a folder: the tensors get llama.cpp's names and order of rows,
    /// matrices the type `dtype` or that of the folder, vectors F32; metadata and tokenizer are made from its files.
    ///
    /// # Errors
    /// A target that cannot be written, a data type that cannot hold the values, a folder whose family, configuration or
    /// tokenizer GGUF cannot describe, or a file that reads back differently. Nothing is then left at `out`.
    pub fn to_gguf(&self, out: &Path, dtype: Option<Dtype>) -> Result<ExportedModel> {
        Self::check_gguf(self.files, out)?;
        let target = TemporaryTarget::file(out, self.files.path(), "gguf")?;
        let written = if self.files.is_gguf() {
            self.write_gguf(target.path(), dtype).map(|stored| (stored, Vec::new()))
        } else {
            self.convert_to_gguf(target.path(), dtype)
        };
        let (stored, further) = written.map_err(|e| target.rename_in_error(e))?;
        let notes = self.merge_note().into_iter().chain(further).collect();
        let Stored { edited: matrices, merged } = stored;
        Ok(ExportedModel { notes, matrices, merged, ..ExportedModel::new(target.commit()?) })
    }

    /// Says that adapters are part of the written weights.
    fn merge_note(&self) -> Option<String> {
        let tensors = self.files.merged_tensors().len();
        let adapters = self.files.adapters().iter().map(|adapter| adapter.folder().display().to_string());
        let adapters = adapters.collect::<Vec<_>>().join(", ");
        let are = if self.files.adapters().len() == 1 { "is" } else { "are" };
        (!adapters.is_empty())
            .then(|| format!("{adapters} {are} merged into {tensors} tensors, which are written as whole matrices"))
    }

    /// Writes all files of an exported folder into `folder`. Returns the stored matrices and what became of the
    /// source's other files.
    fn fill_folder(&self, folder: &Path, dtype: Option<Dtype>) -> Result<(Stored, Copied)> {
        let (stored, copied) = if self.files.is_gguf() {
            let dtype = dtype.unwrap_or(Dtype::F16);
            let edited = gguf_to_folder::write(self.files, &self.matrices, folder, dtype)?;
            (Stored { edited, merged: Vec::new() }, Copied::default())
        } else if let Some(dtype) = dtype {
            let problem = format!("{dtype}: a Hugging Face folder keeps the types of its tensors");
            return Err(Error::setting("dtype", problem));
        } else {
            self.rewrite_folder(folder)?
        };
        let write =
            |name: &str, text: String| -> Result<()> { Ok(write_atomically(&folder.join(name), text.as_bytes())?) };
        write(RECIPE_FILE, self.recipe.to_yaml()?)?;
        write(model_card::FILE, self.card.render(self.files, self.recipe, &stored.edited)?)?;
        Ok((stored, copied))
    }

    /// Writes the source folder with the edited tensors into `folder`: weights, then other files; then compares.
    fn rewrite_folder(&self, folder: &Path) -> Result<(Stored, Copied)> {
        check_head(self.files)?;
        // Before the weights: the files of weights may be links too.
        list(self.files.path())?;
        let edited = self.edited_tensors(None)?;
        let values = edited.iter().map(|(name, tensor)| (name.clone(), tensor.values.clone()));
        safetensors::rewrite_folder(self.files.checkpoint(), folder, &values.collect())?;
        let copied = other_files::copy(self.files, folder, &[model_card::FILE, RECIPE_FILE])?;
        let [edited, merged] = verify::compare_copy(self.files, &ModelFiles::open(folder)?, &edited, None)?;
        Ok((Stored { edited: self.as_in_delta(edited)?, merged }, copied))
    }

    /// Writes the source file with the edited tensors to `file`, then compares.
    fn write_gguf(&self, file: &Path, dtype: Option<Dtype>) -> Result<Stored> {
        let edited = self.edited_tensors(dtype)?;
        let values = edited.iter().map(|(name, tensor)| (name.clone(), (tensor.dtype, tensor.values.clone())));
        let settings = self.gguf_settings()?;
        let expected = self.files.checkpoint().gguf_metadata().map(|metadata| metadata.clone().with(settings.clone()));
        gguf::rewrite_with_metadata(self.files.path(), file, &values.collect(), settings)?;
        let written = ModelFiles::open(file)?;
        let [edited, merged] = verify::compare_copy(self.files, &written, &edited, expected.as_ref())?;
        let edited = if dtype.is_none() { self.as_in_delta(edited)? } else { edited };
        Ok(Stored { edited, merged })
    }

    /// Writes the source folder with the edited matrices as a GGUF file, then compares. Returns remarks, too.
    fn convert_to_gguf(&self, file: &Path, dtype: Option<Dtype>) -> Result<(Stored, Vec<String>)> {
        let mut settings = self.gguf_settings()?;
        settings.extend(self.card.gguf_settings(self.files));
        let (edited, notes) = folder_to_gguf::write(self.files, &self.matrices, file, dtype, settings)?;
        Ok((Stored { edited, merged: Vec::new() }, notes))
    }

    /// Metadata by which a GGUF file says that it is edited, and how.
    fn gguf_settings(&self) -> Result<Vec<(String, Value)>> {
        let name = Value::String(self.card.title(self.files));
        let recipe = Value::String(self.recipe.to_yaml()?);
        Ok(vec![("general.name".to_owned(), name), (GGUF_RECIPE.to_owned(), recipe)])
    }

    /// The edited tensors and those that adapters change by name, laid out as in the source. Edited ones have the data type
    /// `dtype`, or that of the source.
    fn edited_tensors(&self, dtype: Option<Dtype>) -> Result<BTreeMap<String, EditedTensor>> {
        self.edited_tensors_of(&self.matrices, dtype)
    }

    /// As [`Export::edited_tensors`], with other matrices.
    fn edited_tensors_of(
        &self,
        matrices: &BTreeMap<WeightId, Matrix>,
        dtype: Option<Dtype>,
    ) -> Result<BTreeMap<String, EditedTensor>> {
        let mut tensors: BTreeMap<String, EditedTensor> = BTreeMap::new();
        for (name, merged) in self.files.merged_tensors() {
            let own = self.files.checkpoint().tensor(&name)?.info().dtype;
            let values = self.files.merged_values(&name, &merged)?;
            let edited = EditedTensor { ids: Vec::new(), merged: merged.ids, dtype: own, values };
            tensors.insert(name, edited);
        }
        for (&id, matrix) in matrices {
            let place = self.files.location(id);
            let tensor = self.files.checkpoint().tensor(&place.weight_name())?;
            if tensor.is_in_two_parts() {
                let problem = format!(
                    "{}: {id} is in `{}`, whose type {} has four bits for a value and is not written with edited ones; write \
                     a .gguf file, where these matrices have the type of the others",
                    self.files.path().display(),
                    place.weight_name(),
                    tensor.info().dtype
                );
                return Err(Error::setting("source", problem));
            }
            // Several matrices may lie in one tensor, and the rest of that tensor must stay: begin with its old values.
            let edited = match tensors.entry(place.weight_name()) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let (dtype, values) = (tensor.info().dtype, tensor.to_f32()?);
                    entry.insert(EditedTensor { ids: Vec::new(), merged: Vec::new(), dtype, values })
                }
            };
            edited.dtype = dtype.unwrap_or(edited.dtype);
            place.insert(matrix.data(), &mut edited.values);
            edited.ids.push(id);
        }
        Ok(tensors)
    }
}

/// Refuses adapters that make two matrices of a tied embedding and head, of which files in the source's format hold one.
fn check_head(files: &ModelFiles) -> Result<()> {
    if !files.unties_head() {
        return Ok(());
    }
    let problem = format!(
        "{}: the adapter changes one of token embedding and output head, which share a tensor there; such a model cannot \
         be written in this format yet",
        files.path().display()
    );
    Err(Error::setting("source", problem))
}

/// True for a path that names a GGUF file, by its extension.
pub fn is_gguf_path(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gguf"))
}
