//! Rows for reports and tables: what a search knows of each edit, summed up over the batches of its trial.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::Store;
use crate::edit::Edit;
use crate::edit::reduction::split_list;
use crate::error::Result;
use crate::search::trial::Outcomes;
use laser_statistics::Split;

/// An edit that a search could try, with what is known of it; a line of `trials.csv`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialRow {
    /// Short form of the edit, as in `best.edit` of the results.
    pub edit: String,
    /// Layer, from 0; `None` for an edit of several matrices.
    pub layer: Option<usize>,
    /// Name of the matrix in its layer; empty for an edit of several matrices.
    pub matrix: String,
    /// Reduction as the user wrote it: ρ, or another reduction such as `r40`; empty for an edit of several matrices.
    pub reduction: String,
    /// Number of singular components kept; `None` for a reduction without a rank, and for an edit of several matrices.
    pub rank: Option<usize>,
    /// Prediction of the screen; larger is better.
    pub prediction: Option<f64>,
    /// Number of items of the search split that the edit was scored on, tasks that prove nothing left out; 0 if it was not
    /// tried. A race drops edits early.
    pub items: usize,
    /// Fraction of these items that are right; `None` without items, and where items have no answers.
    pub accuracy: Option<f64>,
    /// `accuracy` minus that of the unedited model on the same items.
    pub accuracy_change: Option<f64>,
    /// Mean log-loss on these items, nats an item.
    pub log_loss: Option<f64>,
    /// `log_loss` minus that of the unedited model on the same items.
    pub log_loss_change: Option<f64>,
}

impl TrialRow {
    /// The rows as comma-separated values, after a line with the names of the columns.
    pub fn csv(rows: &[Self]) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        rows.iter().for_each(|row| writer.serialize(row).expect("rows are plain data"));
        let bytes = writer.into_inner().expect("memory takes all bytes");
        String::from_utf8(bytes).expect("texts and numbers are UTF-8")
    }

    /// A row of which nothing is known but the edit, in its short form.
    pub fn untried(edit: &str) -> Self {
        let parts = split_list(edit);
        let single = if let [part] = parts[..] { single(part) } else { None };
        let (layer, matrix, reduction) = single.map_or((None, "", ""), |(l, m, r)| (Some(l), m, r));
        Self {
            edit: edit.to_owned(),
            layer,
            matrix: matrix.to_owned(),
            reduction: reduction.to_owned(),
            rank: None,
            prediction: None,
            items: 0,
            accuracy: None,
            accuracy_change: None,
            log_loss: None,
            log_loss_change: None,
        }
    }
}

/// Layer, matrix and reduction of the short form of an edit of one matrix, `L27.up_proj@0.1`.
fn single(edit: &str) -> Option<(usize, &str, &str)> {
    let (place, reduction) = edit.split_once('@')?;
    let (layer, matrix) = place.strip_prefix('L')?.split_once('.')?;
    Some((layer.parse().ok()?, matrix, reduction))
}

/// The items whose outcomes the rows sum up.
pub struct CountedItems<'a> {
    /// Returns true for the items that count, by their position in the split's item order.
    pub counts: &'a dyn Fn(usize) -> bool,
    /// False where items have no answers, so that none is right or wrong.
    pub have_answers: bool,
}

impl Store {
    /// A row for every edit that was scored on some item of a split, that a screen ranked by `criterion`, or that is among
    /// `candidates`, which are edits with their ranks; the unedited model has none. Edits of one matrix come first, sorted by layer, matrix and rank.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn rows(
        &self,
        split: Split,
        items: &CountedItems<'_>,
        criterion: Option<&str>,
        candidates: &[(Edit, Option<usize>)],
    ) -> Result<Vec<TrialRow>> {
        let mut rows: BTreeMap<String, TrialRow> = BTreeMap::new();
        for (edit, rank) in candidates {
            let edit = edit.to_string();
            rows.insert(edit.clone(), TrialRow { rank: *rank, ..TrialRow::untried(&edit) });
        }
        let predictions = criterion.map(|criterion| self.screen(criterion)).transpose()?.unwrap_or_default();
        for (edit, value) in predictions {
            rows.entry(edit).or_insert_with_key(|edit| TrialRow::untried(edit)).prediction = Some(value);
        }
        let base = self.get(&Edit::default(), split)?;
        for (edit, rank) in self.tried(split)? {
            let outcomes = self.outcomes(&edit, split)?;
            let row = rows.entry(edit).or_insert_with_key(|edit| TrialRow::untried(edit));
            row.rank = rank.or(row.rank);
            row.fill(&outcomes, &base, items);
        }
        let mut rows: Vec<TrialRow> = rows.into_values().collect();
        let key = |row: &TrialRow| (row.layer.is_none(), row.layer, row.matrix.clone(), row.rank);
        rows.sort_by_key(key);
        Ok(rows)
    }

    /// The edits that were scored on some item of a split, with their ranks.
    fn tried(&self, split: Split) -> Result<BTreeSet<(String, Option<usize>)>> {
        let sql = "SELECT DISTINCT edit, rank FROM trials WHERE split = ?1 AND edit <> ''";
        let mut statement = self.connection.prepare(sql).map_err(self.wrap())?;
        let rows =
            statement.query_map(params![split.name()], |row| Ok((row.get(0)?, row.get(1)?))).map_err(self.wrap())?;
        rows.collect::<Result<_, _>>().map_err(self.wrap())
    }
}

impl TrialRow {
    /// Sums up outcomes of the first items of an order; `base` has those of the unedited model.
    fn fill(&mut self, outcomes: &Outcomes, base: &Outcomes, items: &CountedItems<'_>) {
        // An edit is compared with the unedited model on the items that both were scored on.
        let counted: Vec<usize> =
            (0..outcomes.len().min(base.len())).filter(|position| (items.counts)(*position)).collect();
        self.items = counted.len();
        if counted.is_empty() {
            return;
        }
        let n = counted.len() as f64;
        let right = |of: &Outcomes| counted.iter().filter(|position| of.correct[**position]).count() as f64 / n;
        let loss = |of: &Outcomes| -counted.iter().map(|position| of.logprobs[*position]).sum::<f64>() / n;
        if items.have_answers {
            self.accuracy = Some(right(outcomes));
            self.accuracy_change = Some(right(outcomes) - right(base));
        }
        self.log_loss = Some(loss(outcomes));
        self.log_loss_change = Some(loss(outcomes) - loss(base));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_form_tells_layer_matrix_and_reduction() {
        let row = TrialRow::untried("L27.up_proj@random(0.1,7)");
        assert_eq!((row.layer, &*row.matrix, &*row.reduction), (Some(27), "up_proj", "random(0.1,7)"));
        let row = TrialRow::untried("L27.up_proj@0.1,L28.up_proj@0.2");
        assert_eq!((row.layer, &*row.matrix, &*row.reduction), (None, "", ""));
    }
}
