//! Writes an edit as an adapter: the change Ŵ − W of each edited matrix as a low-rank update, in a folder for PEFT or a file for
//! llama.cpp. An adapter of the rank that an edit removes is exact; one of a smaller rank leaves out the smallest
//! components of the change.

mod gguf;
mod peft;

pub(super) use peft::{module, module_layout};

use std::path::Path;

use laser_linalg::{LowRank, Matrix, Method, decompose, truncate};
use serde::Serialize;

use super::module_factors::{ModuleFactors, by_module};
use super::{Export, ExportedModel, TemporaryTarget, is_gguf_path};
use crate::edit::edited_matrix::EditedMatrix;
use crate::edit::reduction::Factors;
use crate::error::{Error, Result};
use laser_model::Model;
use laser_model::load::ModelFiles;
use laser_model::weight_id::{MatrixPart, WeightId, WeightKind};

/// Largest ranks that vLLM can be started with (`--max-lora-rank`), from its `MaxLoRARanks`.
const VLLM_RANKS: [usize; 9] = [1, 8, 16, 32, 64, 128, 256, 320, 512];

/// Share of the norm of a change below which components are rounding errors of a change that has a smaller rank.
const NEGLIGIBLE: f64 = 1e-6;

/// Text in the names of a text model inside a model with images, whose modules transformers names otherwise than its files.
const INSIDE: &str = "language_model.";

/// A matrix that an adapter changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AdaptedMatrix {
    /// The matrix, such as `L27.gate_proj`.
    pub matrix: String,
    /// Rank of the edit's change Ŵ − W.
    pub removed_rank: usize,
    /// Rank of the adapter's update of it.
    pub rank: usize,
    /// Share of the energy ‖Ŵ − W‖_F² that the adapter leaves out, from 0 to 1.
    pub left_out: f64,
}

impl Export<'_> {
    /// Checks, before any matrix is computed, that an adapter of models like `files` can be written to `out`.
    ///
    /// # Errors
    /// A target that cannot be written or that does not fit the kind of model, adapters that are merged into the model,
    /// and models whose modules have other names in transformers than in the files.
    pub fn check_adapter(files: &ModelFiles, out: &Path) -> Result<()> {
        refuse_merged(files, "lora")?;
        if files.is_gguf() {
            if !is_gguf_path(out) {
                let problem = "expected a file name that ends in .gguf: the model is a GGUF file, and llama.cpp reads its \
                               adapters from such a file; PEFT's folder is written for a model folder";
                return Err(Error::setting("out", format!("{}: {problem}", out.display())));
            }
            TemporaryTarget::file(out, files.path(), "gguf")?; // leaves nothing on disk
            return Ok(());
        }
        if is_gguf_path(out) {
            let problem = "expected the name of a new folder: the model is a folder, and PEFT reads its adapters from one; \
                           for llama.cpp, give the GGUF file as the model";
            return Err(Error::setting("out", format!("{}: {problem}", out.display())));
        }
        refuse_inside(files, "lora")?;
        TemporaryTarget::folder(out, files.path())?; // leaves nothing on disk
        Ok(())
    }

    /// Writes the change of the matrices `edited` of `model` as an adapter to `out`, exactly, or of rank `approximate`
    /// at most: a PEFT folder of a model folder, a file for llama.cpp of a GGUF model.
    ///
    /// # Errors
    /// Those of [`Export::check_adapter`]; matrices that are no modules, such as those of experts; without `approximate` a
    /// change whose factors are larger than the matrix.
    pub(crate) fn to_adapter(
        &self,
        out: &Path,
        model: &Model,
        edited: &[EditedMatrix],
        approximate: Option<usize>,
        threads: usize,
    ) -> Result<ExportedModel> {
        Self::check_adapter(self.files, out)?;
        if approximate == Some(0) {
            return Err(Error::setting("approximate-rank", "expected at least 1, found 0"));
        }
        let mut adapted = Vec::new();
        let mut changes = Vec::new();
        for matrix in edited {
            self.refuse_experts(matrix.id, "lora")?;
            let removed = removed_part(matrix, &model.matrix(matrix.id)?, threads)?;
            let (update, of) = as_update(matrix.id, removed, approximate)?;
            changes.push((matrix.id, update));
            adapted.push(of);
        }
        let is_gguf = self.files.is_gguf();
        let target = match is_gguf {
            true => TemporaryTarget::file(out, self.files.path(), "gguf")?,
            false => TemporaryTarget::folder(out, self.files.path())?,
        };
        let layout = module_layout(self.files.config());
        let modules = by_module(self.files.config(), &changes, |id| match is_gguf {
            true => Ok(self.files.location(id)),
            false => module(&layout, self.files.config(), id),
        })?;
        if modules.is_empty() {
            return Err(self.nothing_to_write());
        }
        let written = match is_gguf {
            true => self.write_gguf_adapter(target.path(), &modules),
            false => self.write_peft_adapter(target.path(), &modules, &adapted),
        };
        written.map_err(|e| target.rename_in_error(e))?;
        let largest = modules.iter().map(ModuleFactors::rank).max().unwrap_or(0);
        let notes = if is_gguf { Vec::new() } else { vec![vllm_note(largest)] };
        Ok(ExportedModel { notes, adapted, ..ExportedModel::new(target.commit()?) })
    }

    /// Refuses matrices that are no linear module of their own in transformers or llama.cpp.
    pub(super) fn refuse_experts(&self, id: WeightId, format: &str) -> Result<()> {
        let is_expert = matches!(id.part, MatrixPart::Expert(_));
        if !is_expert && (id.kind != WeightKind::Router || self.files.is_gguf()) {
            return Ok(());
        }
        let what = if is_expert { "matrices of experts are stacked" } else { "the router of experts is" };
        let problem = format!("{format}: {id}: {what} no linear module of the runtimes; use delta or dense");
        Err(Error::setting("format", problem))
    }

    /// The error of an edit that changes no value.
    pub(super) fn nothing_to_write(&self) -> Error {
        let edits = self.recipe.edits.iter().map(|edit| format!("L{}.{}@{}", edit.layer, edit.matrix, edit.keep));
        let problem = "it changes no value, so that there is nothing to write".to_owned();
        Error::Edit { edit: edits.collect::<Vec<_>>().join(","), problem }
    }
}

