//! Removed parts: takes an edit and the items that it flips, gives the answers of the components that it removes, by themselves.

use std::collections::BTreeMap;

use laser_model::Model;

use super::Session;
use super::continuations::{ItemsOfTask, generating, items_by_task};
use crate::edit::Edit;
use crate::edit::truncation::{Truncation, TruncationRecord};
use crate::error::{Error, Result};
use crate::evaluate::{Evaluator, RunContext};
use crate::explain::removed_part;

impl Session {
    /// Answers of the model whose edited matrices keep only what `edit` removes of them, by item index. `records` are
    /// those of the edit, and `items` the items to ask. `None` if a reduction does not keep the largest components, so that
    /// the smallest are not what it removes, or if such a model computes no numbers.
    pub(super) fn removed_answers(
        &self,
        evaluator: &Evaluator<'_>,
        model: &Model,
        truncation: &Truncation,
        (edit, records): (&Edit, &[TruncationRecord]),
        items: &[usize],
    ) -> Result<Option<BTreeMap<usize, String>>> {
        let Some(removed) = removed_edit(edit, records) else { return Ok(None) };
        let context = RunContext { threads: self.threads(), stage: "removed parts", observer: &*self.options.observer };
        let (model, _) = truncation.apply(model, &removed)?;
        let mut found = BTreeMap::new();
        for ItemsOfTask { task, score, items: of_task } in items_by_task(evaluator, items) {
            // Whole answers, where the score reads only their first token.
            let score = generating(score).filter(|_| evaluator.is_causal()).unwrap_or(score);
            let asked = Evaluator::new(&[(&task, score)], self.tokenizer()?, self.config())?;
            let all: Vec<usize> = (0..of_task.len()).collect();
            match asked.evaluate(&model, &all, context) {
                Ok(outcomes) => found.extend(of_task.into_iter().zip(outcomes.into_iter().map(|o| o.prediction))),
                Err(Error::NotFinite { .. }) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok(Some(found))
    }
}

/// The edit that keeps of each matrix what `edit` removes of it; `None` if one of its reductions does not keep the largest
/// components.
fn removed_edit(edit: &Edit, records: &[TruncationRecord]) -> Option<Edit> {
    let mut removed = Edit::default();
    for ((id, reduction), record) in edit.reductions().zip(records) {
        let rank = record.rank.filter(|_| reduction.keeps_largest())?;
        removed = removed.with(id, removed_part(rank, record.max_rank));
    }
    (!removed.is_empty()).then_some(removed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use laser_model::weight_id::{WeightId, WeightKind};

    #[test]
    fn the_removed_part_of_every_matrix_is_its_smallest_components() {
        let edit = |reductions: [&str; 2]| {
            let ids = [WeightId::new(1, WeightKind::Gate), WeightId::new(2, WeightKind::Down)];
            let parts = ids.into_iter().zip(reductions);
            parts.fold(Edit::default(), |edit, (id, text)| edit.with(id, text.parse().expect("a reduction")))
        };
        let records = [10, 0].map(|rank| TruncationRecord {
            matrix: String::new(),
            reduction: String::new(),
            rank: Some(rank),
            max_rank: 40,
            parameters: 0,
            relative_error: 0.5,
        });
        let removed = removed_edit(&edit(["0.25", "zero"]), &records).expect("largest components");
        assert_eq!(removed.to_string(), "L1.gate_proj@bottom(0.75),L2.down_proj@bottom(1)");
        assert!(removed_edit(&edit(["0.25", "band(0..0.5)"]), &records).is_none());
        assert!(removed_edit(&Edit::default(), &[]).is_none());
    }
}
