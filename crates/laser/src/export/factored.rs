//! Writes a Hugging Face folder in which each edited matrix is two smaller ones, `U [out, r]` and `V [r, in]`: fewer parameters, in
//! memory too, and fewer products. transformers has no such layer, so that the folder brings the code for it
//! (`modeling_laser.py`) and is loaded with `trust_remote_code`.
//!
//! Its `model_type` is no known one: a loader without the code refuses the folder, instead of loading the base model's class
//! with random matrices in place of the edited ones.

mod settings;
mod timing;

use std::collections::BTreeMap;
use std::path::Path;

use laser_checkpoint::{Checkpoint, Dtype, NewTensor, safetensors, write_atomically};
use laser_linalg::{LowRank, Matrix, Method, decompose, truncate};
use serde::Serialize;

use super::adapter::{module, module_layout, refuse_inside, refuse_merged};
use super::gguf_to_folder::MAX_SHARD;
use super::module_factors::{ModuleFactors, by_module};
use super::other_files::Copied;
use super::short_card::ShortCard;
use super::verify::expect_stored;
use super::{Export, ExportedModel, RECIPE_FILE, TemporaryTarget, model_card, other_files};
use crate::edit::edited_matrix::EditedMatrix;
use crate::edit::reduction::Factors;
use crate::error::{Error, Result};
use crate::model_folder::listing::list;
use crate::model_folder::own_code;
use laser_model::load::ModelFiles;

pub use timing::FactoredSample;

/// A module that is written as two smaller matrices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FactoredModule {
    /// Its path in the Hugging Face class: `model.layers.0.mlp.up_proj`.
    pub module: String,
    /// Outputs and inputs.
    pub shape: [usize; 2],
    /// Rank r: inputs of U and outputs of V.
    pub rank: usize,
    /// Largest rank at which both together have no more values than the matrix, ⌊m·n/(m + n)⌋.
    pub break_even: usize,
    /// Bytes of the matrix in the source's files.
    pub bytes_before: u64,
    /// Bytes of U and V.
    pub bytes_after: u64,
    /// True for a module with a bias.
    #[serde(skip)]
    bias: bool,
}

/// A module to be written, and its tensors in the source.
struct Planned<'m> {
    factors: &'m ModuleFactors,
    module: FactoredModule,
    dtype: Dtype,
}

impl Export<'_> {
    /// Checks, before any matrix is computed, that models like `files` can be written with smaller matrices to `out`.
    ///
    /// # Errors
    /// A target that cannot be written, a GGUF file, adapters that are merged into the model, and models that transformers
    /// does not load by their class alone.
    pub fn check_factored(files: &ModelFiles, out: &Path) -> Result<()> {
        let refused = |problem: &str| Err(Error::setting("format", format!("factored: {problem}; use dense or delta")));
        if files.is_gguf() {
            return refused(
                "only a Hugging Face folder can have two matrices in place of one, and the model is a GGUF file",
            );
        }
        refuse_merged(files, "factored")?;
        refuse_inside(files, "factored")?;
        let config = files.config();
        if config.mlp.experts.is_some() {
            return refused(
                "transformers rearranges the files of models with experts by their type, which would be another",
            );
        }
        if own_code::is_needed(config) || config.check_reads_texts().is_err() {
            return refused("transformers loads such a model by code of its own only");
        }
        list(files.path())?;
        TemporaryTarget::folder(out, files.path())?; // leaves nothing on disk
        Ok(())
    }

    /// Writes the model with two matrices in place of each of `edited` to the folder `out`.
    ///
    /// # Errors
    /// Those of [`Export::check_factored`]; a reduction that gives no low rank, a rank at which two matrices are larger
    /// than one, or an edited matrix that is only part of a module.
    pub(crate) fn to_factored(&self, out: &Path, edited: &[EditedMatrix], threads: usize) -> Result<ExportedModel> {
        Self::check_factored(self.files, out)?;
        let changed = edited.iter().filter(|matrix| matrix.matrix.is_some());
        let kept = changed.map(|matrix| Ok((matrix.id, kept_part(matrix, threads)?))).collect::<Result<Vec<_>>>()?;
        let factors = by_module(self.files.config(), &kept, |id| Ok(self.files.location(id)))?;
        let planned = factors.iter().map(|factors| self.plan(factors)).collect::<Result<Vec<_>>>()?;
        if planned.is_empty() {
            return Err(self.nothing_to_write());
        }
        let target = TemporaryTarget::folder(out, self.files.path())?;
        let written = self.write_factored(target.path(), &planned);
        let Copied { left_out, notes } = written.map_err(|e| target.rename_in_error(e))?;
        let factored = planned.into_iter().map(|planned| planned.module).collect();
        Ok(ExportedModel { left_out, notes, factored, ..ExportedModel::new(target.commit()?) })
    }

    /// The module that holds factors of a tensor.
    fn plan<'m>(&self, factors: &'m ModuleFactors) -> Result<Planned<'m>> {
        let config = self.files.config();
        let refused = |problem: String| Error::setting("format", format!("factored: {problem}"));
        let of_class = module(&module_layout(config), config, factors.stored)?;
        let ([out, width], rank) = (factors.shape(), factors.rank());
        if !factors.is_whole || of_class.total_rows() != out {
            let problem =
                format!("the edit changes part of the tensor `{}.weight`, which stays one matrix", factors.stem);
            return Err(refused(format!("{problem}; use dense or delta")));
        }
        let break_even = LowRank::break_even_rank(out, width);
        if rank > break_even {
            let problem = format!(
                "{}: two matrices of rank {rank} are larger than one of {out} x {width}, which breaks even at \
                 {break_even}; use dense or delta",
                of_class.stem
            );
            return Err(refused(problem));
        }
        let dtype = self.files.checkpoint().tensor(&format!("{}.weight", factors.stem))?.info().dtype;
        let bytes = |values: usize| (values * dtype.block_bytes()) as u64;
        let module = FactoredModule {
            module: of_class.stem,
            shape: [out, width],
            rank,
            break_even,
            bytes_before: bytes(out * width),
            bytes_after: bytes(rank * (out + width)),
            bias: config.has_bias(factors.stored),
        };
        Ok(Planned { factors, module, dtype })
    }

    /// Writes all files into `folder`; then reads the weights and compares them.
    fn write_factored(&self, folder: &Path, planned: &[Planned<'_>]) -> Result<Copied> {
        let source = self.files.checkpoint();
        let mut tensors = Vec::new();
        for info in source.tensors() {
            let of =
                planned.iter().find(|p| info.name.strip_prefix(&p.factors.stem).is_some_and(|e| e.starts_with('.')));
            match of.map(|p| (p, &info.name[p.factors.stem.len()..])) {
                Some((p, ".weight")) => {
                    for (name, matrix) in p.tensors() {
                        let shape = [matrix.rows(), matrix.cols()];
                        tensors.push(NewTensor::new(name, p.dtype, &shape, || Ok(matrix.data().to_vec())));
                    }
                }
                _ => tensors.push(NewTensor::copy(new_name(&info.name, planned), source.tensor(&info.name)?)),
            }
        }
        let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
        safetensors::write_folder(folder, tensors, &metadata, MAX_SHARD)?;
        let reserved = [model_card::FILE, RECIPE_FILE, settings::CODE_FILE];
        let mut copied = other_files::copy(self.files, folder, &reserved)?;
        let write =
            |name: &str, text: String| -> Result<()> { Ok(write_atomically(&folder.join(name), text.as_bytes())?) };
        let modules: Vec<&FactoredModule> = planned.iter().map(|planned| &planned.module).collect();
        settings::write(folder, self.files.config(), &modules)?;
        write(RECIPE_FILE, self.recipe.to_yaml()?)?;
        write(model_card::FILE, card(&modules, self.files).render(&self.card, self.files)?)?;
        copied.notes.push(format!(
            "{} is code that loaders run: the folder is loaded with trust_remote_code=True",
            settings::CODE_FILE
        ));

        let written = Checkpoint::open(folder)?;
        for p in planned {
            for (name, matrix) in p.tensors() {
                expect_stored(written.tensor(&name)?, p.dtype, matrix.data(), None)?;
            }
        }
        Ok(copied)
    }
}

