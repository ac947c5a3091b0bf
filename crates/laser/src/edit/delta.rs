//! A delta: an edit as one safetensors file that holds the reduced matrices themselves, for sharing. Takes the file and the
//! base model, gives the matrices with the same bits on every machine.
//!
//! The file holds each matrix, such as `L5.up_proj` `[m, n]`, in the smaller of two forms: as the factors `L5.up_proj.laser_u`
//! `[m, r]` and `L5.up_proj.laser_v` `[r, n]` (`kept`: Ŵ = U·V; `removed`: Ŵ = W − U·V), or as `L5.up_proj.laser_dense` `[m, n]`. The
//! metadata (`description`) have the recipe, and SHA-256 of every tensor of the model before and after.
//!
//! The matrices are exact, because the product of two factors is summed in a fixed order
//! ([`LowRank::materialise`](laser_linalg::LowRank::materialise)), and the same product makes the model that the format
//! `dense` writes. A dense matrix is stored as the model's own file stores it.

mod description;
mod write;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use laser_checkpoint::{Checkpoint, Dtype, safetensors};
use laser_linalg::{LowRank, Matrix};
use sha2::{Digest, Sha256};

use crate::edit::Edit;
use crate::edit::decomposition::matrix_error;
use crate::edit::edited_matrix::EditedMatrix;
use crate::edit::recipe::{AdapterIdentity, Recipe};
use crate::edit::reduction::{Factors, Reduction};
use crate::error::{Error, Result};
use description::MatrixEntry;
use laser_model::config::ModelConfig;
use laser_model::load::ModelFiles;
use laser_model::weight_id::WeightId;

pub use description::{DeltaCard, DeltaTensor};
pub(crate) use description::{Description, Form};
pub(crate) use write::{NewMatrix, write};

/// Extension of the file of a delta.
pub(crate) const EXTENSION: &str = "safetensors";

/// True for a path that names a delta, by its extension.
pub fn is_delta_path(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == EXTENSION)
}

/// An opened delta.
#[derive(Debug)]
pub struct Delta {
    path: PathBuf,
    checkpoint: Checkpoint,
    description: Description,
    edit: Edit,
    entries: BTreeMap<WeightId, MatrixEntry>,
}

impl Delta {
    /// Opens a file, and checks everything that does not depend on the values of the base model.
    ///
    /// # Errors
    /// A file that cannot be read, is no delta, or does not fit a model of this configuration.
    pub fn open(path: &Path, config: &ModelConfig) -> Result<Self> {
        let description = Description::read(path, &safetensors::metadata(path)?)?;
        let checkpoint = Checkpoint::open(path)?;
        let edit = description.recipe.edit(config)?;
        let mut named: BTreeMap<&str, &MatrixEntry> =
            description.matrices.iter().map(|entry| (entry.record.matrix.as_str(), entry)).collect();
        let mut entries = BTreeMap::new();
        let mut tensors = 0;
        for (id, reduction) in edit.reductions() {
            let name = id.to_string();
            let entry = named.remove(name.as_str()).filter(|entry| entry.record.reduction == reduction.to_string());
            let problem = || Error::parse(path, format!("{name}@{reduction} of its recipe is not among its matrices"));
            let entry = entry.ok_or_else(problem)?;
            tensors += entry.form.tensors(&name).len();
            check_shapes(path, &checkpoint, &name, entry.form, config.shape(id))?;
            entries.insert(id, entry.clone());
        }
        if let Some(name) = named.keys().next() {
            return Err(Error::parse(path, format!("matrix {name} is not in its recipe")));
        }
        if checkpoint.tensors().len() != tensors {
            let found = checkpoint.tensors().len();
            return Err(Error::parse(path, format!("expected {tensors} tensors for its matrices, found {found}")));
        }
        Ok(Self { path: path.to_owned(), checkpoint, description, edit, entries })
    }