/// Refuses adapters that are merged into a model: the written form is of one base model.
pub(super) fn refuse_merged(files: &ModelFiles, format: &str) -> Result<()> {
    if files.adapters().is_empty() {
        return Ok(());
    }
    let problem = format!(
        "{format}: adapters are merged into the model; write the merged model first, and then the edit of that one"
    );
    Err(Error::setting("format", problem))
}

/// Refuses the text model inside a model with images.
pub(super) fn refuse_inside(files: &ModelFiles, format: &str) -> Result<()> {
    let first = files.config().stored(0).into_iter().next();
    if first.is_none_or(|id| !files.location(id).stem.contains(INSIDE)) {
        return Ok(());
    }
    let problem = format!("{format}: the model is part of one with images, whose modules have other names; use delta");
    Err(Error::setting("format", problem))
}

/// W − Ŵ of an edited matrix as factors, the largest component first; V has orthonormal rows.
fn removed_part(edited: &EditedMatrix, w: &Matrix, threads: usize) -> Result<LowRank> {
    if let Some(Factors::Removed(low)) = &edited.factors {
        return Ok(low.clone());
    }
    let Some(new) = &edited.matrix else {
        return Ok(LowRank { us: Matrix::zeros(w.rows(), 0), vt: Matrix::zeros(0, w.cols()), rank: 0 });
    };
    let named = |source| Error::Linalg { matrix: edited.id.to_string(), source };
    let values = w.data().iter().zip(new.data()).map(|(w, new)| w - new).collect();
    let difference = Matrix::new(w.rows(), w.cols(), values).map_err(named)?;
    let svd = decompose(difference.view(), Method::Auto, threads).map_err(named)?;
    let allowed = NEGLIGIBLE.powi(2) * svd.s.iter().map(|s| s * s).sum::<f64>();
    let mut left_out = 0.0;
    let negligible = svd.s.iter().rev().take_while(|s| {
        left_out += **s * **s;
        left_out <= allowed
    });
    let rank = svd.s.len() - negligible.count();
    Ok(truncate(&svd, rank))
}

