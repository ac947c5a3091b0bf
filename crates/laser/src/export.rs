//! Edited matrices → a model on disk that other tools load: the last stage, behind truncation and the recipe.
//!
//! Everything is built under a temporary name beside the target, opened again and held against what was to be
//! written, and only then takes the target's name.

mod card;
mod config;
mod convert;
mod copy;
mod staging;
mod verify;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};

use laser_checkpoint::{Dtype, gguf, safetensors};
use laser_linalg::Matrix;
use serde::Serialize;

use crate::edit::recipe::Recipe;
use crate::error::{Error, Result};
use laser_model::load::ModelFiles;
use laser_model::weight_id::WeightId;
use staging::Staging;

pub use card::Card;
pub use staging::WrittenFile;
pub use verify::StoredMatrix;

/// File name of the model card.
const CARD: &str = "README.md";
/// File name of the recipe in an exported folder.
const RECIPE: &str = "recipe.yaml";

/// A model with some matrices replaced, ready to be written.
#[derive(Debug)]
pub struct Export<'a> {
    files: &'a ModelFiles,
    recipe: &'a Recipe,
    card: Card,
    matrices: BTreeMap<WeightId, Matrix>,
}

/// What was written, and how exactly.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Written {
    /// The folder or file.
    pub path: PathBuf,
    /// Its files, sorted by name.
    pub files: Vec<WrittenFile>,
    /// Entries of the source folder that were not copied: weights in other files, which are not edited, and
    /// what is no plain file. Sorted.
    pub left_out: Vec<String>,
    /// The replaced matrices as stored, in the order of layers.
    pub matrices: Vec<StoredMatrix>,
}

/// The values of an edited tensor, in the orientation and type of the file to be written.
#[derive(Debug)]
struct Edited {
    /// The matrices in it that were edited.
    ids: Vec<WeightId>,
    dtype: Dtype,
    values: Vec<f32>,
}

impl<'a> Export<'a> {
    /// The model `files` with the stored `matrices` (`[out, in]`) in the place of its own, as `recipe` says.
    /// [`Truncation::matrices`](crate::edit::truncation::Truncation::matrices) makes them of an edit.
    ///
    /// # Errors
    /// A matrix that the model does not have, or of another shape than the model's.
    pub fn new(
        files: &'a ModelFiles,
        matrices: BTreeMap<WeightId, Matrix>,
        recipe: &'a Recipe,
        card: Card,
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
        Ok(Self { files, recipe, card, matrices })
    }

    /// Refuses what [`Export::to_folder`] could not write whatever the matrices: a GGUF file of a family whose
    /// configuration Laser does not know how to write for Hugging Face.
    pub fn check_folder(files: &ModelFiles) -> Result<()> {
        if files.is_gguf() {
            let file = files.path().display().to_string();
            config::hf_config(&file, files.config(), &config::SpecialTokens::default(), Dtype::F16)?;
        }
        Ok(())
    }

    /// Writes a Hugging Face folder to `out`, which must not exist yet or be empty, with the recipe and a model
    /// card in it.
    ///
    /// From a folder: types, shards, all other tensors and all other files stay as they are, byte for byte; a
    /// `README.md` and a `recipe.yaml` already there are kept as `README.base.md` and `recipe.base.yaml`, weights
    /// in other files are left out. From a GGUF file: everything is converted to `dtype` (F16, BF16 or F32; F16 if
    /// not given), with the configuration and the tokenizer that the file describes.
    ///
    /// # Errors
    /// A target that cannot be written, a `dtype` for a folder, values beyond the type's range, a configuration
    /// that `config.json` cannot express, or files that read back differently. Nothing is left behind then.
    pub fn to_folder(&self, out: &Path, dtype: Option<Dtype>) -> Result<Written> {
        let source = self.files.path();
        let staging = Staging::folder(out, source)?;
        self.build_folder(&staging, dtype).map_err(|e| staging.in_target(e)).and_then(|(matrices, left_out)| {
            let (path, files) = staging.commit()?;
            Ok(Written { path, files, left_out, matrices })
        })
    }

    /// Writes a GGUF file to `out`, which must not exist yet, from a GGUF file: metadata and all other tensors
    /// stay byte-identical; the edited ones are stored in their own type, or in `dtype`.
    ///
    /// # Errors
    /// A source that is not GGUF, a target that cannot be written, a type that cannot hold the values, or a file
    /// that reads back differently. Nothing is left behind then.
    pub fn to_gguf(&self, out: &Path, dtype: Option<Dtype>) -> Result<Written> {
        let source = self.files.path();
        if !self.files.is_gguf() {
            let problem =
                format!("{}: expected a GGUF file to write one from, found a Hugging Face folder", source.display());
            return Err(Error::setting("source", problem));
        }
        let staging = Staging::file(out, source, "gguf")?;
        let build = || -> Result<Vec<StoredMatrix>> {
            let edits = self.edits(dtype)?;
            let values = edits.iter().map(|(name, edit)| (name.clone(), (edit.dtype, edit.values.clone())));
            gguf::rewrite(source, staging.path(), &values.collect())?;
            verify::rewritten(self.files, &ModelFiles::open(staging.path())?, &edits)
        };
        let matrices = build().map_err(|e| staging.in_target(e))?;
        let (path, files) = staging.commit()?;
        Ok(Written { path, files, left_out: Vec::new(), matrices })
    }

    /// Fills the staging folder; gives what is stored of the edits and what was left out.
    fn build_folder(&self, staging: &Staging, dtype: Option<Dtype>) -> Result<(Vec<StoredMatrix>, Vec<String>)> {
        let folder = staging.path();
        let mut left_out = Vec::new();
        let matrices = if self.files.is_gguf() {
            convert::write(self.files, &self.matrices, folder, dtype.unwrap_or(Dtype::F16))?
        } else if let Some(dtype) = dtype {
            let problem = format!("{dtype}: a Hugging Face folder keeps the types of its tensors");
            return Err(Error::setting("dtype", problem));
        } else {
            let edits = self.edits(None)?;
            let values = edits.iter().map(|(name, edit)| (name.clone(), edit.values.clone()));
            safetensors::rewrite_folder(self.files.checkpoint(), folder, &values.collect())?;
            left_out = copy::other_files(self.files, folder)?;
            verify::rewritten(self.files, &ModelFiles::open(folder)?, &edits)?
        };
        let write = |name: &str, text: String| -> Result<()> {
            Ok(laser_checkpoint::write_atomically(&folder.join(name), text.as_bytes())?)
        };
        write(RECIPE, self.recipe.to_yaml()?)?;
        write(CARD, self.card.render(self.files, self.recipe, &matrices)?)?;
        Ok((matrices, left_out))
    }

    /// The edited tensors by name, in the source's layout, in `dtype` or their own type.
    fn edits(&self, dtype: Option<Dtype>) -> Result<BTreeMap<String, Edited>> {
        let mut edits: BTreeMap<String, Edited> = BTreeMap::new();
        for (&id, matrix) in &self.matrices {
            let place = self.files.place(id);
            let tensor = self.files.checkpoint().tensor(&place.weight())?;
            let edited = match edits.entry(place.weight()) {
                Entry::Occupied(there) => there.into_mut(),
                Entry::Vacant(free) => {
                    let dtype = dtype.unwrap_or(tensor.info().dtype);
                    free.insert(Edited { ids: Vec::new(), dtype, values: tensor.to_f32()? })
                }
            };
            place.put(matrix.data(), &mut edited.values);
            edited.ids.push(id);
        }
        Ok(edits)
    }
}