    /// Checks that `files`, merged with `adapters`, is the model that the file was made for, as far as the edit concerns it:
    /// by the SHA-256 of every tensor that holds an edited matrix.
    ///
    /// # Errors
    /// A tensor that is missing or differs, or other adapters. The error names the model to use.
    pub fn check_base(&self, files: &ModelFiles, adapters: &[AdapterIdentity]) -> Result<()> {
        let base = self.description.base();
        let wrong = |problem: String| Error::Edit {
            edit: self.path.display().to_string(),
            problem: format!("{problem}; the file was made for {base}"),
        };
        for expected in &self.description.tensors {
            let name = &expected.tensor;
            let Some(info) = files.checkpoint().info(name) else {
                let model = files.path().display();
                return Err(wrong(format!("{model} has no tensor `{name}`, as another model or another file format")));
            };
            let (dtype, shape) = (info.dtype.to_string(), &info.shape);
            if (&dtype, shape) != (&expected.dtype, &expected.shape) {
                let (was, of) = (&expected.dtype, &expected.shape);
                return Err(wrong(format!("tensor `{name}`: expected {was} {of:?}, found {dtype} {shape:?}")));
            }
            let found = hex::encode(Sha256::digest(files.checkpoint().tensor(name)?.bytes()));
            files.checkpoint().release_pages_of(info);
            if found != expected.base_sha256 {
                return Err(wrong(format!(
                    "tensor `{name}` of {} has other values than that of the base model: expected SHA-256 {}, found \
                     {found}",
                    files.path().display(),
                    expected.base_sha256
                )));
            }
        }
        for id in self.entries.iter().filter(|(_, entry)| entry.form != Form::Unchanged).map(|(id, _)| *id) {
            let is_named = |name: &String| self.description.tensors.iter().any(|tensor| tensor.tensor == *name);
            if let Some(name) = files.tensor_names(id).iter().find(|name| !is_named(name)) {
                return Err(wrong(format!(
                    "{id} is in tensor `{name}` of the model, of which the file has no SHA-256"
                )));
            }
        }
        let own = self.description.recipe.base_model.as_ref().map_or(&[][..], |base| &base.adapters);
        if !own.iter().map(|adapter| &adapter.sha256).eq(adapters.iter().map(|adapter| &adapter.sha256)) {
            let named = |of: &[AdapterIdentity]| match of {
                [] => "none".to_owned(),
                _ => of.iter().map(|a| format!("{} ({:.8})", a.path, a.sha256)).collect::<Vec<_>>().join(", "),
            };
            let problem = format!("adapters merged into the model: expected {}, found {}", named(own), named(adapters));
            return Err(wrong(problem));
        }
        Ok(())
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The recipe in the file.
    pub fn recipe(&self) -> &Recipe {
        &self.description.recipe
    }

    /// The edit of the recipe.
    pub fn edit(&self) -> &Edit {
        &self.edit
    }

    /// Facts for a model card.
    pub fn card(&self) -> &DeltaCard {
        &self.description.card
    }

    /// The tensors that hold edited matrices, before and after the edit.
    pub fn tensors(&self) -> &[DeltaTensor] {
        &self.description.tensors
    }

    /// True if the file holds the matrix `id` under this reduction.
    pub(crate) fn holds(&self, id: WeightId, reduction: &Reduction) -> bool {
        self.entries.get(&id).is_some_and(|entry| entry.record.reduction == reduction.to_string())
    }

    /// The reduced matrix `id`, which the file must hold; `w [m, n]` is the unreduced one.
    ///
    /// # Errors
    /// Values that cannot be read, or beyond the range of f32.
    pub(crate) fn reduced(&self, id: WeightId, w: &Matrix, threads: usize) -> Result<EditedMatrix> {
        let MatrixEntry { form, record, .. } = &self.entries[&id];
        let name = id.to_string();
        let names = form.tensors(&name);
        let read = |tensor: &str| -> Result<Matrix> {
            let view = self.checkpoint.tensor(tensor)?;
            let [rows, cols] = view.info().shape[..] else {
                return Err(Error::parse(&self.path, format!("tensor `{tensor}`: expected a matrix")));
            };
            Matrix::new(rows, cols, view.to_f32()?).map_err(matrix_error(id))
        };
        let factors = || -> Result<LowRank> {
            let (us, vt) = (read(&names[0])?, read(&names[1])?);
            Ok(LowRank { rank: vt.rows(), us, vt })
        };
        let (matrix, factors) = match form {
            Form::Unchanged => (None, None),
            Form::Dense => (Some(read(&names[0])?), None),
            Form::Kept => (None, Some(Factors::Kept(factors()?))),
            Form::Removed => (None, Some(Factors::Removed(factors()?))),
        };
        let matrix = match &factors {
            Some(factors) => Some(factors.dense(w.view(), threads).map_err(matrix_error(id))?),
            None => matrix,
        };
        Ok(EditedMatrix { id, matrix, factors, record: record.clone() })
    }
}

/// Checks the tensors of the matrix `name` of shape `[m, n]`.
fn check_shapes(path: &Path, checkpoint: &Checkpoint, name: &str, form: Form, [m, n]: [usize; 2]) -> Result<()> {
    let names = form.tensors(name);
    let rank = names.get(1).and_then(|v| checkpoint.info(v)).and_then(|info| info.shape.first()).copied().unwrap_or(0);
    let shapes = match form {
        Form::Unchanged => Vec::new(),
        Form::Dense => vec![[m, n]],
        Form::Kept | Form::Removed => vec![[m, rank], [rank, n]],
    };
    for (tensor, shape) in names.iter().zip(&shapes) {
        let info = checkpoint.info(tensor).ok_or_else(|| Error::parse(path, format!("no tensor `{tensor}`")))?;
        let is_float = matches!(info.dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16);
        if info.shape != shape || !is_float || rank > m.min(n) {
            let (dtype, found) = (info.dtype, &info.shape);
            let expected = format!("expected floats {shape:?} of a rank up to {}", m.min(n));
            return Err(Error::parse(path, format!("tensor `{tensor}`: {expected}, found {dtype} {found:?}")));
        }
    }
    Ok(())
}