impl Planned<'_> {
    /// V and U with their names in the files.
    fn tensors(&self) -> [(String, &Matrix); 2] {
        let name = |part: &str| format!("{}.{part}.weight", self.factors.stem);
        [(name("laser_v"), &self.factors.a), (name("laser_u"), &self.factors.b)]
    }
}

/// The name of a tensor that is copied: the bias of a module becomes that of U.
fn new_name(name: &str, planned: &[Planned<'_>]) -> String {
    let of = planned.iter().find(|p| name.strip_suffix(".bias") == Some(&p.factors.stem));
    of.map_or_else(|| name.to_owned(), |p| format!("{}.laser_u.bias", p.factors.stem))
}

/// Ŵ of an edited matrix as factors.
fn kept_part(edited: &EditedMatrix, threads: usize) -> Result<LowRank> {
    let refused = |problem: &str| {
        let problem = format!("factored: {}: {problem}; use dense or delta", edited.record.matrix);
        Error::setting("format", problem)
    };
    if edited.record.rank == Some(0) {
        return Err(refused("rank 0 removes the matrix"));
    }
    match (&edited.factors, &edited.matrix, edited.record.rank) {
        (Some(Factors::Kept(low)), ..) => Ok(low.clone()),
        (_, Some(matrix), Some(rank)) => {
            let named = |source| Error::Linalg { matrix: edited.id.to_string(), source };
            Ok(truncate(&decompose(matrix.view(), Method::Auto, threads).map_err(named)?, rank))
        }
        _ => Err(refused(&format!("{} gives no matrix of a low rank", edited.record.reduction))),
    }
}

/// The card of the folder.
fn card(modules: &[&FactoredModule], files: &ModelFiles) -> ShortCard<'static> {
    let mut table = "| module | outputs x inputs | rank | breaks even at | bytes before | bytes now |\n\
                     | --- | ---: | ---: | ---: | ---: | ---: |\n"
        .to_owned();
    for module in modules {
        let FactoredModule { module, shape: [out, width], rank, break_even, bytes_before, bytes_after, .. } = module;
        table +=
            &format!("| `{module}` | {out} x {width} | {rank} | {break_even} | {bytes_before} | {bytes_after} |\n");
    }
    ShortCard {
        library: "transformers",
        form: "factored",
        lead: "Some matrices are replaced by two smaller ones.",
        table,
        python: format!(
            "from transformers import {0}\n\nmodel = {0}.from_pretrained(\"path/to/this/folder\", trust_remote_code=True)\n",
            settings::auto_class(files.config())
        ),
    }
}