/// The update Ŵ − W of the matrix `id` from W − Ŵ, cut to the rank `approximate` if there is one.
fn as_update(id: WeightId, removed: LowRank, approximate: Option<usize>) -> Result<(LowRank, AdaptedMatrix)> {
    let [m, n] = [removed.us.rows(), removed.vt.cols()];
    let (removed_rank, largest) = (removed.rank, LowRank::break_even_rank(m, n));
    if approximate.is_none() && removed_rank > largest {
        let problem = format!(
            "lora: the edit removes {removed_rank} of the {} components of {id}, and an adapter of a rank above {largest} is \
             larger than the matrix itself: use delta, or the setting `approximate-rank` for part of the change",
            m.min(n)
        );
        return Err(Error::setting("format", problem));
    }
    let rank = approximate.map_or(removed_rank, |rank| rank.min(removed_rank));
    let energies: Vec<f64> =
        (0..removed_rank).map(|k| (0..m).map(|row| f64::from(removed.us.row(row)[k]).powi(2)).sum()).collect();
    // Not `sum`, which gives −0 for no terms.
    let sum = |energies: &[f64]| energies.iter().fold(0.0, |sum, energy| sum + energy);
    let total = sum(&energies);
    let left_out = if total > 0.0 { sum(&energies[rank..]) / total } else { 0.0 };
    let us = (0..m).flat_map(|row| removed.us.row(row)[..rank].iter().map(|x| -x)).collect();
    let vt = removed.vt.data()[..rank * n].to_vec();
    let fits = "as many values as the shape says, because they were cut so";
    let update = LowRank { us: Matrix::new(m, rank, us).expect(fits), vt: Matrix::new(rank, n, vt).expect(fits), rank };
    Ok((update, AdaptedMatrix { matrix: id.to_string(), removed_rank, rank, left_out }))
}

/// Remark on the setting that vLLM needs for an adapter of this rank.
fn vllm_note(rank: usize) -> String {
    match VLLM_RANKS.iter().find(|allowed| **allowed >= rank) {
        Some(allowed) => format!("the adapter has rank {rank}: vLLM needs --max-lora-rank {allowed}"),
        None => format!("the adapter has rank {rank}: vLLM allows at most 512, so that it loads with PEFT only"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use laser_model::weight_id::WeightKind;

    const ID: WeightId = WeightId::new(1, WeightKind::Up);

    /// diag(3, 2, 1) as factors.
    fn removed() -> LowRank {
        let us = Matrix::new(3, 3, vec![3.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 1.0]).expect("fits");
        let vt = Matrix::new(3, 3, vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]).expect("fits");
        LowRank { us, vt, rank: 3 }
    }

    #[test]
    fn an_approximation_keeps_the_largest_components_and_says_what_it_leaves_out() {
        let (update, of) = as_update(ID, removed(), Some(2)).expect("cuts");
        assert_eq!((of.removed_rank, of.rank, of.left_out), (3, 2, 1.0 / 14.0));
        assert_eq!(update.materialise(1).data(), [-3.0, 0.0, 0.0, 0.0, -2.0, 0.0, 0.0, 0.0, 0.0]);
        let error = as_update(ID, removed(), None).expect_err("larger than the matrix").to_string();
        assert!(error.contains("3 of the 3 components of L1.up_proj") && error.contains("delta"), "{error}");
        assert_eq!(as_update(ID, removed(), Some(9)).expect("all").1.left_out.to_bits(), 0);
    }

    #[test]
    fn a_dense_change_is_decomposed_without_its_rounding_errors() {
        let w = Matrix::new(2, 3, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).expect("fits");
        let new = Matrix::new(2, 3, vec![1.0, 2.0, 3.0, 0.0, 0.0, 0.0]).expect("fits");
        let record = crate::edit::edited_matrix::TruncationRecord {
            matrix: ID.to_string(),
            reduction: "magnitude(0.5)".into(),
            rank: None,
            max_rank: 2,
            parameters: 3,
            relative_error: 0.5,
        };
        let edited = EditedMatrix { id: ID, matrix: Some(new), factors: None, record };
        let removed = removed_part(&edited, &w, 1).expect("decomposes");
        assert_eq!(removed.rank, 1);
        let again = removed.materialise(1);
        assert!(again.data().iter().zip([0.0, 0.0, 0.0, 4.0, 5.0, 6.0]).all(|(a, b)| (a - b).abs() < 1e-5));
        let unchanged = EditedMatrix { matrix: None, ..edited };
        assert_eq!(removed_part(&unchanged, &w, 1).expect("nothing").rank, 0);
    }

    #[test]
    fn vllm_needs_the_next_rank_that_it_allows() {
        assert!(vllm_note(9).ends_with("--max-lora-rank 16"));
        assert!(vllm_note(512).ends_with("--max-lora-rank 512"));
        assert!(vllm_note(513).contains("at most 512"));
    }
}
