//! Compares the answers of six models: a base model, the same with an adapter, and both with edits.

use std::collections::BTreeMap;

use laser_linalg::{Matrix, Method, decompose_product, truncate, truncate_matrix};
use laser_model::parallel::map;
use laser_model::weight_id::WeightId;
use laser_model::{Model, Replacement};
use laser_statistics::{Fractions, Split, assign_split, group_ids};

use super::lora::no_adapter;
use super::{ScoredTasks, Session};
use crate::edit::Edit;
use crate::edit::stored_matrices::device_weight;
use crate::edit::truncation::{SvdMethod, Truncation};
use crate::error::{Error, Result};
use crate::evaluate::{Evaluator, RunContext};
use crate::lora::{Behaviour, Cell, Subject};

/// Number of bootstrap draws.
const RESAMPLES: usize = 10_000;

/// Options of the comparison of six models.
#[derive(Debug, Clone)]
pub struct BehaviourOptions {
    /// Edit found on the base model.
    pub edit: Edit,
    /// Edit found on the tuned model.
    pub adapted_edit: Option<Edit>,
    /// Decomposition of the edited matrices.
    pub svd: SvdMethod,
    /// Ranks to which the update itself is truncated, as a control.
    pub update_ranks: Vec<usize>,
    /// Items to evaluate: all, or those of one split.
    pub split: Split,
    /// Shares of the search and validation splits.
    pub fractions: Fractions,
    /// Seed of the splits.
    pub split_seed: u64,
    /// Seed of the bootstrap.
    pub seed: u64,
}

impl Session {
    /// Compares six models on the same items: `base`, a session of the same model without the adapter, and this session's
    /// model, without edits and with them; the base model truncated first and then changed; and, as a control, the update
    /// itself truncated.
    ///
    /// # Errors
    /// A model without adapters, a perplexity task, a split without items, edits that cannot be applied, or an
    /// interruption.
    pub fn compare_behaviour(
        &self,
        base: &Session,
        tasks: &ScoredTasks,
        options: &BehaviourOptions,
    ) -> Result<Behaviour> {
        if let Some((task, _)) = tasks.iter().find(|(_, score)| score.is_perplexity()) {
            let problem = format!("{}: its items are neither right nor wrong", task.name);
            return Err(Error::setting("task", problem));
        }
        if options.edit.is_empty() {
            let problem = "needed: the models are compared with it and without it".to_owned();
            return Err(Error::setting("edit", problem));
        }
        let evaluator = Evaluator::new(&tasks.by_reference(), self.tokenizer()?, self.config())?;
        let in_split = |index: &usize| {
            let group = evaluator.split_group(*index);
            options.split == Split::All || assign_split(group, options.split_seed, options.fractions) == options.split
        };
        let items: Vec<usize> = (0..evaluator.items().len()).filter(in_split).collect();
        if items.is_empty() {
            return Err(Error::setting("split", format!("{}: no item of the tasks is in it", options.split)));
        }
        let truncation = self.truncation(options.svd);
        let (base_model, tuned) = (base.load()?, self.load()?);
        let context =
            RunContext { threads: self.threads(), stage: "adapter: answers", observer: &*self.options.observer };
        let mut models = Vec::new();
        let mut score = |cell: Cell, meaning: String, model: &Model| -> Result<()> {
            models.push((cell, meaning, evaluator.evaluate(model, &items, context)?));
            Ok(())
        };
        let (edit, adapter) = (&options.edit, self.files.adapters().last().ok_or_else(|| no_adapter(&self.name))?);
        let adapter = adapter.folder().display().to_string();
        score(Cell::Base, base.name.clone(), &base_model)?;
        score(Cell::BaseEdited, format!("with {edit}"), &truncation.apply(&base_model, edit)?.0)?;
        score(Cell::Tuned, format!("with {adapter}"), &tuned)?;
        if let Some(own) = &options.adapted_edit {
            score(Cell::TunedEdited, format!("with {adapter}, then {own}"), &truncation.apply(&tuned, own)?.0)?;
        }
        score(Cell::TunedTransferred, format!("with {adapter}, then {edit}"), &truncation.apply(&tuned, edit)?.0)?;
        let reordered = edited_then_tuned(&truncation, [&base_model, &tuned], edit)?;
        score(Cell::EditedThenTuned, format!("with {edit}, then {adapter}"), &reordered)?;
        for rank in &options.update_ranks {
            let control = self.with_truncated_update(base, &tuned, *rank)?;
            score(Cell::UpdateTruncated(*rank), format!("{adapter} truncated to rank {rank}"), &control)?;
        }
        let groups = group_ids(items.iter().map(|item| evaluator.group(*item)));
        let subject = Subject {
            task: tasks.names().join(","),
            split: options.split.to_string(),
            edit: edit.to_string(),
            adapted_edit: options.adapted_edit.as_ref().map(Edit::to_string),
            resamples: RESAMPLES,
            seed: options.seed,
        };
        Ok(Behaviour::new(models, &groups, subject))
    }

    /// The tuned model with the update of every matrix truncated to `rank`; other changed parameters stay.
    fn with_truncated_update(&self, base: &Session, tuned: &Model, rank: usize) -> Result<Model> {
        let is_single = base.files.adapters().is_empty();
        let truncated = |id: WeightId| -> Result<(WeightId, Replacement)> {
            let named = |source| Error::Linalg { matrix: id.to_string(), source };
            let w = base.loaded_matrix(id)?;
            let factors = if is_single { self.files.update_factors(id)? } else { None };
            let update = match factors {
                Some([b, a]) => {
                    let svd = decompose_product(b.view(), a.view()).map_err(named)?;
                    truncate(&svd, rank.min(svd.s.len())).materialise(1)
                }
                None => {
                    let difference =
                        combined(&self.loaded_matrix(id)?, &w, |tuned, base| tuned - base).map_err(named)?;
                    let rank = rank.min(difference.view().max_rank());
                    truncate_matrix(difference.view(), rank, Method::Auto, 1).map_err(named)?
                }
            };
            let values = combined(&w, &update, |w, update| w + update).map_err(named)?;
            Ok((id, Replacement::Dense(device_weight(values, tuned)?)))
        };
        let replaced = map(self.files.merged_matrices(), self.threads(), &*self.options.observer, truncated)?;
        Ok(tuned.with_replacements(replaced))
    }
}

/// The tuned model in which the edited matrices are Ŵ + ΔW instead of W + ΔW.
fn edited_then_tuned(truncation: &Truncation, [base, tuned]: [&Model; 2], edit: &Edit) -> Result<Model> {
    let (edited, _) = truncation.matrices(base, edit)?;
    let mut overlay = BTreeMap::new();
    for (id, reduced) in edited {
        let named = |source| Error::Linalg { matrix: id.to_string(), source };
        let update = combined(&tuned.matrix(id)?, &base.matrix(id)?, |tuned, base| tuned - base).map_err(named)?;
        let values = combined(&reduced, &update, |reduced, update| reduced + update).map_err(named)?;
        overlay.insert(id, Replacement::Dense(device_weight(values, tuned)?));
    }
    Ok(tuned.with_overlay(overlay))
}

/// The matrix of `f(aᵢ, bᵢ)` of two matrices of the same shape.
fn combined(a: &Matrix, b: &Matrix, f: impl Fn(f32, f32) -> f32) -> Result<Matrix, laser_linalg::LinalgError> {
    Matrix::new(a.rows(), a.cols(), a.data().iter().zip(b.data()).map(|(a, b)| f(*a, *b)).collect())
}
